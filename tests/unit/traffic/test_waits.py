"""What is usual: the median and the late end of the last few waits of a target."""

import math

from hypothesis import given
from hypothesis import strategies as st

from omniroute.ir.target import Target
from omniroute.traffic.waits import Waits

TARGET = Target(provider="p", model="m", dialect="openai_chat")
OTHER = Target(provider="p", model="n", dialect="openai_chat")
waits = st.lists(st.floats(0, 1000), min_size=8, max_size=8) | st.lists(
    st.floats(0, 1000), min_size=32, max_size=32
)


def noted(took: list[float], *, stream: bool = True) -> Waits:
    known = Waits()
    for one in took:
        known.note(TARGET, one, 1000.0, stream=stream)
    return known


@given(waits)
def test_half_of_the_last_waits_were_no_longer_than_the_median(took: list[float]) -> None:
    median = noted(took).median_s(TARGET, 1000.0, stream=True)
    assert median in took
    assert sum(one <= median for one in took) * 2 >= len(took)
    assert sum(one >= median for one in took) * 2 >= len(took)


@given(waits)
def test_late_is_three_times_what_at_most_one_in_twenty_takes_longer_than(took: list[float]) -> None:
    late = noted(took).late_s(TARGET)
    assert sum(one * 3 > late for one in took) <= len(took) / 20


@given(waits, st.integers(32, 40).map(lambda count: count // 8 * 8))
def test_what_was_long_ago_is_forgotten(took: list[float], count: int) -> None:
    known = noted([*took, *[2.0] * count])
    assert (known.median_s(TARGET, 1000.0, stream=True), known.late_s(TARGET)) == (2.0, 6.0)


@given(st.lists(st.floats(0, 1000), max_size=3))
def test_nothing_is_usual_of_what_was_seen_too_rarely(took: list[float]) -> None:
    known = noted(took)
    assert (known.median_s(TARGET, 1000.0, stream=True), known.late_s(TARGET)) == (None, 0.0)


def test_streams_and_others_and_other_targets_are_told_apart() -> None:
    known = noted([5.0] * 8, stream=False)
    assert known.median_s(TARGET, 1000.0, stream=False) == 5.0
    assert known.median_s(TARGET, 1000.0, stream=True) is None
    assert known.median_s(OTHER, 1000.0, stream=False) is None
    assert known.late_s(TARGET) == 0.0


def test_a_median_of_long_ago_keeps_nobody_from_trying() -> None:
    known = noted([5.0] * 8)
    assert known.median_s(TARGET, 1600.0, stream=True) == 5.0
    assert known.median_s(TARGET, 1600.1, stream=True) is None
    assert math.isclose(known.late_s(TARGET), 15.0)
