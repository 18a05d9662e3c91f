"""Usage over real sockets: what was asked is in the log, at the price of the list that was imported before."""

import json
from collections.abc import Iterator

import pytest

from tests.support.gateway import Gateway
from tests.support.stage import Stage, stage
from tests.support.upstream.script import ErrorEvent, Script
from tests.support.upstream.server import ScriptedUpstream
from tests.support.waiting import soon


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with ScriptedUpstream() as upstream, stage(upstream, tmp_path_factory.mktemp("gateway")) as running:
        yield running


def logged(gateway: Gateway, query: str, count: int) -> list[dict]:
    """The settled requests that `query` finds, newest first, once there are `count`."""
    return soon(
        lambda: gateway.admin("GET", f"/api/usage/request-logs?q=-is:running%20{query}")["items"],
        lambda items: len(items) >= count,
    )


def test_an_imported_price_is_that_of_the_next_request(behind: Stage) -> None:
    gateway, site = behind.gateway, behind.site("openai")
    prefix = site.model.partition("/")[0]
    assert site.ask("openai").status == 200
    entry = {"litellm_provider": prefix, "input_cost_per_token": 0.25, "output_cost_per_token": 0.5}
    answer = gateway.admin(
        "POST", "/api/pricing/sync", {"prices": {"scripted-small": entry}, "dated": "2026-11-01"}
    )
    assert answer["models"] == 1
    assert site.ask("openai").status == 200
    later, earlier = logged(gateway, f"model:{site.model}", 2)
    assert (earlier["costMicroUsd"], earlier["priceSource"]) == (None, None)
    tokens = later["tokens"]
    assert later["costMicroUsd"] == tokens["in"] * 250_000 + tokens["out"] * 500_000 > 0
    assert later["priceSource"] == "litellm 2026-11-01"


def test_a_stream_is_captured_and_shown_and_summed_up_under_its_combo(behind: Stage) -> None:
    gateway, site = behind.gateway, behind.site("openai")
    gateway.admin("POST", "/api/combos", {"name": "usage-combo", "models": [site.model]})
    gateway.admin("PATCH", "/api/settings/logging", {"bodies": "all"})
    try:
        asked = behind.ask(
            "openai",
            {
                "model": "usage-combo",
                "stream": True,
                "messages": [{"role": "user", "content": "my key is sk-test-0123456789"}],
            },
        )
    finally:
        gateway.admin("PATCH", "/api/settings/logging", {"bodies": "off"})
    assert asked.status == 200
    (row,) = logged(gateway, "combo:usage-combo", 1)
    detail = captured(gateway, row["id"])
    assert detail["responseBody"] == asked.body.decode()
    assert json.loads(detail["requestBody"])["messages"][0]["content"] == "my key is sk-t…"
    assert detail["capture"]["request"]["headers"]["authorization"] == "[redacted]"
    assert (detail["path"], detail["comboName"]) == ("/v1/chat/completions", "usage-combo")
    history = gateway.admin("GET", "/api/usage/history")
    assert history["byCombo"]["usage-combo"]["requests"] == 1
    assert history["totalRequests"] == len(logged(gateway, "", 0))


def captured(gateway: Gateway, request_id: str) -> dict:
    """The request with its bodies, once they are written."""
    return soon(
        lambda: gateway.admin("GET", f"/api/usage/call-logs/{request_id}"),
        lambda detail: detail["capture"] is not None,
    )


def test_a_failed_attempt_that_was_billed_is_in_its_own_row_and_once_in_the_sums(behind: Stage) -> None:
    gateway = behind.gateway
    model = behind.model("anthropic", keys=("sk-first-upstream", "sk-second-upstream"))
    prefix = model.partition("/")[0]
    gateway.admin("PATCH", "/api/pricing", {prefix: {"scripted-small": {"input": 1000, "output": 1000}}})
    behind.upstream.script(Script(fault=ErrorEvent(after=1)))
    body = {"model": model, "stream": True, "max_tokens": 50, "messages": [{"role": "user", "content": "hi"}]}
    assert behind.ask("anthropic", body).status == 200
    (row,) = logged(gateway, f"model:{model}", 1)
    detail = gateway.admin("GET", f"/api/usage/request-logs/{row['id']}")
    failed, answered = detail["tries"]
    assert (failed["outcome"], failed["priceSource"]) == ("overloaded", "own")
    assert failed["costMicroUsd"] == 1000 * (failed["tokens"]["in"] + failed["tokens"]["out"]) > 0
    assert (answered["outcome"], answered["costMicroUsd"]) == ("ok", None)
    assert row["tokens"]["in"] == 2 * failed["tokens"]["in"]
    assert row["costMicroUsd"] == 1000 * (row["tokens"]["in"] + row["tokens"]["out"]) > failed["costMicroUsd"]
    history = gateway.admin("GET", "/api/usage/history")
    (node,) = [one for name, one in history["byProvider"].items() if name == row["provider"]]
    assert node["cost"] * 1_000_000 == pytest.approx(row["costMicroUsd"])
