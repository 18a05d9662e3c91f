"""Provider nodes over HTTP."""

import pytest

from tests.unit.management.house import MODELS, House, replies

NODE = {"name": "My vLLM", "prefix": "vl", "apiType": "chat", "baseUrl": "http://127.0.0.1:9000/v1/"}


def created(house: House, **more: object) -> dict:
    answer = house.admin().post("/api/provider-nodes", json={**NODE, **more})
    assert answer.status_code == 201, answer.text
    return answer.json()["node"]


def test_a_node_is_created_listed_and_deleted_with_its_connections(house: House) -> None:
    node = created(house)
    assert node | {"id": "", "createdAt": "", "updatedAt": ""} == {
        "id": "",
        "type": "openai-compatible",
        "name": "My vLLM",
        "prefix": "vl",
        "apiType": "chat",
        "baseUrl": "http://127.0.0.1:9000/v1",
        "chatPath": None,
        "modelsPath": None,
        "createdAt": "",
        "updatedAt": "",
    }
    assert node["id"].startswith("openai-compatible-chat-")
    admin = house.admin()
    assert admin.get("/api/provider-nodes").json() == {"nodes": [node], "ccCompatibleProviderEnabled": False}
    by_id = admin.post("/api/providers", json={"provider": node["id"], "name": "one"})
    by_prefix = admin.post("/api/providers", json={"provider": "vl", "name": "two", "apiKey": "k"})
    assert by_id.json()["connection"]["provider"] == by_prefix.json()["connection"]["provider"] == node["id"]
    assert admin.delete(f"/api/provider-nodes/{node['id']}").json() == {"success": True}
    assert admin.get("/api/providers").json() == {"connections": []}
    assert admin.delete(f"/api/provider-nodes/{node['id']}").status_code == 404


def test_an_update_reaches_its_connections_at_once(house: House) -> None:
    node = created(house)
    admin = house.admin()
    made = admin.post("/api/providers", json={"provider": "vl", "name": "one", "apiKey": "k"}).json()["connection"]
    change = {**NODE, "baseUrl": "http://10.0.0.9:8000/v2", "chatPath": "/talk", "modelsPath": "/list"}
    assert admin.put(f"/api/provider-nodes/{node['id']}", json=change).status_code == 200
    assert admin.post(f"/api/providers/{made['id']}/test").json()["valid"] is True
    request = house.transport.requests[-1]
    assert (request.url, request.private) == ("http://10.0.0.9:8000/v2/list", True)
    house.answer = lambda asked: replies(404 if asked.method == "GET" else 200, {})(asked)
    admin.post(f"/api/providers/{made['id']}/test", json={"validationModelId": "m"})
    assert house.transport.requests[-1].url == "http://10.0.0.9:8000/v2/talk"


def test_a_gemini_node_is_asked_in_googles_words(house: House) -> None:
    node = created(house, type="gemini-compatible", baseUrl="http://127.0.0.1:9000/v1beta/models")
    assert (node["baseUrl"], node["apiType"]) == ("http://127.0.0.1:9000/v1beta", None)
    admin = house.admin()
    made = admin.post("/api/providers", json={"provider": "vl", "name": "one", "apiKey": "k"}).json()["connection"]
    house.answer = replies(200, {"models": [{"name": "models/gemini-x", "displayName": "X"}]})
    assert admin.post(f"/api/providers/{made['id']}/test").json()["valid"] is True
    asked = house.transport.requests[-1]
    assert (asked.url, dict(asked.headers)["x-goog-api-key"]) == ("http://127.0.0.1:9000/v1beta/models", "k")
    house.answer = lambda asked: replies(404 if asked.method == "GET" else 200, {})(asked)
    admin.post(f"/api/providers/{made['id']}/test", json={"validationModelId": "m"})
    assert house.transport.requests[-1].url == "http://127.0.0.1:9000/v1beta/models/m:generateContent"


@pytest.mark.parametrize("prefix", ["openai", "ant", "claude", "cursor", "vl"])
def test_a_prefix_that_means_something_already_is_409(house: House, prefix: str) -> None:
    node = created(house)
    admin = house.admin()
    answer = admin.post("/api/provider-nodes", json={**NODE, "prefix": prefix})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "prefix_taken")
    assert admin.put(f"/api/provider-nodes/{node['id']}", json={**NODE, "name": "renamed"}).status_code == 200
    assert len(admin.get("/api/provider-nodes").json()["nodes"]) == 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"apiType": "nonsense"}, "bad_node_type"),
        ({"type": "nonsense"}, "bad_node_type"),
        ({"name": ""}, "validation_error"),
        ({"name": "  "}, "bad_name"),
        ({"prefix": "a/b"}, "bad_prefix"),
        ({"prefix": "-x"}, "bad_prefix"),
        ({"chatPath": "talk"}, "bad_path"),
        ({"type": "gemini-compatible", "chatPath": "/talk"}, "bad_path"),
        ({"modelsPath": "/x y"}, "bad_path"),
        ({"baseUrl": "http://169.254.169.254/v1"}, "blocked_url"),
        ({"baseUrl": "http://[fe80::1]/"}, "blocked_url"),
        ({"baseUrl": "http://100.100.100.200/"}, "blocked_url"),
        ({"baseUrl": "http://[::]/v1"}, "blocked_url"),
        ({"baseUrl": "http://0177.0.0.1/"}, "bad_url"),
        ({"baseUrl": "https://user:pass@host.example/"}, "bad_url"),
        ({"baseUrl": "https://host.example/v1?key=1"}, "bad_url"),
        ({"baseUrl": "ftp://host.example"}, "bad_url"),
        ({"compatMode": "cc"}, "validation_error"),
        ({"surprise": 1}, "validation_error"),
    ],
)
def test_a_node_that_cannot_be_served_is_not_stored(house: House, change: dict, code: str) -> None:
    admin = house.admin()
    answer = admin.post("/api/provider-nodes", json={**NODE, **change})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)
    assert admin.get("/api/provider-nodes").json()["nodes"] == []


def test_an_anthropic_node_is_asked_in_its_own_way(house: House) -> None:
    node = created(
        house, type="anthropic-compatible", apiType=None, prefix="cl", baseUrl="https://claude.example/v1/messages"
    )
    assert node["baseUrl"] == "https://claude.example/v1"
    assert node["apiType"] is None
    admin = house.admin()
    made = admin.post("/api/providers", json={"provider": "cl", "name": "c", "apiKey": "k-1"}).json()["connection"]
    assert admin.post(f"/api/providers/{made['id']}/test").json()["valid"] is True
    headers = dict(house.transport.requests[-1].headers)
    assert headers["x-api-key"] == "k-1"
    assert headers["anthropic-version"] == "2023-06-01"
    default = created(house, type="anthropic-compatible", apiType=None, prefix="cl2", baseUrl=None)
    assert default["baseUrl"] == "https://api.anthropic.com/v1"


def test_an_update_must_fit_the_node(house: House) -> None:
    node = created(house)
    admin = house.admin()
    path = f"/api/provider-nodes/{node['id']}"
    missing = admin.put(path, json={key: value for key, value in NODE.items() if key != "apiType"})
    assert missing.json()["error"]["code"] == "bad_node_type"
    other = admin.put(path, json={**NODE, "type": "anthropic-compatible"})
    assert other.json()["error"]["code"] == "node_type_fixed"
    assert admin.put("/api/provider-nodes/nobody", json=NODE).status_code == 404


def test_validating_a_node_stores_nothing(house: House) -> None:
    admin = house.admin()
    body = {"baseUrl": "http://127.0.0.1:9000/v1", "apiKey": "k", "type": "openai-compatible"}
    house.answer = lambda request: MODELS
    answer = admin.post("/api/provider-nodes/validate", json=body)
    assert answer.json() == {"valid": True, "error": None, "warning": None}
    house.answer = replies(401, {})
    assert admin.post("/api/provider-nodes/validate", json=body).json()["valid"] is False
    blocked = admin.post("/api/provider-nodes/validate", json={"baseUrl": "http://169.254.169.254/?token=canary"})
    assert (blocked.status_code, blocked.json()["error"]["code"]) == (400, "bad_url")
    blocked = admin.post("/api/provider-nodes/validate", json={"baseUrl": "http://169.254.169.254/"})
    assert (blocked.status_code, blocked.json()["error"]["code"]) == (503, "blocked_url")
    assert house.audited()[-1].action == "provider.validation.ssrf_blocked"
    assert admin.get("/api/provider-nodes").json()["nodes"] == []
