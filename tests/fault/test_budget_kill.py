"""Money across `kill -9`: a budget is never overrun and forgets nothing, and a killed stream costs what it was."""

import threading
from collections.abc import Iterator

import pytest

from tests.support import rows
from tests.support.asking import ask, asking
from tests.support.gateway import Gateway
from tests.support.stage import PATHS, Stage, question
from tests.support.upstream.gate import Gate
from tests.support.upstream.script import Script
from tests.support.upstream.server import ScriptedUpstream

CALLERS = 16
BUDGET = "/api/usage/budget"
# The scripted answer has 7 tokens of output, and its usage says what the prompt was.
PRICES = {"input": 10.0, "output": 1000.0}


@pytest.fixture
def behind(tmp_path) -> Iterator[Stage]:
    gateway = Gateway(tmp_path / "gateway")
    with ScriptedUpstream() as upstream:
        gateway.start()
        yield Stage(upstream, gateway, gateway.client_key("tests"))
        assert gateway.stop() == 0


def priced(behind: Stage) -> str:
    model = behind.model("openai")
    prefix, _, name = model.partition("/")
    behind.gateway.admin("PATCH", "/api/pricing", {prefix: {name: PRICES}})
    return model


def spent(behind: Stage) -> float:
    (one,) = behind.gateway.admin("GET", BUDGET)["budgets"]
    return one["spent"]


def costs(behind: Stage) -> int:
    return sum(row.cost_micro_usd or 0 for row in rows.requests(behind.gateway.database).values())


def until_refused(behind: Stage, model: str, statuses: list[int]) -> None:
    body = question("openai", model, max_tokens=8)
    try:
        while (status := ask(behind.url, PATHS["openai"], body, headers=behind.headers("openai")).status) == 200:
            statuses.append(status)
    except OSError:
        return
    statuses.append(status)


def all_at_once(behind: Stage, model: str) -> tuple[list[threading.Thread], list[int]]:
    statuses: list[int] = []
    callers = [threading.Thread(target=until_refused, args=(behind, model, statuses)) for _ in range(CALLERS)]
    for caller in callers:
        caller.start()
    return callers, statuses


def test_a_hard_budget_holds_over_sockets_and_over_kills_and_forgets_nothing(behind: Stage) -> None:
    model = priced(behind)
    key_id = behind.gateway.admin("GET", "/api/keys")["keys"][0]["id"]
    behind.gateway.admin("POST", BUDGET, {"keyId": key_id, "limit": 0.5, "period": "monthly", "mode": "hard"})
    for kill_at in (15, 40):
        callers, _ = all_at_once(behind, model)
        while len(behind.upstream.received) < kill_at and any(caller.is_alive() for caller in callers):
            callers[0].join(0.005)
        behind.gateway.kill()
        for caller in callers:
            caller.join()
        behind.gateway.start()
        assert round(spent(behind) * 1_000_000) == costs(behind)
    callers, statuses = all_at_once(behind, model)
    for caller in callers:
        caller.join()
    assert set(statuses) == {200, 402}
    assert behind.gateway.stop() == 0
    assert 450_000 < costs(behind) <= 500_000
    behind.gateway.start()
    assert round(spent(behind) * 1_000_000) == costs(behind)
    refused = behind.ask("openai", question("openai", model, max_tokens=8))
    assert (refused.status, refused.json["error"]["code"]) == (402, "budget_exceeded")


def test_a_stream_that_is_killed_with_its_process_is_settled_with_what_it_was_known_to_have_cost(
    behind: Stage,
) -> None:
    model = priced(behind)
    behind.gateway.admin("POST", BUDGET, {"scope": "global", "limit": 5.0})
    gate = Gate(5)
    behind.upstream.default = Script(gate=gate)
    body = question("openai", model, stream=True)
    with asking(behind.url, PATHS["openai"], body, headers=behind.headers("openai")) as answering:
        answering.until(b"data:")
        marked = threading.Event()
        while not any(row.usage_source == "estimated" for row in rows.requests(behind.gateway.database).values()):
            assert not marked.wait(0.02)
        behind.gateway.kill()
    gate.release(100)
    behind.gateway.start()
    (row,) = rows.requests(behind.gateway.database).values()
    assert (row.outcome, row.usage_source, row.price_source) == ("interrupted", "estimated", "own")
    assert row.output_tokens > 0
    assert row.cost_micro_usd == round(spent(behind) * 1_000_000) > 0
