"""What a combo's targets are for a key: planted once per configuration, and no more than the key may use."""

from collections.abc import Callable

import msgspec
import pytest

from omniroute.access.grant import LOCAL_GRANT, Grant
from omniroute.pipeline.planting import Planted, Planting
from omniroute.routing.combo import Combo, ModelStep
from tests.unit.pipeline.stage import Stage, stage

NAMES = ("a/m", "b/m")


def scene() -> tuple[Stage, Callable[[Grant], Planted]]:
    combo = Combo(id="both", name="both", steps=tuple(ModelStep(id=name, model=name) for name in NAMES))
    on = stage(accounts=dict.fromkeys("ab", 1), codecs=dict.fromkeys("ab", "openai_chat"), combos=(combo,))
    planting = Planting(on.candidates)
    return on, lambda grant: planting.of(on.snapshot, combo, "chat", grant)


def keys(planted: Planted) -> list[str]:
    return [leaf.key for leaf in planted.usable]


@pytest.mark.parametrize(
    "limits",
    [{"models": ("a/*",)}, {"connections": ("a-0",)}, {"blocked": (("b/*", "no b"),)}],
    ids=["models", "connections", "policies"],
)
def test_a_limited_key_has_its_part_at_every_request_and_no_other_key_has_it(limits: dict) -> None:
    _, planted = scene()
    limited = Grant(key_id="k", name="k", **limits)
    first = planted(limited)
    assert keys(first) == ["a/m"]
    assert planted(msgspec.structs.replace(limited)) is first, "it is not planted again"
    assert keys(planted(LOCAL_GRANT)) == ["a/m", "b/m"]
    assert keys(planted(Grant(key_id="k", name="k", models=("b/*",)))) == ["b/m"]
    assert keys(planted(limited)) == ["a/m"]


def test_who_is_allowed_the_combo_by_its_name_is_allowed_what_is_in_it() -> None:
    _, planted = scene()
    assert keys(planted(Grant(key_id="k", name="k", models=("both",)))) == ["a/m", "b/m"]


def test_another_name_of_a_key_is_told_in_its_own_refusals() -> None:
    _, planted = scene()
    reasons = [planted(Grant(key_id=name, name=name, models=("a/*",))).unusable[0][1] for name in ("k", "l")]
    assert ["'k'" in reasons[0], "'l'" in reasons[1]] == [True, True]
