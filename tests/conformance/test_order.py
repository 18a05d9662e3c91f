"""The order machines accept what the vendors send and catch every way in which a gateway gets it wrong."""

import pytest

from tests.conformance.recorded import (
    Mutation,
    anthropic_bytes,
    anthropic_events,
    openai_bytes,
    openai_events,
)
from tests.support import order

ERROR = {"error": {"message": "gone", "type": "server_error", "param": None, "code": None}}


def _index(events: list[dict], key: str) -> int:
    """The first chunk whose delta has `key`, or the first event of that type."""
    for position, event in enumerate(events):
        if event.get("type") == key or any(key in choice["delta"] for choice in event.get("choices", [])):
            return position
    raise AssertionError(key)


def _delta(events: list[dict], key: str) -> dict:
    return events[_index(events, key)]["choices"][0]["delta"]


def _finish(events: list[dict]) -> dict:
    return events[-3]["choices"][0]


OPENAI: dict[str, Mutation] = {
    "no [DONE]": lambda events: events.pop(),
    "two [DONE]": lambda events: events.append({}),
    "[DONE] before the usage chunk": lambda events: events.insert(-2, events.pop()),
    "a chunk after [DONE]": lambda events: events.append(events[1]),
    "no finish_reason": lambda events: events.pop(-3),
    "two finish_reasons": lambda events: events.insert(-3, events[-3]),
    "content after the finish_reason": lambda events: events.insert(-2, events[_index(events, "content")]),
    "no usage though asked for": lambda events: events.pop(-2),
    "two usage chunks": lambda events: events.insert(-1, events[-2]),
    "usage before the finish_reason": lambda events: events.insert(-3, events.pop(-2)),
    "usage on the finish chunk": lambda events: events[-3].update(usage=events[-2]["usage"]),
    "a last chunk without choices or usage": lambda events: events[-2].pop("usage"),
    "no role": lambda events: events.pop(0),
    "the role again": lambda events: events.insert(1, events[0]),
    "another id": lambda events: events[3].update(id="chatcmpl-other"),
    "another created": lambda events: events[3].update(created=7),
    "another model": lambda events: events[3].update(model="other"),
    "an empty id": lambda events: [event.update(id="") for event in events if event],
    "another choice": lambda events: events[3]["choices"][0].update(index=1),
    "reasoning beside content": lambda events: _delta(events, "reasoning_content").update(content="both"),
    "a tool call that starts at 1": lambda events: _delta(events, "tool_calls")["tool_calls"][0].update(index=1),
    "a tool call without an id": lambda events: _delta(events, "tool_calls")["tool_calls"][0].pop("id"),
    "a tool call without a type": lambda events: _delta(events, "tool_calls")["tool_calls"][0].pop("type"),
    "a tool call without a name": lambda events: _delta(events, "tool_calls")["tool_calls"][0].pop("function"),
    "the id again": lambda events: events[_index(events, "tool_calls") + 1]["choices"][0]["delta"]["tool_calls"][
        0
    ].update(id="call_a"),
    "the name again": lambda events: events[_index(events, "tool_calls") + 1]["choices"][0]["delta"]["tool_calls"][
        0
    ]["function"].update(name="first"),
    "arguments that do not parse": lambda events: events.pop(_index(events, "tool_calls") + 1),
    "stop though a tool was called": lambda events: _finish(events).update(finish_reason="stop"),
    "content after an error": lambda events: events.insert(4, ERROR),
    "an error without a message": lambda events: events.__setitem__(slice(4, -1), [{"error": {"type": "x"}}]),
    "an error beside choices": lambda events: events[4].update(ERROR),
}

ANTHROPIC: dict[str, Mutation] = {
    "no message_start": lambda events: events.pop(0),
    "two message_starts": lambda events: events.insert(0, events[0]),
    "no message_stop": lambda events: events.pop(),
    "two message_stops": lambda events: events.append(events[-1]),
    "no message_delta": lambda events: events.pop(-2),
    "two message_deltas": lambda events: events.insert(-1, events[-2]),
    "message_delta inside a block": lambda events: events.insert(-3, events.pop(-2)),
    "a block after message_delta": lambda events: events.insert(-1, events[2]),
    "an error after the end": lambda events: events.append({"type": "error", **ERROR}),
    "an event after an error": lambda events: events.insert(4, {"type": "error", **ERROR}),
    "a block that does not close": lambda events: events.pop(_index(events, "content_block_stop")),
    "a block that closes twice": lambda events: events.insert(
        _index(events, "content_block_stop"), events[_index(events, "content_block_stop")]
    ),
    "a gap in the indices": lambda events: [
        event.update(index=event["index"] + 1) for event in events if event.get("index", 0) > 0
    ],
    "an index used twice": lambda events: [event.update(index=0) for event in events if "index" in event],
    "a delta of another block": lambda events: events[_index(events, "content_block_delta")].update(index=1),
    "a delta before its block": lambda events: events.insert(2, events.pop(3)),
    "a text delta in a thinking block": lambda events: events[3].update(delta={"type": "text_delta", "text": "x"}),
    "a thinking delta in a text block": lambda events: events[_index(events, "content_block_stop") + 2].update(
        delta={"type": "thinking_delta", "thinking": "x"}
    ),
    "thinking after its signature": lambda events: events.insert(
        _index(events, "content_block_stop"), events[_index(events, "content_block_delta")]
    ),
    "an empty text block": lambda events: events.__delitem__(
        slice(_index(events, "content_block_stop") + 2, _index(events, "content_block_stop") + 4)
    ),
    "text in the block's start": lambda events: events[2]["content_block"].update(thinking="early"),
    "a signature in the block's start": lambda events: events[2]["content_block"].update(signature="early"),
    "input in the block's start": lambda events: events[-6]["content_block"].update(input={"a": 1}),
    "a tool without an id": lambda events: events[-6]["content_block"].update(id=""),
    "a tool id used twice": lambda events: events[-6]["content_block"].update(id="call_a"),
    "arguments that do not parse": lambda events: events.pop(-4),
    "end_turn though a tool was called": lambda events: events[-2]["delta"].update(stop_reason="end_turn"),
    "no stop_reason": lambda events: events[-2]["delta"].update(stop_reason=None),
    "no usage at the start": lambda events: events[0]["message"]["usage"].pop("input_tokens"),
    "no usage at the end": lambda events: events[-2]["usage"].pop("output_tokens"),
    "a foreign message id": lambda events: events[0]["message"].update(id="chatcmpl-1"),
    "a message that starts with content": lambda events: events[0]["message"].update(content=[{}]),
    "a message that starts with its stop_reason": lambda events: events[0]["message"].update(
        stop_reason="end_turn"
    ),
    "an unknown event": lambda events: events[3].update(type="content_block_news"),
    "an error without a message": lambda events: events.__setitem__(
        slice(4, None), [{"type": "error", "error": {"type": "api_error"}}]
    ),
}


def test_good_streams_pass_and_are_told_whole() -> None:
    told = order.openai_chat(openai_bytes(openai_events()), include_usage=True)
    claude = order.anthropic(anthropic_bytes(anthropic_events()))
    assert (told.text, told.reasoning, told.calls) == (claude.text, claude.reasoning, claude.calls)
    assert (told.finish, claude.finish) == ("tool_calls", "tool_use")
    assert claude.usage == {
        "input_tokens": 12,
        "cache_read_input_tokens": 5,
        "cache_creation_input_tokens": 3,
        "output_tokens": 7,
    }


def test_a_stream_that_fails_in_its_dialect_passes_as_failed() -> None:
    assert order.openai_chat(openai_bytes([*openai_events()[:4], ERROR, {}])).ended == "failed"
    error = {"type": "error", "error": {"type": "api_error", "message": "gone"}}
    assert order.anthropic(anthropic_bytes([*anthropic_events()[:4], error])).ended == "failed"


@pytest.mark.parametrize("name", OPENAI)
def test_a_broken_openai_stream_is_caught(name: str) -> None:
    events = openai_events()
    OPENAI[name](events)
    with pytest.raises(AssertionError):
        order.openai_chat(openai_bytes(events), include_usage=True)


def test_a_usage_chunk_that_nobody_asked_for_is_caught() -> None:
    with pytest.raises(AssertionError, match="was not asked for"):
        order.openai_chat(openai_bytes(openai_events()), include_usage=False)


@pytest.mark.parametrize("name", ANTHROPIC)
def test_a_broken_anthropic_stream_is_caught(name: str) -> None:
    events = anthropic_events()
    ANTHROPIC[name](events)
    with pytest.raises(AssertionError):
        order.anthropic(anthropic_bytes(events))


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(anthropic_bytes(anthropic_events())[:-1], id="a torn last frame"),
        pytest.param(anthropic_bytes(anthropic_events()) + b"data: [DONE]\n\n", id="a stray [DONE]"),
        pytest.param(
            anthropic_bytes(anthropic_events()).replace(b"event: ping\n", b""), id="a missing event line"
        ),
        pytest.param(
            anthropic_bytes(anthropic_events()).replace(b"event: ping", b"event: pong"), id="a wrong event"
        ),
        pytest.param(b"", id="nothing at all"),
    ],
)
def test_broken_framing_is_caught(raw: bytes) -> None:
    with pytest.raises((AssertionError, ValueError)):
        order.anthropic(raw)


def test_comments_are_not_events() -> None:
    raw = b": keepalive\n\n" + openai_bytes(openai_events())
    assert order.openai_chat(raw, include_usage=True).text == "then words"
