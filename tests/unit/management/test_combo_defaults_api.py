"""What holds for every combo that does not say otherwise, over HTTP."""

import pytest

from omniroute.routing.combo import ComboConfig
from tests.unit.management.house import House

PATH = "/api/settings/combo-defaults"


def set_to(house: House, **defaults: object) -> dict:
    answer = house.admin().patch(PATH, json={"comboDefaults": defaults})
    assert answer.status_code == 200, answer.text
    return answer.json()["comboDefaults"]


def made(house: House, **config: object) -> dict:
    body = {"name": "fast", "models": ["openai/gpt-4o"], "config": config}
    answer = house.admin().post("/api/combos", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def live(house: House) -> ComboConfig:
    return house.live.current.combos["fast"].config


def test_a_combo_has_what_it_leaves_open_and_nothing_else_from_the_defaults(house: House) -> None:
    own = made(house, maxAttempts=2, on={"server": "return"})
    assert set_to(house, maxAttempts=4, modePack="cost-saver", on={"server": "next", "rate_limit": "wait"}) == {
        "maxAttempts": 4,
        "modePack": "cost-saver",
        "on": {"server": "next", "rate_limit": "wait"},
    }
    assert (live(house).max_attempts, live(house).mode_pack) == (2, "cost-saver")
    assert live(house).on == {"server": "return", "rate_limit": "wait"}
    shown = house.admin().get(f"/api/combos/{own['id']}").json()["config"]
    assert shown == {"maxAttempts": 2, "on": {"server": "return"}}, "a combo shows what is its own"
    assert house.actions()[-1] == "settings.combo-defaults"


def test_a_combo_may_insist_on_what_is_usual(house: House) -> None:
    set_to(house, nestedComboMode="flatten", contextMode="fit", candidatePool=["openai"])
    config = made(house, nestedComboMode="execute", contextMode="largest", candidatePool=[])["config"]
    assert config == {"nestedComboMode": "execute", "contextMode": "largest", "candidatePool": []}
    assert (live(house).nested, live(house).context_mode, live(house).candidate_pool) == ("execute", "largest", ())


def test_a_pack_of_the_combo_goes_before_weights_of_the_defaults(house: House) -> None:
    set_to(house, weights={"quota": 1.0})
    made(house, modePack="ship-fast")
    assert live(house).weights is None


def test_members_are_set_and_taken_back_one_by_one(house: House) -> None:
    set_to(house, maxAttempts=4, handoffThreshold=0.7)
    assert set_to(house, handoffModel="openai/gpt-4o") == {
        "maxAttempts": 4,
        "handoffThreshold": 0.7,
        "handoffModel": "openai/gpt-4o",
    }
    assert set_to(house, maxAttempts=None, handoffThreshold=None) == {"handoffModel": "openai/gpt-4o"}
    assert house.admin().get(PATH).json() == {
        "comboDefaults": {"handoffModel": "openai/gpt-4o"},
        "providerOverrides": {},
    }
    made(house, handoffThreshold=0.9)
    assert (live(house).handoff.threshold, live(house).handoff.model) == (0.9, "openai/gpt-4o")
    assert set_to(house, handoffModel=None) == {}
    assert live(house).handoff.model is None


@pytest.mark.parametrize(
    "body",
    [
        {"comboDefaults": {"maxRetries": 3}},
        {"comboDefaults": {"weights": {"quota": 0.4}}},
        {"comboDefaults": {"on": {"cancelled": "next"}}},
        {"comboDefaults": {"compositeTiers": {"defaultTier": "a", "tiers": {"a": {"stepId": "b"}}}}},
        {"comboDefaults": {"candidatePool": ["nobody"]}},
        {"providerOverrides": {"openai": {"maxAttempts": 2}}},
    ],
)
def test_what_would_do_nothing_is_refused(house: House, body: dict) -> None:
    assert house.admin().patch(PATH, json=body).status_code == 400
    assert house.admin().get(PATH).json()["comboDefaults"] == {}
