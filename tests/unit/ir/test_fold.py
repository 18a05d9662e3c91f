"""`ir.fold` in examples: what a stream amounts to."""

import pytest

from omniroute.ir.events import (
    ArgumentsDelta,
    CitationDelta,
    Event,
    Failed,
    Finished,
    Opaque,
    PartClosed,
    PartOpened,
    Ping,
    ReasoningDelta,
    Started,
    TextDelta,
    UsageReported,
)
from omniroute.ir.failure import Failure
from omniroute.ir.fold import Folder, fold, unfold
from omniroute.ir.json import RawJson
from omniroute.ir.parts import Reasoning, Refusal, Text, ToolCall, Unknown
from omniroute.ir.result import Finish, GenerateResponse, Usage

STARTED = Started(id="r1", model="m", origin="anthropic")
STOP = Finished(finish=Finish(reason="stop"))


def test_deltas_of_open_parts_grow_side_by_side() -> None:
    events: list[Event] = [
        STARTED,
        PartOpened(index=0, shell=Reasoning(origin="anthropic")),
        ReasoningDelta(index=0, text="th"),
        PartOpened(index=1, shell=Text(text="he")),
        TextDelta(index=1, text="llo"),
        ReasoningDelta(index=0, text="ink", seal="old"),
        ReasoningDelta(index=0, seal="new"),
        CitationDelta(index=1, citation={"url": "u"}),
        PartOpened(index=2, shell=ToolCall(call_id="c", name="f")),
        Ping(),
        ArgumentsDelta(index=2, fragment='{"a"'),
        Opaque(origin="anthropic", data={"type": "later"}),
        ArgumentsDelta(index=2, fragment=":1}"),
        PartClosed(index=2),
        UsageReported(usage=Usage(input=1)),
        UsageReported(usage=Usage(input=1, output=2)),
        STOP,
    ]
    assert fold(events) == GenerateResponse(
        id="r1",
        model="m",
        origin="anthropic",
        parts=(
            Reasoning(text="think", seal="new", origin="anthropic"),
            Text(text="hello", citations=({"url": "u"},)),
            ToolCall(call_id="c", name="f", arguments=RawJson('{"a":1}')),
        ),
        finish=Finish(reason="stop"),
        usage=Usage(input=1, output=2),
    )


def test_a_failed_stream_is_its_failure_and_its_usage_is_still_known() -> None:
    failure = Failure(kind="overloaded", status=529, message="busy")
    folder = Folder()
    for event in (STARTED, UsageReported(usage=Usage(input=3)), Failed(failure=failure), STOP):
        folder.feed(event)
    assert folder.result() == failure
    assert folder.usage == Usage(input=3)


def test_a_failure_may_come_before_anything_else() -> None:
    failure = Failure(kind="rate_limit", status=429, message="slow down")
    assert fold([Failed(failure=failure)]) == failure


@pytest.mark.parametrize(
    "events",
    [
        [STARTED, TextDelta(index=0, text="x")],
        [STARTED, PartOpened(index=1, shell=Text(text=""))],
        [STARTED, PartOpened(index=0, shell=Text(text="")), PartClosed(index=0), TextDelta(index=0, text="x")],
        [STOP],
    ],
)
def test_what_no_decoder_may_produce_is_refused(events: list[Event]) -> None:
    with pytest.raises(ValueError, match=r"part|started"):
        fold(events)


def test_unfolding_opens_fills_and_closes_each_part() -> None:
    parts = (
        Refusal(text="no"),
        Unknown(data={"type": "x"}),
        Reasoning(redacted=True, seal="s", origin="anthropic"),
    )
    response = GenerateResponse(id="r", model="m", parts=parts, finish=Finish(reason="stop"))
    assert unfold(response) == [
        Started(id="r", model="m"),
        PartOpened(index=0, shell=Refusal(text="")),
        TextDelta(index=0, text="no"),
        PartClosed(index=0),
        PartOpened(index=1, shell=Unknown(data={"type": "x"})),
        PartClosed(index=1),
        PartOpened(index=2, shell=Reasoning(redacted=True, seal="s", origin="anthropic")),
        PartClosed(index=2),
        STOP,
    ]
