"""Every strategy has its section, and what a section shows works as it says."""

import re
from collections.abc import Iterator

import msgspec
import pytest

from omniroute.routing.combo import STRATEGY_NAMES
from tests.docs.generate import ROOT
from tests.unit.management.house import House, housed

PAGE = (ROOT / "docs/how-to/strategies.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (\S+)\n(.*?)(?=^## |\Z)", PAGE, flags=re.DOTALL | re.MULTILINE))
PROVIDERS = ("openai", "anthropic", "groq", "mistral", "gemini")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with housed(tmp_path_factory.mktemp("strategies")) as built:
        for provider in PROVIDERS:
            body = {"provider": provider, "name": provider, "apiKey": "sk-example"}
            assert built.admin().post("/api/providers", json=body).status_code == 201
        yield built


def test_every_strategy_has_a_section_and_nothing_else_has() -> None:
    assert set(SECTIONS) == set(STRATEGY_NAMES)


@pytest.mark.parametrize("strategy", STRATEGY_NAMES)
def test_a_section_says_when_to_use_it_and_what_happens_when_it_goes_wrong(strategy: str) -> None:
    assert SECTIONS[strategy].strip().startswith("Use this when")
    assert "\nWhen it goes wrong: " in SECTIONS[strategy]


@pytest.mark.parametrize("strategy", STRATEGY_NAMES)
def test_the_example_makes_a_combo_that_chooses_by_this_strategy(house: House, strategy: str) -> None:
    (example,) = re.findall(r"```json\n(.*?)```", SECTIONS[strategy], flags=re.DOTALL)
    body = msgspec.json.decode(example)
    admin = house.admin()
    made = admin.post("/api/combos", json=body)
    assert made.status_code == 201, made.text
    said = admin.get(f"/api/combos/{made.json()['id']}/explain").json()
    assert said["strategy"] == strategy
    assert said["leftOut"] == []
    assert len(said["order"]) == len(body["models"])
    assert all(place["because"][0].startswith(f"{strategy}: ") for place in said["order"])
    assert made.json()["config"] == body.get("config", {})
