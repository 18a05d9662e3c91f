"""Prices over HTTP."""

from tests.unit.management.house import House

OWN = {"vl": {"m": {"input": 2.5, "output": 10, "cached": 0.25}}}


def with_node(house: House) -> House:
    node = {"name": "vl", "prefix": "vl", "apiType": "chat", "baseUrl": "http://127.0.0.1:9000/v1"}
    assert house.admin().post("/api/provider-nodes", json=node).status_code == 201
    return house


def test_a_price_of_ones_own_is_listed_live_and_taken_back(house: House) -> None:
    admin = with_node(house).admin()
    said = admin.patch("/api/pricing", json=OWN)
    assert said.status_code == 200, said.text
    assert said.json() == {
        "vl": {
            "m": {
                "input": 2.5,
                "output": 10.0,
                "cached": 0.25,
                "cache_creation": None,
                "reasoning": None,
                "source": "own",
            }
        }
    }
    assert admin.get("/api/pricing").json() == said.json()
    provider = house.live.current.providers["vl"]
    sheet = house.prices.sheet(provider, "m", house.clock.now())
    assert sheet is not None
    assert sheet.input.pico == 2_500_000
    assert admin.delete("/api/pricing", params={"provider": "vl", "model": "m"}).json() == {}
    assert admin.delete("/api/pricing", params={"provider": "vl", "model": "m"}).status_code == 404


def test_prices_are_numbers_not_below_nothing(house: House) -> None:
    admin = house.admin()
    for price in (
        {"input": -1, "output": 1},
        {"input": "1", "output": 1},
        {"input": 1},
        {"input": 1, "output": 1, "x": 1},
    ):
        assert admin.patch("/api/pricing", json={"openai": {"m": price}}).status_code == 400
