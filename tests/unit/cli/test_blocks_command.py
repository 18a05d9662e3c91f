"""Claims about `omniroute blocks` against a gateway that answers by script."""

import json

from tests.unit.cli.scripted import Omniroute, ScriptedGateway

PATH = "/api/models/availability"
BLOCKED = {
    "unavailableCount": 2,
    "models": [
        {"provider": "openai", "connectionId": "c-1", "connectionName": "work", "model": "*",
         "reason": "rate_limit", "message": "slow down", "remainingMs": 17_890_000},
        {"provider": "gemini", "connectionId": "*", "connectionName": None, "model": "gemini-9",
         "reason": "deprecated", "message": "gone", "remainingMs": None},
    ],
}  # fmt: skip


def test_what_is_blocked_is_listed_with_why_and_for_how_long(
    gateway: ScriptedGateway, omniroute: Omniroute
) -> None:
    gateway.answers[f"GET {PATH}"] = (200, BLOCKED)
    expected = (
        "openai\t*\twork\trate_limit\t4h 58m\tslow down\n"
        "gemini\tgemini-9\tevery account\tdeprecated\tuntil you see to it\tgone\n"
    )
    assert omniroute("blocks").out == expected
    assert omniroute("blocks", "ls").out == expected
    assert json.loads(omniroute("blocks", "--json").out) == BLOCKED["models"]


def test_a_provider_a_model_or_an_account_is_asked_again(gateway: ScriptedGateway, omniroute: Omniroute) -> None:
    gateway.answers[f"GET {PATH}"] = (200, BLOCKED)
    gateway.answers[f"POST {PATH}"] = (200, {"success": True, "ok": True, "removed": True, "count": 1})
    for arguments, body in (
        (("openai",), {"provider": "openai"}),
        (("gemini/gemini-9",), {"model": "gemini/gemini-9"}),
        (("openai", "--connection", "work"), {"provider": "openai", "connectionId": "c-1"}),
    ):
        gateway.asked.clear()
        assert omniroute("blocks", "lift", *arguments).code == 0
        assert gateway.asked[-1].body == {"action": "clear", **body}
    assert omniroute("blocks", "lift", "--connection", "home").code == 1


def test_everything_is_lifted_only_when_that_is_said(gateway: ScriptedGateway, omniroute: Omniroute) -> None:
    gateway.answers["POST /api/resilience/reset"] = (200, {"ok": True, "cooldowns": 3, "breakers": 1})
    assert omniroute("blocks", "lift").code == 2
    assert gateway.asked == []
    assert omniroute("blocks", "lift", "--all").code == 0
    assert gateway.asked[0].body == {"scope": "all"}
