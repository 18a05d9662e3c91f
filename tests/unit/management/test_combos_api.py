"""Combos over HTTP: what is accepted, what is refused and why, and what follows a change."""

import pytest

from omniroute.routing.combo import ComboConfig
from tests.unit.management.house import House

STEPS = ["openai/gpt-4o", {"model": "anthropic/claude-sonnet-4-5", "weight": 30}]


def created(house: House, name: str = "fast", **more: object) -> dict:
    answer = house.admin().post("/api/combos", json={"name": name, "models": STEPS, **more})
    assert answer.status_code == 201, answer.text
    return answer.json()


def refused(house: House, **body: object) -> tuple[int, str]:
    answer = house.admin().post("/api/combos", json={"name": "x", "models": STEPS, **body})
    return answer.status_code, answer.json()["error"]["message"]


def test_a_combo_is_created_listed_changed_and_deleted(house: House) -> None:
    made = created(house, strategy="Usage")
    assert made["strategy"] == "least-used"
    assert [(step["kind"], step["model"], step["weight"]) for step in made["models"]] == [
        ("model", "openai/gpt-4o", 0),
        ("model", "anthropic/claude-sonnet-4-5", 30),
    ]
    admin = house.admin()
    assert admin.get("/api/combos").json() == {"combos": [made]}
    assert admin.get(f"/api/combos/{made['id']}").json() == made
    changed = admin.put(f"/api/combos/{made['id']}", json={"strategy": "weighted", "isHidden": True}).json()
    assert (changed["strategy"], changed["isHidden"], changed["models"]) == ("weighted", True, made["models"])
    assert admin.delete(f"/api/combos/{made['id']}").json() == {"success": True}
    assert admin.get(f"/api/combos/{made['id']}").status_code == 404


def test_a_string_that_is_a_combos_name_refers_to_it_and_follows_its_renaming(house: House) -> None:
    inner = created(house, "inner")
    outer = created(house, "outer", models=["inner", "openai/gpt-4o"])
    assert [step["kind"] for step in outer["models"]] == ["combo-ref", "model"]
    admin = house.admin()
    assert admin.put(f"/api/combos/{inner['id']}", json={"name": "core"}).status_code == 200
    assert admin.get(f"/api/combos/{outer['id']}").json()["models"][0]["comboName"] == "core"


def test_a_combo_in_use_is_not_deleted(house: House) -> None:
    inner = created(house, "inner")
    created(house, "outer", models=["inner"])
    answer = house.admin().delete(f"/api/combos/{inner['id']}")
    assert answer.status_code == 409
    assert "used by 'outer'" in answer.json()["error"]["message"]


def test_a_circle_that_a_change_would_close_is_refused(house: House) -> None:
    inner = created(house, "inner")
    created(house, "outer", models=["inner"])
    answer = house.admin().put(f"/api/combos/{inner['id']}", json={"models": ["outer"]})
    assert answer.status_code == 400
    assert "circle: inner -> outer -> inner" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"models": []}, "has no models"),
        ({"name": "with space"}, "letters, digits"),
        ({"name": "openai/fast"}, "would hide a model of 'openai'"),
        ({"strategy": "best"}, "no strategy 'best'"),
        ({"models": [{"kind": "combo-ref", "comboName": "gone"}]}, "'gone', which does not exist"),
        ({"models": [{"weight": 5}]}, "neither a model nor a comboName"),
        ({"models": [{"id": "a>b", "model": "openai/gpt-4o"}]}, "'>'"),
        ({"config": {"compositeTiers": {"defaultTier": "best", "tiers": {}}}}, "'best' is no tier"),
        ({"config": {"on": {"cancelled": "next"}}}, "take out the rule for 'cancelled'"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(house: House, body: dict, words: str) -> None:
    status, message = refused(house, **body)
    assert status == 400
    assert words in message


def test_a_name_is_taken_once(house: House) -> None:
    created(house)
    assert refused(house, name="fast") == (400, "Combo name already exists: 'fast'.")


@pytest.mark.parametrize(
    "config",
    [
        {"maxRetries": 3},
        {"modePack": "turbo"},
        {"maxAttempts": 0},
        {"on": {"429": "next"}},
        {"on": {"server": "hop"}},
        {"timeouts": {"readMs": 1}},
        {"timeouts": {"idleMs": -1}},
        {"timeouts": {"idleMs": 1.5}},
    ],
)
def test_settings_that_do_nothing_are_refused_rather_than_stored(house: House, config: dict) -> None:
    assert refused(house, config=config)[0] == 400


def test_the_config_comes_back_as_it_was_sent(house: House) -> None:
    config = {
        "maxAttempts": 4,
        "nestedComboMode": "flatten",
        "modePack": "cost-saver",
        "weights": {"quota": 0.5, "costInv": 0.5},
        "explorationRate": 0.0,
        "budgetCap": 0.25,
        "candidatePool": ["openai"],
        "on": {"invalid_request": "next", "rate_limit": "wait"},
        "timeouts": {"firstEventMs": 45000, "totalMs": 0},
        "compositeTiers": {"defaultTier": "a", "tiers": {"a": {"stepId": "one", "fallbackTier": None}}},
    }
    made = created(house, models=[{"id": "one", "model": "openai/gpt-4o"}], config=config)
    assert made["config"] == config


def test_the_order_of_the_list_is_the_operators(house: House) -> None:
    ids = [created(house, name)["id"] for name in ("a", "b", "c")]
    admin = house.admin()
    assert admin.post("/api/combos/reorder", json={"comboIds": [ids[2], "unknown", ids[0]]}).status_code == 200
    assert [one["name"] for one in admin.get("/api/combos").json()["combos"]] == ["c", "a", "b"]


def test_changes_are_audited(house: House) -> None:
    made = created(house)
    row = house.audited()[-1]
    assert (row.action, row.target) == ("combo.create", made["id"])


def test_what_a_combo_makes_of_its_requests_is_stored_kept_and_taken_back(house: House) -> None:
    admin = house.admin()
    agent = {"system_message": "Be brief.", "tool_filter_regex": "^read_", "context_cache_protection": True}
    made = admin.post("/api/combos", json={"name": "agent", "models": ["openai/gpt-4o"], **agent})
    assert made.status_code == 201, made.text
    assert {name: made.json()[name] for name in agent} == agent
    path = f"/api/combos/{made.json()['id']}"
    config = {"handoffThreshold": 0.7, "handoffModel": "openai/gpt-4o", "maxMessagesForSummary": 10}
    changed = admin.put(path, json={"system_message": None, "config": config}).json()
    assert (changed["system_message"], changed["tool_filter_regex"]) == (None, "^read_")
    assert changed["config"] == config
    bare = {"tool_filter_regex": None, "context_cache_protection": False, "config": None}
    assert admin.put(path, json=bare).json()["config"] == {}
    assert house.live.current.combos["agent"].config == ComboConfig()


@pytest.mark.parametrize(("pattern", "why"), [("(", "a group is not closed"), ("(?=a)", "look-around")])
def test_a_tool_filter_that_cannot_be_used_is_refused_when_it_is_saved(
    house: House, pattern: str, why: str
) -> None:
    body = {"name": "agent", "models": ["openai/gpt-4o"], "tool_filter_regex": pattern}
    answer = house.admin().post("/api/combos", json=body)
    assert answer.status_code == 400
    assert f"The tool filter {pattern!r} cannot be used" in answer.json()["error"]["message"]
    assert why in answer.json()["error"]["message"]


def test_a_pattern_that_would_take_forever_elsewhere_is_welcome(house: House) -> None:
    body = {"name": "agent", "models": ["openai/gpt-4o"], "tool_filter_regex": "^(a+)+$"}
    assert house.admin().post("/api/combos", json=body).status_code == 201
