"""Claims about `omniroute budgets` against a gateway that answers by script."""

import json

import pytest

from tests.unit.cli.scripted import Omniroute, ScriptedGateway

PATH = "/api/usage/budget"
BUDGETS = {
    "budgets": [
        {"id": "budget_1", "scope": "key", "subject": "k1", "keyId": "k1", "keyName": "laptop",
         "limit": 50.0, "period": "monthly", "action": "block", "mode": "hard", "spent": 12.5,
         "percentUsed": 25.0, "status": "ok", "resetsAt": "2026-12-01T00:00:00.000Z"},
        {"id": "budget_2", "scope": "global", "subject": "", "keyId": None, "keyName": None, "limit": 200.0,
         "period": "total", "action": "warn", "mode": "standard", "spent": 0.0, "percentUsed": 0.0, "status": "ok",
         "resetsAt": None},
    ]
}  # fmt: skip
KEYS = {"keys": [{"id": "k1", "name": "laptop"}, {"id": "k2", "name": "twin"}, {"id": "k3", "name": "twin"}]}


def test_budgets_are_listed_with_what_is_spent(gateway: ScriptedGateway, omniroute: Omniroute) -> None:
    gateway.answers[f"GET {PATH}"] = (200, BUDGETS)
    assert omniroute("budgets", "ls").out == (
        "budget_1\tkey laptop\tmonthly\t50.00\t12.5000\t25 %\tblock (hard)\tok\t2026-12-01T00:00\n"
        "budget_2\tglobal\ttotal\t200.00\t0.0000\t0 %\twarn\tok\tnever\n"
    )
    assert json.loads(omniroute("budgets", "ls", "--json").out) == BUDGETS["budgets"]


@pytest.mark.parametrize(
    ("arguments", "body"),
    [
        (("--key", "laptop"), {"keyId": "k1"}),
        (("--key", "local"), {"keyId": "local"}),
        (("--tag", "team"), {"scope": "tag", "subject": "team"}),
        (("--provider", "openai"), {"scope": "provider", "subject": "openai"}),
        (("--connection", "c1"), {"scope": "connection", "subject": "c1"}),
        (("--global",), {"scope": "global"}),
    ],
)
def test_a_budget_is_made_for_whoever_is_named(
    gateway: ScriptedGateway, omniroute: Omniroute, arguments: tuple[str, ...], body: dict
) -> None:
    gateway.answers["GET /api/keys?limit=1000"] = (200, KEYS)
    gateway.answers[f"POST {PATH}"] = (200, {"success": True})
    more = ("--period", "daily", "--action", "downgrade", "--to", "cheap", "--hard", "--reset", "07:30")
    assert omniroute("budgets", "set", "2.5", *arguments, *more).code == 0
    assert gateway.asked[-1].body == {
        **body,
        "limit": 2.5,
        "period": "daily",
        "action": "downgrade",
        "mode": "hard",
        "resetTime": "07:30",
        "downgradeTo": "cheap",
    }


@pytest.mark.parametrize("arguments", [(), ("--global", "--tag", "x"), ("--key", "twin"), ("--key", "nobody")])
def test_a_budget_of_nobody_or_of_several_is_refused(
    gateway: ScriptedGateway, omniroute: Omniroute, arguments: tuple[str, ...]
) -> None:
    gateway.answers["GET /api/keys?limit=1000"] = (200, KEYS)
    assert omniroute("budgets", "set", "1", *arguments).code != 0
    assert [one.method for one in gateway.asked if one.method == "POST"] == []


def test_a_budget_is_deleted_by_its_id(gateway: ScriptedGateway, omniroute: Omniroute) -> None:
    gateway.answers[f"DELETE {PATH}?id=budget_1"] = (200, {"success": True})
    assert omniroute("budgets", "rm", "budget_1", "--yes").code == 0
