"""Prices over HTTP."""

from omniroute.ledger.prices import Prices
from omniroute.snapshot.price_lists import PriceLists
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


LISTED = {"vl/m": {"litellm_provider": "vl", "input_cost_per_token": 2e-06, "output_cost_per_token": 4e-06}}


def test_an_imported_list_sets_prices_until_it_is_taken_away(house: House) -> None:
    admin = with_node(house).admin()
    provider = house.live.current.providers["vl"]

    def source() -> str | None:
        sheet = house.prices.sheet(provider, "m", house.clock.now())
        return None if sheet is None else sheet.source

    assert source() is None
    dry = admin.post("/api/pricing/sync", json={"prices": LISTED, "dryRun": True, "dated": "2026-11-02"})
    assert dry.json() == {
        "success": True,
        "source": "litellm",
        "dated": "2026-11-02",
        "models": 1,
        "dryRun": True,
    }
    assert source() is None
    assert admin.post("/api/pricing/sync", json={"prices": LISTED, "dated": "2026-11-02"}).status_code == 200
    assert source() == "litellm 2026-11-02"
    later = {"vl": {"models": {"m": {"cost": {"input": 7, "output": 8}}}}}
    assert admin.post("/api/pricing/sync", json={"prices": later, "dated": "2026-11-03"}).status_code == 200
    assert source() == "modelsDev 2026-11-03"
    assert admin.post("/api/pricing/sync", json={"prices": later, "dated": "2026-11-01"}).status_code == 200
    assert source() == "litellm 2026-11-02"
    status = admin.get("/api/pricing/sync").json()
    assert [(one["source"], one["dated"], one["models"]) for one in status["sources"]] == [
        ("litellm", "2026-11-02", 1),
        ("modelsDev", "2026-11-01", 1),
    ]
    assert (status["enabled"], status["lastSyncModelCount"], status["nextSync"]) == (False, 1, None)
    assert admin.delete("/api/pricing/sync?source=litellm").status_code == 200
    assert source() == "modelsDev 2026-11-01"
    assert admin.delete("/api/pricing/sync?source=litellm").status_code == 404
    assert {"pricing.import", "pricing.forget"} <= set(house.actions())


def test_an_imported_list_is_in_force_after_a_restart(house: House) -> None:
    with_node(house).admin().post("/api/pricing/sync", json={"prices": LISTED, "dated": "2026-11-02"})
    prices = Prices(dict)
    PriceLists(house.database, house.writer, prices).load()
    sheet = prices.sheet(house.live.current.providers["vl"], "m", 0)
    assert sheet is not None
    assert sheet.output.pico == 4_000_000


def test_nothing_is_downloaded_and_nothing_else_is_taken_for_a_list(house: House) -> None:
    admin = house.admin()
    for body, code in (
        ({"sources": ["litellm"]}, "not_served"),
        ({"prices": {"a": {"b": 1}}}, "unknown_price_list"),
        ({"prices": {"a": {"litellm_provider": "x"}}}, "unknown_price_list"),
        ({"prices": LISTED, "dated": "2026-13-01"}, "bad_time"),
        ({"prices": LISTED, "source": "elsewhere"}, "validation_error"),
    ):
        answer = admin.post("/api/pricing/sync", json=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, code), answer.text


def test_prices_tell_whose_they_are(house: House) -> None:
    admin = with_node(house).admin()
    admin.post("/api/pricing/sync", json={"prices": LISTED})
    admin.patch("/api/pricing", json=OWN)
    said = admin.get("/api/pricing?includeSources=1").json()
    assert said["sourceMap"] == {"vl": {"m": "user"}}
    assert said["pricing"]["vl"]["m"]["input"] == 2.5
    assert admin.get("/api/pricing/defaults").json() == {}
    made = admin.post("/api/providers", json={"provider": "vl", "apiKey": "sk-" + "a" * 24, "name": "one"})
    assert made.status_code == 201, made.text
    assert isinstance(admin.get("/api/pricing/models").json(), dict)
