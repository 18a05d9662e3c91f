"""What a request would cost at the targets of a combo, as a choice sees it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniroute.access.grant import LOCAL_GRANT
from omniroute.ir.result import Usage
from omniroute.ir.target import Target
from omniroute.ledger.cost import Rate, Sheet, cost
from omniroute.pipeline.draws import Draws
from omniroute.pipeline.outlook import Outlook
from omniroute.pipeline.planting import Planted, Planting
from omniroute.routing.combo import Combo, ModelStep
from omniroute.routing.strategy import Asked
from tests.support.combos import target
from tests.unit.pipeline.stage import Stage, stage

TIERED = Sheet(source="t", input=Rate(3_000_000, ((1000, 6_000_000),)), output=Rate(9_000_000), request_pico=10**9)
FLAT = Sheet(source="t", input=Rate(500_000), output=Rate(2_000_000))
NAMES = ("a/m", "b/m", "c/m")


def scene(sheets: dict[str, Sheet]) -> tuple[Stage, Outlook, Planted]:
    """A combo of three models; `sheets` are by provider, and may change."""
    combo = Combo(id="all", name="all", steps=tuple(ModelStep(id=name, model=name) for name in NAMES))
    on = stage(accounts=dict.fromkeys("abc", 1), codecs=dict.fromkeys("abc", "openai_chat"), combos=(combo,))

    def sheet(where: Target) -> Sheet | None:
        return sheets.get(where.provider)

    outlook = Outlook(on.pulse, Draws(on.accounts, on.clock.monotonic), sheet)
    return on, outlook, Planting(on.candidates).of(on.snapshot, combo, "chat", LOCAL_GRANT)


@given(
    tokens=st.integers(0, 5000),
    most=st.none() | st.integers(1, 2000),
    lengths=st.lists(st.integers(0, 2000), min_size=3, max_size=3),
)
def test_it_is_what_the_ledger_would_bill_for_an_answer_of_usual_length(
    tokens: int, most: int | None, lengths: list[int]
) -> None:
    sheets = {"a": TIERED, "b": FLAT}
    on, outlook, planted = scene(sheets)
    for name, length in zip(NAMES, lengths, strict=True):
        on.pulse.began(target(name), 0.0)
        on.pulse.ended(target(name), length, 0.0)
    found = outlook.costs(planted, Asked(input_tokens=tokens, max_output_tokens=most), 0.0)
    assert set(found) == {"a/m", "b/m"}, "nobody knows what the third costs"
    for name, length in zip(("a/m", "b/m"), lengths, strict=False):
        output = min(length or 500, most or 5000)
        billed = cost(sheets[name[0]], Usage(input=tokens, output=output)).micro_usd
        assert found[name] == pytest.approx(billed / 1e6, abs=0.51e-6)


def test_another_price_shows_within_a_second() -> None:
    sheets = {"a": FLAT}
    _, outlook, planted = scene(sheets)
    asked = Asked(input_tokens=1_000_000, max_output_tokens=1)
    assert outlook.costs(planted, asked, 0.0)["a/m"] == pytest.approx(0.500002)
    sheets["a"] = Sheet(source="t", input=Rate(0), output=Rate(2_000_000))
    assert outlook.costs(planted, asked, 1.0)["a/m"] == pytest.approx(0.000002)
