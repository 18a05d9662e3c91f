"""The settings that every request is given: they are stored whole, and hold in the snapshot at once."""

import pytest

from omniroute.dialects.thinking_rule import ThinkingRule
from tests.unit.management.house import House

PROMPT = "/api/settings/system-prompt"
THINKING = "/api/settings/thinking-budget"


def test_a_prompt_holds_when_it_is_enabled(house: House) -> None:
    admin = house.admin()
    assert admin.get(PROMPT).json() == {"enabled": False, "prompt": ""}
    assert admin.put(PROMPT, json={"prompt": "Be kind."}).json() == {"enabled": False, "prompt": "Be kind."}
    assert house.live.current.prompt is None
    assert admin.put(PROMPT, json={"enabled": True}).json() == {"enabled": True, "prompt": "Be kind."}
    assert house.live.current.prompt == "Be kind."
    assert admin.get(PROMPT).json() == {"enabled": True, "prompt": "Be kind."}


def test_a_prompt_of_blanks_is_none(house: House) -> None:
    house.admin().put(PROMPT, json={"enabled": True, "prompt": "  \n"})
    assert house.live.current.prompt is None


def test_a_rule_of_thinking_keeps_what_is_not_named(house: House) -> None:
    admin = house.admin()
    usual = {"mode": "passthrough", "customBudget": 10240, "effortLevel": "medium"}
    assert admin.get(THINKING).json() == usual
    assert house.live.current.thinking is None
    assert admin.put(THINKING, json={"mode": "custom", "customBudget": 2048}).status_code == 200
    assert admin.put(THINKING, json={"effortLevel": "high"}).json() == {
        "mode": "custom",
        "customBudget": 2048,
        "effortLevel": "high",
    }
    assert house.live.current.thinking == ThinkingRule(mode="custom", custom_budget=2048, effort_level="high")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (PROMPT, {}),
        (PROMPT, {"prompt": "x" * 50_001}),
        (PROMPT, {"enabled": "yes"}),
        (PROMPT, {"text": "hi"}),
        (THINKING, {}),
        (THINKING, {"mode": "wild"}),
        (THINKING, {"customBudget": -1}),
        (THINKING, {"customBudget": 131_073}),
        (THINKING, {"effortLevel": "enormous"}),
    ],
)
def test_what_makes_no_sense_is_refused(house: House, path: str, body: dict[str, object]) -> None:
    assert house.admin().put(path, json=body).status_code == 400
