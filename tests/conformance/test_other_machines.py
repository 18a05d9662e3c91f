"""The machines of Responses, Gemini and Ollama accept what their servers send and catch what a gateway may get
wrong, in what a stream holds and in the order in which it comes."""

from collections.abc import Callable
from types import ModuleType
from typing import NamedTuple

import msgspec
import pytest

from tests.conformance.recorded import ASKED, RICH, Mutation
from tests.support import order_gemini, order_ollama, order_responses, strict_gemini, strict_responses
from tests.support.frames import frames
from tests.support.order import Told
from tests.support.upstream import gemini, ollama, openai_responses


class Machine(NamedTuple):
    server: ModuleType
    read: Callable[[bytes], list[dict]]
    write: Callable[[list[dict]], bytes]
    check: Callable[[bytes], Told]


def _sse(raw: bytes) -> list[dict]:
    return [msgspec.json.decode(frame.data) for frame in frames(raw)]


def _lines(raw: bytes) -> list[dict]:
    return [msgspec.json.decode(line) for line in raw.splitlines()]


def _named(events: list[dict]) -> bytes:
    return b"".join(
        b"event: %b\ndata: %b\n\n" % (str(event.get("type")).encode(), msgspec.json.encode(event))
        for event in events
    )


def _bare(events: list[dict]) -> bytes:
    return b"".join(b"data: " + msgspec.json.encode(event) + b"\r\n\r\n" for event in events)


def _ndjson(events: list[dict]) -> bytes:
    return b"".join(msgspec.json.encode(event) + b"\n" for event in events)


def _responses(raw: bytes) -> Told:
    strict_responses.stream(raw)
    return order_responses.responses(raw)


def _gemini(raw: bytes) -> Told:
    strict_gemini.stream(raw)
    return order_gemini.gemini(raw)


MACHINES = {
    "responses": Machine(openai_responses, _sse, _named, _responses),
    "gemini": Machine(gemini, _sse, _bare, _gemini),
    "ollama": Machine(ollama, _lines, _ndjson, order_ollama.stream),
}


def good(dialect: str) -> list[dict]:
    machine = MACHINES[dialect]
    return machine.read(b"".join(machine.server.events(ASKED, RICH, 1)))


def _at(events: list[dict], kind: str) -> int:
    return next(place for place, event in enumerate(events) if event.get("type") == kind)


def _numbered(change: Mutation) -> Mutation:
    """The change with the sequence numbers mended after it, so that only the order is wrong."""

    def mutate(events: list[dict]) -> None:
        change(events)
        for number, event in enumerate(events):
            event["sequence_number"] = number

    return mutate


DELTA = "response.output_text.delta"
TEXT_DONE = "response.output_text.done"
ARGUMENTS = "response.function_call_arguments.delta"
RESPONSES: dict[str, Mutation] = {
    "numbers from 1": lambda events: [event.update(sequence_number=i + 1) for i, event in enumerate(events)],
    "a number twice": lambda events: events[4].update(sequence_number=3),
    "no created": _numbered(lambda events: events.pop(0)),
    "no in_progress": _numbered(lambda events: events.pop(1)),
    "no completed": _numbered(lambda events: events.pop()),
    "two ends": _numbered(lambda events: events.append(dict(events[-1]))),
    "an event after the end": _numbered(lambda events: events.append(dict(events[3]))),
    "another id at the end": lambda events: events[-1]["response"].update(id="resp_other"),
    "an empty output at the end": lambda events: events[-1]["response"].update(output=[]),
    "another status at the end": lambda events: events[-1]["response"].update(status="in_progress"),
    "no usage": lambda events: events[-1]["response"].update(usage=None),
    "a wrong total": lambda events: events[-1]["response"]["usage"].update(total_tokens=1),
    "the same index twice": lambda events: [
        event.update(output_index=0) for event in events if "output_index" in event
    ],
    "an item that is never done": _numbered(lambda events: events.pop(_at(events, "response.output_item.done"))),
    "an item that never opens": _numbered(lambda events: events.pop(_at(events, "response.output_item.added"))),
    "a lost delta": _numbered(lambda events: events.pop(_at(events, DELTA))),
    "a delta twice": _numbered(lambda events: events.insert(_at(events, DELTA), dict(events[_at(events, DELTA)]))),
    "a lost piece of arguments": _numbered(lambda events: events.pop(_at(events, ARGUMENTS))),
    "another text at the end": lambda events: events[_at(events, TEXT_DONE)].update(text="other"),
    "no end of the text": _numbered(lambda events: events.pop(_at(events, TEXT_DONE))),
    "another item": lambda events: events[_at(events, DELTA)].update(item_id="msg_other"),
    "an unknown event": lambda events: events[3].update(type="response.thinking.delta"),
    "an extra key": lambda events: events[3].update(x_extra=1),
    "an extra key in the response": lambda events: events[-1]["response"].update(provider="x"),
}
GEMINI: dict[str, Mutation] = {
    "no last chunk": lambda events: events.pop(),
    "two last chunks": lambda events: events.append(events[-1]),
    "a chunk after the last": lambda events: events.append(events[0]),
    "no counts at all": lambda events: [event.pop("usageMetadata") for event in events],
    "another id": lambda events: events[2].update(responseId="other"),
    "another model": lambda events: events[2].update(modelVersion="other"),
    "an unknown finish": lambda events: events[-1]["candidates"][0].update(finishReason="stop"),
    "another role": lambda events: events[0]["candidates"][0]["content"].update(role="assistant"),
    "no parts": lambda events: events[0]["candidates"][0]["content"].update(parts=[]),
    "two kinds in a part": lambda events: events[-2]["candidates"][0]["content"]["parts"][0].update(text="x"),
    "another candidate": lambda events: events[1]["candidates"][0].update(index=1),
    "a call twice": lambda events: events.insert(-1, events[-2]),
    "snake_case": lambda events: events[-1].update(usage_metadata=events[-1].pop("usageMetadata")),
    "an extra key": lambda events: events[0].update(provider="x"),
}
OLLAMA: dict[str, Mutation] = {
    "no done line": lambda events: events.pop(),
    "two done lines": lambda events: events.append(events[-1]),
    "a line after done": lambda events: events.append(events[0]),
    "done too early": lambda events: events[0].update(done=True),
    "done without a reason": lambda events: events[-1].pop("done_reason"),
    "a reason too early": lambda events: events[0].update(done_reason="stop"),
    "counts too early": lambda events: events[0].update(eval_count=1),
    "a last word": lambda events: events[-1]["message"].update(content="more"),
    "no role": lambda events: events[0]["message"].pop("role"),
    "no model": lambda events: events[0].pop("model"),
    "no time": lambda events: events[0].pop("created_at"),
    "no times at the end": lambda events: events[-1].pop("total_duration"),
    "arguments as text": lambda events: events[-2]["message"]["tool_calls"][0]["function"].update(arguments="{}"),
    "an extra key": lambda events: events[0].update(provider="x"),
}
BROKEN = [
    pytest.param(dialect, change, id=f"{dialect}-{name}")
    for dialect, changes in (("responses", RESPONSES), ("gemini", GEMINI), ("ollama", OLLAMA))
    for name, change in changes.items()
]


@pytest.mark.parametrize("dialect", MACHINES)
def test_a_good_stream_is_accepted(dialect: str) -> None:
    told = MACHINES[dialect].check(MACHINES[dialect].write(good(dialect)))
    assert (told.reasoning, told.text) == ("thinking first", "then words")
    assert [call.name for call in told.calls] == ["first", "second"]


@pytest.mark.parametrize(("dialect", "change"), BROKEN)
def test_a_broken_stream_is_caught(dialect: str, change: Mutation) -> None:
    events = good(dialect)
    change(events)
    with pytest.raises((AssertionError, KeyError)):
        MACHINES[dialect].check(MACHINES[dialect].write(events))


@pytest.mark.parametrize("dialect", MACHINES)
def test_a_torn_stream_and_none_at_all_are_caught(dialect: str) -> None:
    raw = MACHINES[dialect].write(good(dialect))
    for broken in (b"", raw[:-1]):
        with pytest.raises((AssertionError, ValueError)):
            MACHINES[dialect].check(broken)


@pytest.mark.parametrize("noise", [b": keepalive\r\n\r\n", b"event: ping\r\n\r\n", b"data: [DONE]\r\n\r\n"])
def test_nothing_but_data_may_reach_a_gemini_client(noise: bytes) -> None:
    with pytest.raises((AssertionError, ValueError)):
        _gemini(noise + MACHINES["gemini"].write(good("gemini")))
