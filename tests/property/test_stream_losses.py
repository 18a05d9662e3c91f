"""What a stream loses is what the whole answer would lose, whatever its pieces and in every dialect."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniroute.dialects.base import Context
from omniroute.dialects.outline import Outline
from omniroute.dialects.registry import DIALECTS
from omniroute.ir.events import Event
from omniroute.ir.fold import fold, unfold
from omniroute.ir.result import GenerateResponse
from tests.property.representation import responses, streams

CONTEXT = Context(request_id="req_1", token="t0ken", created=1, model="m")
ORIGINS = st.sampled_from([None, *DIALECTS])


def noted(events: list[Event]) -> Outline:
    outline = Outline()
    for event in events:
        outline.note(event)
    return outline


@pytest.mark.parametrize("client", DIALECTS)
@given(data=st.data())
def test_a_stream_and_a_whole_answer_lose_the_same(client: str, data: st.DataObject) -> None:
    response = data.draw(ORIGINS.flatmap(responses))
    whole = DIALECTS[client].encode_response(response, CONTEXT).losses
    assert noted(unfold(response)).losses(DIALECTS[client], CONTEXT) == whole


@pytest.mark.parametrize("client", DIALECTS)
@given(data=st.data())
def test_the_pieces_of_a_stream_make_no_difference(client: str, data: st.DataObject) -> None:
    events = data.draw(ORIGINS.flatmap(streams))
    outcome = fold(events)
    losses = noted(events).losses(DIALECTS[client], CONTEXT)
    if isinstance(outcome, GenerateResponse):
        assert losses == DIALECTS[client].encode_response(outcome, CONTEXT).losses
