"""Laws of `ir.fold`: a stream and the whole answer are the same thing."""

from hypothesis import given

from omniroute.ir.events import Event, Failed, Finished, Started
from omniroute.ir.failure import Failure
from omniroute.ir.fold import fold, unfold
from omniroute.ir.result import GenerateResponse
from tests.property.representation import responses, streams


@given(responses(origin="anthropic"))
def test_folding_an_unfolded_response_gives_it_back(response: GenerateResponse) -> None:
    assert fold(unfold(response)) == response


@given(responses(origin="anthropic"))
def test_an_unfolded_response_starts_once_and_ends_once(response: GenerateResponse) -> None:
    events = unfold(response)
    assert [type(event) for event in (events[0], events[-1])] == [Started, Finished]
    assert sum(isinstance(event, Started | Finished | Failed) for event in events) == 2


@given(streams(origin="anthropic"))
def test_a_stream_without_its_end_folds_to_a_cut(events: list[Event]) -> None:
    outcome = fold(events[:-1])
    assert isinstance(outcome, Failure)
    assert outcome.kind == "cut"


@given(streams(origin="anthropic"))
def test_events_after_the_end_change_nothing(events: list[Event]) -> None:
    assert fold([*events, *events]) == fold(events)


@given(streams(origin="anthropic"))
def test_interleaved_pieces_fold_to_the_same_answer_as_whole_parts(events: list[Event]) -> None:
    outcome = fold(events)
    if isinstance(outcome, GenerateResponse):
        assert fold(unfold(outcome)) == outcome
    else:
        assert isinstance(events[-1], Failed)
        assert outcome == events[-1].failure
