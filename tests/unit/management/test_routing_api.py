"""How accounts are chosen, over HTTP."""

import pytest

from omniroute.routing.selection.rules import OwnRule, Rule
from tests.unit.management.house import House

PATH = "/api/settings/routing"


def test_the_strategy_holds_at_once_for_all_and_for_one_provider(house: House) -> None:
    admin = house.admin()
    assert admin.get(PATH).json() | {"strategies": []} == {
        "fallbackStrategy": "fill-first",
        "stickyRoundRobinLimit": 3,
        "affinity": "auto",
        "providers": {},
        "tagRoutingStrict": False,
        "strategies": [],
    }
    change = {
        "fallbackStrategy": "P2C",
        "providers": {"openai": {"fallbackStrategy": "random", "affinity": "off"}},
    }
    said = admin.patch(PATH, json=change)
    assert said.status_code == 200, said.text
    assert said.json()["providers"] == {
        "openai": {"fallbackStrategy": "random", "stickyRoundRobinLimit": None, "affinity": "off"}
    }
    selection = house.live.current.selection
    assert selection.of("openai") == Rule(strategy="random", affinity="off")
    assert selection.of("anthropic") == Rule(strategy="p2c")
    assert house.actions()[-1] == "settings.routing"


def test_tags_can_be_made_a_rule_that_is_never_broken(house: House) -> None:
    admin = house.admin()
    assert admin.patch(PATH, json={"tagRoutingStrict": True}).json()["tagRoutingStrict"] is True
    admin.patch(PATH, json={"stickyRoundRobinLimit": 9})
    assert house.live.current.selection.strict_tags


def test_what_is_left_out_stays_and_null_takes_a_providers_rule_away(house: House) -> None:
    admin = house.admin()
    admin.patch(PATH, json={"stickyRoundRobinLimit": 9, "providers": {"openai": {"affinity": "on"}}})
    admin.put(PATH, json={"fallbackStrategy": "round-robin", "providers": {"groq": {"stickyRoundRobinLimit": 1}}})
    selection = house.live.current.selection
    assert selection.usual == Rule(strategy="round-robin", sticky=9)
    assert selection.providers == {"openai": OwnRule(affinity="on"), "groq": OwnRule(sticky=1)}
    admin.patch(PATH, json={"providers": {"openai": None}})
    assert set(house.live.current.selection.providers) == {"groq"}


def test_a_provider_may_be_called_by_its_alias(house: House) -> None:
    said = house.admin().patch(PATH, json={"providers": {"cc": {"affinity": "off"}}}).json()
    assert set(said["providers"]) == {"anthropic"}
    assert house.live.current.selection.of("anthropic").affinity == "off"
    house.admin().patch(PATH, json={"providers": {"cc": None}})
    assert house.live.current.selection.providers == {}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"fallbackStrategy": "best"}, "unknown_strategy"),
        ({"providers": {"nowhere": {"affinity": "on"}}}, "unknown_provider"),
        ({"stickyRoundRobinLimit": 0}, "validation_error"),
        ({"affinity": "sometimes"}, "validation_error"),
        ({"strategy": "p2c"}, "validation_error"),
    ],
)
def test_what_cannot_be_is_refused(house: House, body: object, code: str) -> None:
    answer = house.admin().patch(PATH, json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)


def test_a_dry_run_of_a_combo_says_why_the_accounts_are_in_their_order(house: House) -> None:
    admin = house.admin()
    node = {"name": "vl", "prefix": "vl", "apiType": "chat", "baseUrl": "http://127.0.0.1:9000/v1"}
    node_id = admin.post("/api/provider-nodes", json=node).json()["node"]["id"]
    for name in ("one", "two"):
        admin.post("/api/providers", json={"provider": node_id, "name": name, "apiKey": "k"})
    combo = admin.post("/api/combos", json={"name": "fast", "models": ["vl/m"]}).json()
    combo_id = combo.get("id") or combo["combo"]["id"]
    admin.patch(PATH, json={"providers": {node_id: {"fallbackStrategy": "least-used"}}})
    (place,) = admin.get(f"/api/combos/{combo_id}/explain").json()["order"]
    first, second = place["accounts"]
    assert place["because"][1:] == [
        f"account {first}: least-used, 0 under way, use number 0",
        f"account {second}: least-used, 0 under way, use number 0",
    ]
