"""Hypothesis strategies for the representation, shared by the laws of every dialect.

`origin` is given to everything that carries a seal, an extra field or an unknown block: a dialect's name makes
requests that this dialect may replay, another name makes foreign ones.
"""

import base64
import itertools
from functools import cache, partial
from typing import Any

import msgspec
from hypothesis import strategies as st
from msgspec.structs import replace

from omniroute.ir.events import (
    ArgumentsDelta,
    CitationDelta,
    Event,
    Failed,
    Finished,
    PartClosed,
    PartOpened,
    Ping,
    ReasoningDelta,
    Started,
    TextDelta,
    UsageReported,
)
from omniroute.ir.failure import Failure
from omniroute.ir.json import JsonObject, RawJson
from omniroute.ir.parts import (
    AnyPart,
    CacheMark,
    Media,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
    Unknown,
)
from omniroute.ir.request import (
    GenerateRequest,
    OutputFormat,
    Sampling,
    Thinking,
    Tool,
    ToolChoice,
    Turn,
)
from omniroute.ir.result import Finish, GenerateResponse, Usage
from tests.property.objects import exact, json_objects, json_values, texts, words

names = st.text(alphabet="abcxyz_", min_size=1, max_size=6).map(lambda rest: "n" + rest)
call_ids = st.integers(0, 10**6).map(lambda number: f"call_{number}")
arguments = st.one_of(
    json_objects.map(lambda value: RawJson(_json(value))),
    st.sampled_from(
        [RawJson(""), RawJson("{}"), RawJson('{"a": 1 }'), RawJson('{"cut": "of'), RawJson("not json")]
    ),
)
_leaves = st.sampled_from([{"type": "string"}, {"type": "integer", "minimum": 0}, {"enum": ["a", "b"]}])
schemas: st.SearchStrategy[JsonObject] = exact({}, {"na": _leaves, "n_b": _leaves, "nxyz": _leaves}).map(
    lambda properties: {"type": "object", "properties": properties, "required": sorted(properties)}
)
cache_marks = st.sampled_from([None, None, None, CacheMark(), CacheMark(ttl="5m"), CacheMark(ttl="1h")])
_perhaps = st.sampled_from([None, False, True])
base64_data = st.binary(min_size=1, max_size=12).map(lambda raw: base64.b64encode(raw).decode())


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


@cache
def _extras(origin: str | None) -> st.SearchStrategy[JsonObject | None]:
    """Unknown fields of a wire object; `x_` keeps them apart from known ones."""
    if origin is None:
        return st.none()
    return st.none() | exact({"x_n": json_values}, {"x_n_ab": json_values})


def _extended(origin: str | None) -> dict[str, Any]:
    return {} if origin is None else {"extra": _extras(origin)}


def _cached(*, marked: bool) -> dict[str, Any]:
    return {"cache": cache_marks} if marked else {}


@cache
def text_parts(origin: str | None = None, *, marked: bool = True) -> st.SearchStrategy[Text]:
    return st.builds(partial(Text, origin=origin), text=words, **_cached(marked=marked), **_extended(origin))


@cache
def media_parts(origin: str | None = None, *, marked: bool = True) -> st.SearchStrategy[Media]:
    embedded = [
        *(partial(Media, mime=mime) for mime in ("image/png", "image/jpeg", "audio/wav", "audio/mpeg")),
        *(partial(Media, mime="application/pdf", name=name) for name in (None, "a.pdf")),
    ]
    elsewhere = [
        partial(Media, mime="image/*", url="https://example.com/a.png"),
        partial(Media, mime="application/pdf", url="https://example.com/a.pdf"),
        partial(Media, mime="application/octet-stream", file_id="file-1"),
    ]
    return st.one_of(
        st.builds(
            lambda made, data, **more: made(data=data, origin=origin, **more),
            st.sampled_from(embedded),
            base64_data,
            **_cached(marked=marked),
        ),
        st.builds(
            lambda made, **more: made(origin=origin, **more), st.sampled_from(elsewhere), **_cached(marked=marked)
        ),
    )


@cache
def reasoning_parts(origin: str | None = None) -> st.SearchStrategy[Reasoning]:
    """Without an origin there is no seal: a seal always belongs to somebody."""
    plain = partial(Reasoning, origin=origin)
    if origin is None:
        return st.builds(plain, text=words)
    redacted = Reasoning(redacted=True, seal="sealed-thought", origin=origin)
    return st.builds(plain, text=words, seal=st.sampled_from([None, None, "seal-a", "seal-b"])) | st.just(redacted)


@cache
def tool_calls(origin: str | None = None) -> st.SearchStrategy[ToolCall]:
    return st.builds(
        partial(ToolCall, origin=origin), call_id=call_ids, name=names, arguments=arguments, **_extended(origin)
    )


@cache
def unknown_parts(origin: str) -> st.SearchStrategy[Unknown]:
    return json_objects.map(lambda fields: Unknown(origin=origin, data={**fields, "type": "x_unknown"}))


@cache
def tool_results(origin: str | None = None) -> st.SearchStrategy[ToolResult]:
    content: st.SearchStrategy[Any] = text_parts(marked=False) | media_parts(marked=False)
    return st.builds(
        partial(ToolResult, origin=origin),
        call_id=call_ids,
        content=st.lists(content, max_size=2).map(tuple),
        is_error=st.booleans(),
        cache=cache_marks,
    )


@cache
def _user_parts(origin: str | None) -> st.SearchStrategy[AnyPart]:
    part: st.SearchStrategy[AnyPart] = text_parts(origin) | media_parts(origin)
    return part if origin is None else part | unknown_parts(origin)


_INSTRUCTIONS = [(), *((one,) for one in range(4)), *itertools.product(range(4), repeat=2)]
"""What a conversation may begin with: none to two turns of one or two texts, of the system or a developer."""

_beginnings = st.integers(0, 2).flatmap(lambda turns: st.integers((0, 1, 5)[turns], (0, 4, 20)[turns]))
_rounds = st.integers(0, 3 * 2 * 3 * 3 - 1)
"""How many parts of a kind a round has: 1 to 3 of the user; thoughts, texts and calls of the assistant."""


@st.composite
def conversations(draw: st.DrawFn, origin: str | None = None, max_rounds: int = 3) -> tuple[Turn, ...]:
    """System turns, then rounds of user and assistant; every tool call is answered once, in order."""
    turns: list[Turn] = []
    for shape in _INSTRUCTIONS[draw(_beginnings)]:
        parts = tuple(draw(text_parts(origin)) for _ in range(shape // 2 + 1))
        turns.append(Turn(role="developer" if shape % 2 else "system", parts=parts))
    for round_number in range(draw(st.integers(1, max_rounds))):
        shape, asked = divmod(draw(_rounds), 3)
        shape, thoughts = divmod(shape, 2)
        called, told = divmod(shape, 3)
        turns.append(Turn(role="user", parts=tuple(draw(_user_parts(origin)) for _ in range(asked + 1))))
        calls = [
            replace(draw(tool_calls(origin)), call_id=f"call_{round_number}_{number}") for number in range(called)
        ]
        parts = (
            *(draw(reasoning_parts(origin)) for _ in range(thoughts)),
            *(draw(text_parts(origin)) for _ in range(told)),
            *calls,
        )
        if parts:
            turns.append(Turn(role="assistant", parts=parts))
        if calls:
            results = (replace(draw(tool_results(origin)), call_id=call.call_id) for call in calls)
            turns.append(Turn(role="tool", parts=tuple(results)))
    return tuple(turns)


@cache
def tools(origin: str | None = None) -> st.SearchStrategy[tuple[Tool, ...]]:
    tool = st.builds(
        partial(Tool, origin=origin),
        name=names,
        schema=schemas,
        description=st.none() | texts,
        strict=_perhaps,
        cache=cache_marks,
    )
    return st.lists(tool, max_size=3, unique_by=lambda one: one.name).map(tuple)


def tool_choices(offered: tuple[Tool, ...]) -> st.SearchStrategy[ToolChoice | None]:
    parallel = st.none() | st.booleans()
    modes: st.SearchStrategy[ToolChoice | None] = st.none() | st.builds(
        ToolChoice, mode=st.sampled_from(["auto", "none", "required"]), parallel=parallel
    )
    if not offered:
        return st.none()
    one = st.sampled_from([tool.name for tool in offered]).map(lambda name: (name,))
    return modes | st.builds(ToolChoice, mode=st.just("one"), names=one, parallel=parallel)


samplings = exact(
    {},
    {
        "max_output_tokens": st.integers(1, 4096),
        "temperature": st.floats(0, 2),
        "top_p": st.floats(0, 1),
        "top_k": st.integers(1, 100),
        "stop": st.lists(words, max_size=2).map(tuple),
        "seed": st.integers(0, 2**31),
        "presence_penalty": st.floats(-2, 2),
        "frequency_penalty": st.floats(-2, 2),
    },
).map(lambda said: Sampling(**said))
thinkings = st.none() | st.one_of(
    st.builds(Thinking, effort=st.sampled_from(["none", "minimal", "low", "medium", "high", "xhigh", "max"])),
    st.builds(Thinking, mode=st.just("enabled"), budget_tokens=st.integers(1024, 100_000)),
    st.builds(Thinking, mode=st.just("adaptive"), effort=st.none() | st.sampled_from(["low", "high"])),
    st.builds(Thinking, mode=st.just("disabled")),
)
outputs = st.none() | st.one_of(
    st.just(OutputFormat(kind="text")),
    st.just(OutputFormat(kind="json_object")),
    st.builds(partial(OutputFormat, kind="json_schema"), name=names, schema=schemas, strict=_perhaps),
)


_wishes = exact(
    {"sampling": samplings},
    {
        "thinking": thinkings,
        "output": outputs,
        "stream": st.booleans(),
        "include_usage": st.booleans(),
        "user": names,
        "metadata": exact({}, {"na": texts, "n_b": texts}),
    },
)


@st.composite
def requests(draw: st.DrawFn, origin: str | None = None) -> GenerateRequest:
    offered = draw(tools(origin))
    return GenerateRequest(
        model=draw(names),
        turns=draw(conversations(origin)),
        tools=offered,
        tool_choice=draw(tool_choices(offered)),
        dialect=origin or "",
        extra=draw(_extras(origin)),
        **draw(_wishes),
    )


_tokens = st.integers(0, 10_000)
usages = st.builds(
    lambda output, thought, **rest: Usage(output=output + thought, reasoning=thought, **rest),
    output=_tokens,
    thought=_tokens,
    input=_tokens,
    cache_read=_tokens,
    cache_write=_tokens,
)
finish_reasons = st.sampled_from(
    ["stop", "stop_sequence", "length", "context", "tool_calls", "filter", "pause", "other"]
)
failures = st.builds(
    Failure,
    kind=st.sampled_from(["rate_limit", "overloaded", "server", "invalid_request", "timeout", "cut"]),
    status=st.sampled_from([400, 429, 500, 503, 504]),
    message=words,
    code=st.none() | names,
)


@cache
def answer_parts(origin: str | None = None) -> st.SearchStrategy[tuple[AnyPart, ...]]:
    """Parts of an answer: call ids are unique, reasoning may appear anywhere."""
    part: st.SearchStrategy[AnyPart] = st.one_of(
        text_parts(origin, marked=False),
        reasoning_parts(origin),
        tool_calls(origin),
        st.builds(Refusal, text=words),
    )
    return st.lists(
        part, max_size=4, unique_by=lambda one: one.call_id if isinstance(one, ToolCall) else id(one)
    ).map(tuple)


@st.composite
def responses(draw: st.DrawFn, origin: str | None = None) -> GenerateResponse:
    parts = draw(answer_parts(origin))
    called = any(isinstance(part, ToolCall) for part in parts)
    return GenerateResponse(
        id=draw(names),
        model=draw(names),
        parts=parts,
        finish=Finish(reason="tool_calls" if called else draw(finish_reasons)),
        usage=draw(st.none() | usages),
        origin=origin,
    )


@st.composite
def streams(draw: st.DrawFn, origin: str | None = None) -> list[Event]:
    """A legal stream: parts may be open side by side, deltas come in pieces, one terminal event ends it."""
    response = draw(responses(origin))
    events: list[Event] = [Started(id=response.id, model=response.model, origin=origin)]
    waiting: list[list[Event]] = []
    for index, part in enumerate(response.parts):
        waiting.append([*_pieces(draw, index, part), PartClosed(index=index)])
    opened: list[int] = []
    while waiting and (len(opened) < len(waiting) or any(waiting)):
        choices = [index for index in opened if waiting[index]]
        if len(opened) < len(waiting):
            choices.append(-1)
        pick = draw(st.integers(0, 10 * len(choices) - 1))
        chosen = choices[pick % len(choices)]
        if chosen == -1:
            index = len(opened)
            events.append(PartOpened(index=index, shell=_shell(response.parts[index])))
            opened.append(index)
        else:
            events.append(waiting[chosen].pop(0))
        if pick >= 9 * len(choices):
            events.append(Ping())
    if response.usage is not None:
        events.append(UsageReported(usage=response.usage))
    failed = draw(st.integers(0, 4)) == 0
    events.append(Failed(failure=draw(failures)) if failed else Finished(finish=response.finish))
    return events


def _shell(part: AnyPart) -> AnyPart:
    match part:
        case Text():
            return Text(text="", origin=part.origin, extra=part.extra)
        case Refusal():
            return Refusal(text="")
        case Reasoning(redacted=False):
            return Reasoning(origin=part.origin)
        case ToolCall():
            return ToolCall(call_id=part.call_id, name=part.name, origin=part.origin, extra=part.extra)
        case _:
            return part


def _pieces(draw: st.DrawFn, index: int, part: AnyPart) -> list[Event]:
    def cut(text: str) -> list[str]:
        at = draw(st.integers(0, len(text)))
        return [piece for piece in (text[:at], text[at:]) if piece]

    match part:
        case Text():
            deltas: list[Event] = [TextDelta(index=index, text=piece) for piece in cut(part.text)]
            return deltas + [CitationDelta(index=index, citation=citation) for citation in part.citations]
        case Refusal():
            return [TextDelta(index=index, text=piece) for piece in cut(part.text)]
        case Reasoning(redacted=False):
            deltas = [ReasoningDelta(index=index, text=piece) for piece in cut(part.text)]
            return [*deltas, ReasoningDelta(index=index, seal=part.seal)] if part.seal else deltas
        case ToolCall():
            return [ArgumentsDelta(index=index, fragment=piece) for piece in cut(part.arguments)]
        case _:
            return []


@st.composite
def chunkings(draw: st.DrawFn, whole: bytes) -> list[bytes]:
    """`whole`, cut anywhere: also inside a character, an escape or a line end."""
    cuts = sorted(draw(st.sets(st.integers(0, len(whole)), max_size=8)))
    edges = [0, *cuts, len(whole)]
    return [whole[start:end] for start, end in itertools.pairwise(edges) if start < end]
