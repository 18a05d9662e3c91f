"""Claims about `omniroute combos` against a gateway that answers by script."""

import json

from tests.unit.cli.scripted import Omniroute, ScriptedGateway

COMBOS = {
    "combos": [
        {"id": "c1", "name": "best", "strategy": "weighted", "isActive": True,
         "models": [
             {"kind": "model", "model": "openai/gpt-5", "weight": 80},
             {"kind": "combo-ref", "comboName": "spare"},
         ]},
    ]
}  # fmt: skip
EXPLANATION = {
    "combo": "best",
    "strategy": "weighted",
    "seed": "0000000000000001",
    "order": [
        {"place": 1, "executionKey": "a", "provider": "openai", "model": "gpt-5", "accounts": ["x", "y"],
         "because": ["weighted: drawn with 80 of 80"]},
    ],
    "leftOut": [{"executionKey": "spare>b", "reason": "the model takes no tools"}],
}  # fmt: skip


def test_combos_are_listed_with_their_weights(gateway: ScriptedGateway, omniroute: Omniroute) -> None:
    gateway.answers["GET /api/combos"] = (200, COMBOS)
    assert omniroute("combos", "ls").out == "best\tweighted\tactive\topenai/gpt-5*80, spare\n"
    assert json.loads(omniroute("combos", "ls", "--json").out) == COMBOS["combos"]


def test_a_combo_is_made_of_models_and_weights(gateway: ScriptedGateway, omniroute: Omniroute) -> None:
    gateway.answers["POST /api/combos"] = (201, COMBOS["combos"][0])
    assert omniroute("combos", "add", "best", "openai/gpt-5*80", "spare", "--strategy", "weighted").code == 0
    assert gateway.asked[0].body == {
        "name": "best",
        "strategy": "weighted",
        "models": [{"model": "openai/gpt-5", "weight": 80}, "spare"],
    }


def test_a_combo_is_deleted_by_its_name(gateway: ScriptedGateway, omniroute: Omniroute) -> None:
    gateway.answers["GET /api/combos"] = (200, COMBOS)
    gateway.answers["DELETE /api/combos/c1"] = (200, {"success": True})
    assert omniroute("combos", "rm", "best", "--yes").code == 0
    assert omniroute("combos", "rm", "worst", "--yes").code == 1


def test_an_explanation_gives_the_order_and_what_is_left_out(
    gateway: ScriptedGateway, omniroute: Omniroute
) -> None:
    gateway.answers["GET /api/combos"] = (200, COMBOS)
    gateway.answers["GET /api/combos/c1/explain"] = (200, EXPLANATION)
    assert omniroute("combos", "explain", "best").out == (
        "1\topenai/gpt-5\t2\tweighted: drawn with 80 of 80\n-\tspare>b\t0\tthe model takes no tools\n"
    )


def test_a_test_shows_each_model_and_fails_when_none_answers(
    gateway: ScriptedGateway, omniroute: Omniroute
) -> None:
    good = {"executionKey": "a", "status": "ok", "latencyMs": 12, "provider": "openai", "model": "gpt-5",
            "statusCode": 200, "responseText": "OK"}  # fmt: skip
    bad = {**good, "status": "error", "statusCode": 429, "errorClass": "rate_limit", "error": "slow down"}
    bad["responseText"] = None
    unasked = {"executionKey": "b", "status": "error", "latencyMs": 0, "error": "no active connection"}
    gateway.answers["GET /api/combos"] = (200, COMBOS)
    gateway.answers["POST /api/combos/test"] = (200, {"results": [good, bad, unasked]})
    tested = omniroute("combos", "test", "best")
    assert (tested.code, tested.out) == (
        0,
        "openai/gpt-5\tok\t12 ms\tOK\n"
        "openai/gpt-5\t429 rate_limit\t12 ms\tslow down\n"
        "b\t-\t-\tno active connection\n",
    )
    assert gateway.asked[-1].body == {"comboName": "best"}
    gateway.answers["POST /api/combos/test"] = (200, {"results": [bad]})
    assert omniroute("combos", "test", "best").code == 1


def test_metrics_show_requests_of_combos_and_attempts_at_their_models(
    gateway: ScriptedGateway, omniroute: Omniroute
) -> None:
    counts = {
        "requests": 3,
        "successes": 2,
        "failures": 1,
        "avgLatencyMs": 40,
        "lastUsedAt": "2030-01-01T00:00:00Z",
    }
    step = {**counts, "provider": "openai", "model": "gpt-5", "executionKey": "a"}
    combo = {**counts, "comboName": "best", "fallbacks": 1, "steps": [step]}
    gateway.answers["GET /api/combos/metrics"] = (200, {"combos": [combo]})
    assert omniroute("combos", "metrics").out == (
        "best\t3\t2\t1\t40 ms\t1\t2030-01-01T00:00:00Z\n  openai/gpt-5\t3\t2\t1\t40 ms\t\t2030-01-01T00:00:00Z\n"
    )
