"""Hypothesis strategies for the representation, shared by the laws of every dialect.

`origin` is given to everything that carries a seal, an extra field or an unknown block: a dialect's name makes
requests that this dialect may replay, another name makes foreign ones.
"""

import base64
import itertools
from functools import cache
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

texts = st.text(alphabet=st.characters(codec="utf-8"), max_size=12)
words = st.text(alphabet=st.characters(codec="utf-8"), min_size=1, max_size=8)
names = st.text(alphabet="abcxyz_", min_size=1, max_size=6).map(lambda rest: "n" + rest)
call_ids = st.integers(0, 10**6).map(lambda number: f"call_{number}")
json_scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
)
json_values = st.recursive(
    json_scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
json_objects: st.SearchStrategy[JsonObject] = st.dictionaries(words, json_values, max_size=3)
arguments = st.one_of(
    json_objects.map(lambda value: RawJson(_json(value))),
    st.sampled_from(
        [RawJson(""), RawJson("{}"), RawJson('{"a": 1 }'), RawJson('{"cut": "of'), RawJson("not json")]
    ),
)
schemas: st.SearchStrategy[JsonObject] = st.dictionaries(
    names,
    st.sampled_from([{"type": "string"}, {"type": "integer", "minimum": 0}, {"enum": ["a", "b"]}]),
    max_size=3,
).map(lambda properties: {"type": "object", "properties": properties, "required": sorted(properties)})
cache_marks = st.none() | st.builds(CacheMark, ttl=st.sampled_from([None, "5m", "1h"]))
base64_data = st.binary(min_size=1, max_size=12).map(lambda raw: base64.b64encode(raw).decode())


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


@cache
def _extras(origin: str | None) -> st.SearchStrategy[JsonObject | None]:
    """Unknown fields of a wire object; `x_` keeps them apart from known ones."""
    if origin is None:
        return st.none()
    return st.none() | st.dictionaries(names.map(lambda name: "x_" + name), json_values, min_size=1, max_size=2)


@cache
def text_parts(origin: str | None = None, *, marked: bool = True) -> st.SearchStrategy[Text]:
    return st.builds(
        Text,
        text=words,
        cache=cache_marks if marked else st.none(),
        origin=st.just(origin),
        extra=_extras(origin),
    )


@cache
def media_parts(origin: str | None = None, *, marked: bool = True) -> st.SearchStrategy[Media]:
    common: dict[str, Any] = {"origin": st.just(origin), "cache": cache_marks if marked else st.none()}
    image_mimes = st.sampled_from(["image/png", "image/jpeg"])
    return st.one_of(
        st.builds(Media, mime=image_mimes, data=base64_data, **common),
        st.builds(Media, mime=st.just("image/*"), url=st.just("https://example.com/a.png"), **common),
        st.builds(
            Media,
            mime=st.just("application/pdf"),
            data=base64_data,
            name=st.sampled_from([None, "a.pdf"]),
            **common,
        ),
        st.builds(Media, mime=st.just("application/pdf"), url=st.just("https://example.com/a.pdf"), **common),
        st.builds(Media, mime=st.sampled_from(["audio/wav", "audio/mpeg"]), data=base64_data, **common),
        st.builds(Media, mime=st.just("application/octet-stream"), file_id=st.just("file-1"), **common),
    )


@cache
def reasoning_parts(origin: str | None = None) -> st.SearchStrategy[Reasoning]:
    """Without an origin there is no seal: a seal always belongs to somebody."""
    seals = st.none() if origin is None else st.none() | st.sampled_from(["seal-a", "seal-b"])
    plain = st.builds(Reasoning, text=words, seal=seals, origin=st.just(origin))
    if origin is None:
        return plain
    return plain | st.builds(
        Reasoning, redacted=st.just(True), seal=st.just("sealed-thought"), origin=st.just(origin)
    )


@cache
def tool_calls(origin: str | None = None) -> st.SearchStrategy[ToolCall]:
    return st.builds(
        ToolCall, call_id=call_ids, name=names, arguments=arguments, origin=st.just(origin), extra=_extras(origin)
    )


@cache
def unknown_parts(origin: str) -> st.SearchStrategy[Unknown]:
    return st.builds(
        Unknown,
        origin=st.just(origin),
        data=json_objects.map(lambda fields: {**fields, "type": "x_unknown"}),
    )


@cache
def tool_results(origin: str | None = None) -> st.SearchStrategy[ToolResult]:
    content: st.SearchStrategy[Any] = text_parts(marked=False) | media_parts(marked=False)
    return st.builds(
        ToolResult,
        call_id=call_ids,
        content=st.lists(content, max_size=3).map(tuple),
        is_error=st.booleans(),
        cache=cache_marks,
        origin=st.just(origin),
    )


@cache
def _user_parts(origin: str | None) -> st.SearchStrategy[tuple[AnyPart, ...]]:
    part: st.SearchStrategy[AnyPart] = text_parts(origin) | media_parts(origin)
    if origin is not None:
        part = part | unknown_parts(origin)
    return st.lists(part, min_size=1, max_size=3).map(tuple)


@cache
def _assistant_parts(origin: str | None) -> st.SearchStrategy[tuple[AnyPart, ...]]:
    return st.tuples(
        st.lists(reasoning_parts(origin), max_size=1),
        st.lists(text_parts(origin), max_size=2),
        st.lists(tool_calls(origin), max_size=2),
    ).map(lambda kinds: (*kinds[0], *kinds[1], *kinds[2]))


@cache
def _system_turns(origin: str | None) -> st.SearchStrategy[list[Turn]]:
    parts = st.lists(text_parts(origin), min_size=1, max_size=2).map(tuple)
    return st.lists(st.builds(Turn, role=st.sampled_from(["system", "developer"]), parts=parts), max_size=2)


@st.composite
def conversations(draw: st.DrawFn, origin: str | None = None, max_rounds: int = 3) -> tuple[Turn, ...]:
    """System turns, then rounds of user and assistant; every tool call is answered once, in order."""
    turns = list(draw(_system_turns(origin)))
    for round_number in range(draw(st.integers(1, max_rounds))):
        turns.append(Turn(role="user", parts=draw(_user_parts(origin))))
        parts = tuple(
            replace(part, call_id=f"call_{round_number}_{n}") if isinstance(part, ToolCall) else part
            for n, part in enumerate(draw(_assistant_parts(origin)))
        )
        if parts:
            turns.append(Turn(role="assistant", parts=parts))
        calls = [part for part in parts if isinstance(part, ToolCall)]
        if calls:
            results = (replace(draw(tool_results(origin)), call_id=call.call_id) for call in calls)
            turns.append(Turn(role="tool", parts=tuple(results)))
    return tuple(turns)


@cache
def tools(origin: str | None = None) -> st.SearchStrategy[tuple[Tool, ...]]:
    tool = st.builds(
        Tool,
        name=names,
        schema=schemas,
        description=st.none() | texts,
        strict=st.none() | st.booleans(),
        cache=cache_marks,
        origin=st.just(origin),
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


samplings = st.builds(
    Sampling,
    max_output_tokens=st.none() | st.integers(1, 4096),
    temperature=st.none() | st.floats(0, 2),
    top_p=st.none() | st.floats(0, 1),
    top_k=st.none() | st.integers(1, 100),
    stop=st.lists(words, max_size=2).map(tuple),
    seed=st.none() | st.integers(0, 2**31),
    presence_penalty=st.none() | st.floats(-2, 2),
    frequency_penalty=st.none() | st.floats(-2, 2),
)
thinkings = st.none() | st.one_of(
    st.builds(Thinking, effort=st.sampled_from(["none", "minimal", "low", "medium", "high", "xhigh", "max"])),
    st.builds(Thinking, mode=st.just("enabled"), budget_tokens=st.integers(1024, 100_000)),
    st.builds(Thinking, mode=st.just("adaptive"), effort=st.none() | st.sampled_from(["low", "high"])),
    st.builds(Thinking, mode=st.just("disabled")),
)
outputs = st.none() | st.one_of(
    st.builds(OutputFormat, kind=st.just("text")),
    st.builds(OutputFormat, kind=st.just("json_object")),
    st.builds(
        OutputFormat, kind=st.just("json_schema"), name=names, schema=schemas, strict=st.none() | st.booleans()
    ),
)


@st.composite
def requests(draw: st.DrawFn, origin: str | None = None) -> GenerateRequest:
    offered = draw(tools(origin))
    return GenerateRequest(
        model=draw(names),
        turns=draw(conversations(origin)),
        tools=offered,
        tool_choice=draw(tool_choices(offered)),
        sampling=draw(samplings),
        thinking=draw(thinkings),
        output=draw(outputs),
        stream=draw(st.none() | st.booleans()),
        include_usage=draw(st.booleans()),
        user=draw(st.none() | names),
        metadata=draw(st.none() | st.dictionaries(names, texts, max_size=2)),
        dialect=origin or "",
        extra=draw(_extras(origin)),
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
        chosen = draw(st.sampled_from(choices))
        if chosen == -1:
            index = len(opened)
            events.append(PartOpened(index=index, shell=_shell(response.parts[index])))
            opened.append(index)
        else:
            events.append(waiting[chosen].pop(0))
        if draw(st.integers(0, 9)) == 0:
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
