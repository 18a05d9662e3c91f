"""The layers of the timeouts, and what follows from them for a stream and for a whole answer."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from omniroute.ir.timeouts import Timeouts
from omniroute.pipeline.phases import Phases, Timing
from omniroute.upstream.transport import Deadlines

NAMES = Timeouts.__struct_fields__
seconds = st.sampled_from([0.0, 0.5, 1.0, 30.0, 45.0, 60.0, 120.0, 300.0, 600.0, 3600.0])
said = st.fixed_dictionaries({name: st.none() | seconds for name in NAMES}).map(lambda names: Timeouts(**names))
phases = st.fixed_dictionaries(
    dict.fromkeys((*NAMES, "reasoning_first_event_s"), seconds)  # every number of the settings
).map(lambda numbers: Phases(**numbers))


def test_the_defaults_are_those_of_the_specification() -> None:
    usual = Phases()
    assert usual.whole().deadlines == Deadlines(
        connect_s=10, write_s=30, first_byte_s=600, idle_s=600, total_s=600
    )
    stream = usual.stream(thinks=False)
    assert stream.deadlines == Deadlines(connect_s=10, write_s=30, first_byte_s=60, idle_s=120, total_s=0)
    assert (stream.first_event_s, stream.useful_idle_s) == (30, 300)
    assert usual.stream(thinks=True).first_event_s == 120


@given(phases, st.lists(said.map(lambda one: one), max_size=4))
def test_of_every_phase_the_last_layer_that_says_something_counts(below: Phases, layers: list[Timeouts]) -> None:
    top = below
    for layer in layers:
        top = top.under(layer)
    for name in NAMES:
        spoken = [value for layer in layers if (value := getattr(layer, name)) is not None]
        assert getattr(top, name) == (spoken[-1] if spoken else getattr(below, name))


@given(phases)
def test_a_layer_that_says_nothing_changes_nothing(below: Phases) -> None:
    assert below.under(None) is below
    assert below.under(Timeouts()) == below


@given(phases, said)
def test_a_named_first_event_is_that_of_models_that_think_too_and_is_never_stretched(
    below: Phases, layer: Timeouts
) -> None:
    top = below.under(msgspec.structs.replace(layer, first_event_s=7.0))
    assert {top.stream(thinks=thinks, late_s=100.0).first_event_s for thinks in (False, True)} == {7.0}


@given(phases, st.floats(0, 5000), st.booleans())
def test_who_is_usually_late_is_waited_for_longer_but_no_longer_than_between_two_events(
    top: Phases, late_s: float, thinks: bool
) -> None:
    usual = top.stream(thinks=thinks)
    stretched = top.stream(thinks=thinks, late_s=late_s)
    if not usual.first_event_s:
        assert stretched == usual
        return
    assert stretched.first_event_s >= usual.first_event_s
    assert stretched.first_event_s <= max(usual.first_event_s, late_s)
    if top.useful_idle_s:
        assert stretched.first_event_s <= max(usual.first_event_s, top.useful_idle_s)


@given(phases, st.floats(0, 5000), st.booleans())
def test_a_head_is_waited_for_as_long_as_a_first_event_that_may_come_with_it(
    top: Phases, late_s: float, thinks: bool
) -> None:
    schedule = top.stream(thinks=thinks, late_s=late_s)
    head_s = schedule.deadlines.first_byte_s
    if schedule.first_event_s <= top.first_event_s or not top.stream_first_byte_s:
        assert head_s == top.stream_first_byte_s
    else:
        assert head_s == max(top.stream_first_byte_s, schedule.first_event_s)


@given(phases, said)
def test_a_named_head_is_not_stretched(below: Phases, layer: Timeouts) -> None:
    top = below.under(msgspec.structs.replace(layer, stream_first_byte_s=3.0))
    assert top.stream(thinks=True, late_s=900.0).deadlines.first_byte_s == 3.0


@given(phases, st.floats(0, 5000), st.booleans())
def test_a_stream_has_no_total_and_what_is_made_once_is_what_would_be_made_each_time(
    top: Phases, late_s: float, thinks: bool
) -> None:
    made = Timing(top)
    stream = made.stream(thinks=thinks, late_s=late_s)
    assert stream == top.stream(thinks=thinks, late_s=late_s)
    assert stream.deadlines.total_s == 0
    assert made.whole(bounded=False) == top.whole()


@given(phases)
def test_a_client_with_a_deadline_of_its_own_has_no_other_for_a_whole_answer(top: Phases) -> None:
    bounded = top.whole(bounded=True).deadlines
    assert (bounded.first_byte_s, bounded.idle_s, bounded.total_s) == (0, 0, 0)
    assert (bounded.connect_s, bounded.write_s) == (top.connect_s, top.write_s)
