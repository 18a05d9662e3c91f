"""A dry run says what would be tried, in which order, and why."""

import msgspec

from omniroute.access.grant import LOCAL_GRANT
from omniroute.dialects.registry import DIALECTS
from omniroute.ir.failure import Failure
from omniroute.ir.target import Target
from omniroute.pipeline.visit import Tried, Visit
from omniroute.routing.candidate import Account, Candidate
from omniroute.routing.eligible import Unfit
from omniroute.routing.strategy import Asked
from omniroute.routing.tree import leaves
from tests.unit.management.house import House
from tests.unit.pipeline.stage import Exchange

BROKEN = Failure(kind="server", status=500, message="broken")
NAMES = ("one", "two")


def house_with(house: House, **combo: object) -> tuple[House, str]:
    """Two nodes with one account each, and a combo of their models."""
    admin = house.admin()
    for name in NAMES:
        node = {"name": name, "prefix": name, "apiType": "chat", "baseUrl": "http://127.0.0.1:9000/v1"}
        assert admin.post("/api/provider-nodes", json=node).status_code == 201
        assert admin.post("/api/providers", json={"provider": name, "name": "a", "apiKey": "k"}).status_code == 201
    made = admin.post("/api/combos", json={"name": "fast", "models": ["one/m", "two/m"], **combo})
    assert made.status_code == 201, made.text
    return house, made.json()["id"]


def explanation(house: House, combo_id: str, **query: object) -> dict:
    answer = house.admin().get(f"/api/combos/{combo_id}/explain", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def target(house: House, prefix: str) -> Target:
    provider = house.live.current.providers[prefix]
    return Target(provider=provider.id, model="m", dialect="openai_chat")


def test_the_order_names_target_account_and_reason(house: House) -> None:
    said = explanation(*house_with(house))
    assert [place["model"] for place in said["order"]] == ["m", "m"]
    assert [place["because"] for place in said["order"]] == [
        ["priority: number 1 as configured"],
        ["priority: number 2 as configured"],
    ]
    assert all(len(place["accounts"]) == 1 for place in said["order"])
    assert said["leftOut"] == []


def test_asking_does_not_take_a_turn(house: House) -> None:
    house, combo_id = house_with(house, strategy="round-robin")
    assert explanation(house, combo_id)["order"] == explanation(house, combo_id)["order"]


def test_a_step_without_an_account_is_left_out_with_what_to_do(house: House) -> None:
    said = explanation(*house_with(house, models=["one/m", "openai/gpt-4o"]))
    assert [place["executionKey"] for place in said["order"]] == ["fast-model-1-one/m"]
    (left,) = said["leftOut"]
    assert "no active connection for provider 'openai'" in left["reason"]


def test_a_failing_provider_is_left_out_and_the_load_is_shown(house: House) -> None:
    house, combo_id = house_with(house, strategy="least-used")
    for _ in range(12):
        house.pulse.began(target(house, "one"), house.clock.monotonic())
        house.pulse.failed(target(house, "one"), BROKEN, house.clock.monotonic())
    house.pulse.began(target(house, "two"), house.clock.monotonic())
    said = explanation(house, combo_id)
    assert [place["because"] for place in said["order"]] == [["least-used: 1 under way, 0.03 per second lately"]]
    (left,) = said["leftOut"]
    assert left["reason"].startswith("its provider fails: its breaker is open")


def test_a_score_comes_with_its_factors(house: House) -> None:
    house, combo_id = house_with(house, strategy="auto", config={"explorationRate": 0.0})
    first = explanation(house, combo_id, task="coding")["order"][0]
    assert 0 < first["score"] <= 1
    assert set(first["factors"]) == {"quota", "health", "cost", "latency", "task", "stability"}
    assert first["because"][0].startswith("auto: score 0.")


def test_a_nested_combo_gives_a_reason_for_every_level(house: House) -> None:
    house, _ = house_with(house)
    outer = house.admin().post(
        "/api/combos",
        json={"name": "outer", "strategy": "weighted", "models": [{"comboName": "fast", "weight": 9}]},
    )
    said = explanation(house, outer.json()["id"])
    assert said["order"][0]["because"] == ["weighted: drawn with 9 of 9", "priority: number 1 as configured"]


def test_an_unknown_combo_is_404(house: House) -> None:
    assert house.admin().get("/api/combos/nope/explain").status_code == 404


def test_a_trace_is_told_without_secrets_and_gone_ones_point_to_the_log(house: House) -> None:
    up = Candidate(
        target=Target(provider="up", model="m", dialect="openai_chat"), account=Account(id="a", provider="up")
    )
    visit = Visit(
        exchange=Exchange({}), dialect=DIALECTS["anthropic"], grant=LOCAL_GRANT, model="up/m", asked=0, stream=True
    )
    refusal = Failure(kind="authentication", status=401, message="bad key sk-abcdefghijklmnopqrstuvwxyz0123456789")
    visit.tried = (Tried(candidate=up, failure=refusal, took_s=0.25, rest_s=10.0),)
    visit.failure = refusal
    house.traces.keep(visit, None, 0.0)
    admin = house.admin()
    told = admin.get("/api/explain/req_1").json()
    assert (told["model"], told["dialect"], told["combo"], told["winner"]) == ("up/m", "anthropic", None, None)
    (tried,) = told["tried"]
    assert (tried["provider"], tried["status"], tried["durationMs"], tried["restS"]) == ("up", 401, 250, 10.0)
    assert "sk-abcdefghijkl" not in str(told)
    gone = admin.get("/api/explain/req_2")
    assert (gone.status_code, gone.json()["error"]["code"]) == (404, "trace_not_found")


def test_what_was_unfit_and_used_all_the_same_for_want_of_better_is_not_called_left_out(house: House) -> None:
    house, _ = house_with(house)
    chosen, _ = house.rehearse("fast", Asked(tools=True))
    assert chosen.branch is not None
    first = leaves(chosen.branch)[0]
    forced = msgspec.structs.replace(chosen, unfit=(Unfit(leaf=first, reason="the model takes no tools"),))
    visit = Visit(
        exchange=Exchange({}),
        dialect=DIALECTS["anthropic"],
        grant=LOCAL_GRANT,
        model="fast",
        asked=0,
        stream=False,
    )
    visit.chosen = forced
    house.traces.keep(visit, None, 0.0)
    told = house.admin().get("/api/explain/req_1").json()
    assert first.key in [one["executionKey"] for one in told["order"]]
    assert told["excluded"] == []
