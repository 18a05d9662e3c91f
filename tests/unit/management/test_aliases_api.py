"""Aliases over HTTP."""

from tests.unit.management.house import House


def put(house: House, alias: str, model: str) -> tuple[int, dict]:
    answer = house.admin().put("/api/models/alias", json={"alias": alias, "model": model})
    return answer.status_code, answer.json()


def with_node(house: House) -> House:
    admin = house.admin()
    node = {"name": "up", "prefix": "vl", "apiType": "chat", "baseUrl": "http://127.0.0.1:9000/v1"}
    assert admin.post("/api/provider-nodes", json=node).status_code == 201
    assert admin.post("/api/providers", json={"provider": "vl", "name": "a", "apiKey": "k"}).status_code == 201
    return house


def test_an_alias_is_stored_is_live_and_is_deleted(house: House) -> None:
    with_node(house)
    assert put(house, "fast", "vl/m") == (200, {"success": True, "model": "vl/m", "alias": "fast"})
    assert house.live.current.aliases == {"fast": "vl/m"}
    admin = house.admin()
    assert admin.get("/api/models/alias").json() == {"aliases": {"fast": "vl/m"}}
    assert admin.delete("/api/models/alias", params={"alias": "fast"}).json() == {"success": True}
    assert admin.delete("/api/models/alias", params={"alias": "fast"}).status_code == 404


def test_an_alias_for_nothing_is_refused_with_the_reason(house: House) -> None:
    status, said = put(house, "fast", "nobody/m")
    assert (status, said["error"]["code"]) == (404, "model_not_found")
    assert "no provider 'nobody'" in said["error"]["message"]


def test_an_alias_of_an_alias_is_refused_both_ways_round(house: House) -> None:
    with_node(house)
    assert put(house, "fast", "vl/m")[0] == 200
    assert put(house, "faster", "vl/n")[0] == 200
    assert put(house, "vl/n", "vl/m")[0] == 400
