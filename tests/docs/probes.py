"""One feature at a time, in the representation: what the reference of translations is measured with.

A probe is the plainest request (or answer) plus one thing. It is said in the dialect of a client (or provider) by
that dialect's own codec, so a dialect that comes later is measured without another line here.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import msgspec
from msgspec.structs import replace

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
)
from omniroute.ir.request import GenerateRequest, OutputFormat, Role, Sampling, Thinking, Tool, ToolChoice, Turn
from omniroute.ir.result import Finish, GenerateResponse, Usage

Origin: TypeAlias = str
"""The dialect that a probe is said in: seals, marks and unknown members belong to it."""

RequestProbe: TypeAlias = Callable[[Origin], GenerateRequest]
AnswerProbe: TypeAlias = Callable[[Origin], GenerateResponse]

_PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
_PDF = "JVBERi0xLjEKJSVFT0YK"
_SCHEMA: JsonObject = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
_TOOLS = (
    Tool(name="look", schema=_SCHEMA, description="Looks."),
    Tool(name="find", schema=_SCHEMA, description=""),
)


def _turn(role: Role, *parts: AnyPart, origin: Origin, **more: Any) -> Turn:
    return Turn(role=role, parts=parts, origin=origin, **more)


def plain(origin: Origin) -> GenerateRequest:
    """A question and a limit, which every dialect can say."""
    turns = (_turn("user", Text(text="Hello"), origin=origin),)
    sampling = Sampling(max_output_tokens=30_000)
    return GenerateRequest(model="m", turns=turns, sampling=sampling, stream=False, dialect=origin)


def with_tools(origin: Origin) -> GenerateRequest:
    """The plain request with two tools on offer."""
    return replace(plain(origin), tools=tuple(replace(tool, origin=origin) for tool in _TOOLS))


def _round(origin: Origin, call: ToolCall, result: ToolResult) -> GenerateRequest:
    asked = with_tools(origin)
    call, result = replace(call, origin=origin), replace(result, origin=origin)
    called, answered = _turn("assistant", call, origin=origin), _turn("tool", result, origin=origin)
    return replace(asked, turns=(*asked.turns, called, answered))


_CALL = ToolCall(call_id="call_1", name="look", arguments=RawJson('{"city":"Rome"}'))
_RESULT = ToolResult(call_id="call_1", content=(Text(text="sunny"),))


def used_tools(origin: Origin) -> GenerateRequest:
    """A conversation in which a tool was called."""
    return _round(origin, _CALL, _RESULT)


def _of_user(*parts: Callable[[Origin], AnyPart]) -> RequestProbe:
    def probe(origin: Origin) -> GenerateRequest:
        said = (Text(text="Hello", origin=origin), *(part(origin) for part in parts))
        return replace(plain(origin), turns=(_turn("user", *said, origin=origin),))

    return probe


_alone = _of_user()
"""The plain request in the form that has room for more than text."""


def _media(**fields: Any) -> RequestProbe:
    return _of_user(lambda origin: Media(origin=origin, **fields))


def _sampled(**fields: Any) -> RequestProbe:
    return lambda origin: replace(plain(origin), sampling=replace(plain(origin).sampling, **fields))


def _asked(**fields: Any) -> RequestProbe:
    return lambda origin: replace(plain(origin), **fields)


def _chosen(**fields: Any) -> RequestProbe:
    return lambda origin: replace(with_tools(origin), tool_choice=ToolChoice(**fields))


def _before(*turns: tuple[Role, str]) -> RequestProbe:
    def probe(origin: Origin) -> GenerateRequest:
        said = tuple(_turn(role, Text(text=text), origin=origin) for role, text in turns)
        return replace(plain(origin), turns=(*said, *plain(origin).turns))

    return probe


def _after(*turns: tuple[Role, str]) -> RequestProbe:
    def probe(origin: Origin) -> GenerateRequest:
        said = tuple(_turn(role, Text(text=text), origin=origin) for role, text in turns)
        return replace(plain(origin), turns=(*plain(origin).turns, *said))

    return probe


def _thought(part: Reasoning) -> RequestProbe:
    def probe(origin: Origin) -> GenerateRequest:
        asked = used_tools(origin)
        question, called, answered = asked.turns
        mind = replace(part, origin=origin)
        return replace(asked, turns=(question, replace(called, parts=(mind, *called.parts)), answered))

    return probe


def _marked_tool(origin: Origin) -> GenerateRequest:
    asked = with_tools(origin)
    first, last = asked.tools
    return replace(asked, tools=(first, replace(last, cache=CacheMark())))


def _strict_tool(origin: Origin) -> GenerateRequest:
    asked = with_tools(origin)
    return replace(asked, tools=tuple(replace(tool, strict=True) for tool in asked.tools))


def _named_turn(origin: Origin) -> GenerateRequest:
    asked = plain(origin)
    return replace(asked, turns=(replace(asked.turns[0], name="ada"),))


REQUESTS: dict[str, tuple[RequestProbe, RequestProbe]] = {
    "system prompt": (_before(("system", "Be brief.")), plain),
    "several system prompts": (_before(("system", "Be brief."), ("system", "Be kind.")), plain),
    "developer message": (_before(("developer", "Be brief.")), plain),
    "system message in the middle": (
        _after(("assistant", "Yes?"), ("system", "Be brief."), ("user", "Why?")),
        _after(("assistant", "Yes?"), ("user", "Why?")),
    ),
    "assistant prefill": (_after(("assistant", "It is")), plain),
    "name of a speaker": (_named_turn, plain),
    "image by URL": (_media(mime="image/*", url="https://example.com/a.png"), _alone),
    "image as base64": (_media(mime="image/png", data=_PIXEL), _alone),
    "image by file id": (_media(mime="image/*", file_id="file_1"), _alone),
    "image detail": (
        _media(mime="image/png", data=_PIXEL, detail="low"),
        _media(mime="image/png", data=_PIXEL),
    ),
    "PDF as base64": (_media(mime="application/pdf", data=_PDF), _alone),
    "PDF by URL": (_media(mime="application/pdf", url="https://example.com/a.pdf"), _alone),
    "PDF by file id": (_media(mime="application/pdf", file_id="file_1"), _alone),
    "file name": (
        _media(mime="application/pdf", data=_PDF, name="a.pdf"),
        _media(mime="application/pdf", data=_PDF),
    ),
    "audio as base64": (_media(mime="audio/wav", data="UklGRg=="), _alone),
    "video as base64": (_media(mime="video/mp4", data="AAAA"), _alone),
    "tools": (with_tools, plain),
    "strict tools": (_strict_tool, with_tools),
    "tool choice: none": (_chosen(mode="none"), with_tools),
    "tool choice: any": (_chosen(mode="required"), with_tools),
    "tool choice: one": (_chosen(mode="one", names=("look",)), with_tools),
    "tool choice: some": (_chosen(mode="subset", names=("look",), required=True), with_tools),
    "no parallel calls": (_chosen(mode="auto", parallel=False), _chosen(mode="auto")),
    "tool call and result": (used_tools, with_tools),
    "arguments that are no JSON": (
        lambda origin: _round(origin, replace(_CALL, arguments=RawJson('{"city":')), _RESULT),
        used_tools,
    ),
    "tool result that is an error": (
        lambda origin: _round(origin, _CALL, replace(_RESULT, is_error=True)),
        used_tools,
    ),
    "tool result with an image": (
        lambda origin: _round(
            origin,
            _CALL,
            replace(_RESULT, content=(*_RESULT.content, Media(mime="image/png", data=_PIXEL, origin=origin))),
        ),
        used_tools,
    ),
    "thinking budget": (_asked(thinking=Thinking(mode="enabled", budget_tokens=10_240)), plain),
    "thinking effort": (_asked(thinking=Thinking(effort="high")), plain),
    "adaptive thinking": (_asked(thinking=Thinking(mode="adaptive")), plain),
    "thinking off": (_asked(thinking=Thinking(mode="disabled")), plain),
    "summary of thinking": (
        _asked(thinking=Thinking(effort="high", summary="detailed")),
        _asked(thinking=Thinking(effort="high")),
    ),
    "thinking in the history": (_thought(Reasoning(text="Rome, then.")), used_tools),
    "seal of thinking": (
        _thought(Reasoning(text="Rome, then.", seal="c2VhbA==")),
        _thought(Reasoning(text="Rome, then.")),
    ),
    "redacted thinking": (_thought(Reasoning(redacted=True, seal="c2VhbA==")), used_tools),
    "cache mark": (
        _of_user(lambda origin: Text(text="More", origin=origin, cache=CacheMark())),
        _of_user(lambda origin: Text(text="More", origin=origin)),
    ),
    "cache mark for an hour": (
        _of_user(lambda origin: Text(text="More", origin=origin, cache=CacheMark(ttl="1h"))),
        _of_user(lambda origin: Text(text="More", origin=origin)),
    ),
    "cache mark on a tool": (_marked_tool, with_tools),
    "JSON": (_asked(output=OutputFormat(kind="json_object")), plain),
    "JSON of a schema": (_asked(output=OutputFormat(kind="json_schema", name="city", schema=_SCHEMA)), plain),
    "output limit": (_sampled(max_output_tokens=77), plain),
    "temperature": (_sampled(temperature=0.3), plain),
    "temperature above 1": (_sampled(temperature=1.5), plain),
    "top_p": (_sampled(top_p=0.5), plain),
    "temperature and top_p": (_sampled(temperature=0.3, top_p=0.5), _sampled(temperature=0.3)),
    "top_k": (_sampled(top_k=5), plain),
    "stop": (_sampled(stop=("END",)), plain),
    "six stops": (_sampled(stop=("A", "B", "C", "D", "E", "F")), _sampled(stop=("A", "B", "C", "D"))),
    "seed": (_sampled(seed=7), plain),
    "presence penalty": (_sampled(presence_penalty=0.5), plain),
    "frequency penalty": (_sampled(frequency_penalty=0.5), plain),
    "logit bias": (_sampled(logit_bias={"50256": -100}), plain),
    "logprobs": (_sampled(logprobs=True), plain),
    "top logprobs": (_sampled(logprobs=True, top_logprobs=3), _sampled(logprobs=True)),
    "several choices (n)": (_sampled(n=2), plain),
    "user": (_asked(user="ada"), plain),
    "metadata": (_asked(metadata={"team": "blue"}), plain),
}
"""A feature by name: the request that has it, and the one that only lacks it."""


def said(origin: Origin) -> GenerateResponse:
    """A word, the way every provider can say it."""
    return GenerateResponse(
        id="x1",
        model="m",
        parts=(Text(text="Hello"),),
        finish=Finish(reason="stop"),
        usage=Usage(input=50, output=20),
        origin=origin,
    )


def _called(origin: Origin) -> GenerateResponse:
    call = replace(_CALL, origin=origin)
    return replace(said(origin), parts=(*said(origin).parts, call), finish=Finish(reason="tool_calls"))


def _with(*parts: Callable[[Origin], AnyPart]) -> AnswerProbe:
    return lambda origin: replace(said(origin), parts=(*(part(origin) for part in parts), *said(origin).parts))


def _ended(**fields: Any) -> AnswerProbe:
    return lambda origin: replace(said(origin), finish=Finish(**fields))


def _used(**fields: Any) -> AnswerProbe:
    return lambda origin: replace(said(origin), usage=replace(said(origin).usage or Usage(), **fields))


def _bad_call(origin: Origin) -> GenerateResponse:
    answer = _called(origin)
    text, call = answer.parts
    assert isinstance(call, ToolCall)
    return replace(answer, parts=(text, replace(call, arguments=RawJson('{"city":'))))


def _two_calls(origin: Origin) -> GenerateResponse:
    answer = _called(origin)
    more = ToolCall(call_id="call_2", name="find", arguments=RawJson("{}"), origin=origin)
    return replace(answer, parts=(*answer.parts, more))


_THOUGHT = _with(lambda origin: Reasoning(text="Rome, then.", origin=origin))

ANSWERS: dict[str, tuple[AnswerProbe, AnswerProbe]] = {
    "thinking": (_THOUGHT, said),
    "seal of thinking": (
        _with(lambda origin: Reasoning(text="Rome, then.", seal="c2VhbA==", origin=origin)),
        _THOUGHT,
    ),
    "redacted thinking": (_with(lambda origin: Reasoning(redacted=True, seal="c2VhbA==", origin=origin)), said),
    "tool call": (_called, said),
    "parallel tool calls": (_two_calls, _called),
    "arguments that are no JSON": (_bad_call, _called),
    "refusal": (lambda origin: replace(said(origin), parts=(Refusal(text="No."),)), said),
    "image": (_with(lambda origin: Media(mime="image/png", data=_PIXEL, origin=origin)), said),
    "end: a stop sequence": (_ended(reason="stop_sequence", stop_sequence="END"), said),
    "end: output limit": (_ended(reason="length"), said),
    "end: context full": (_ended(reason="context"), _ended(reason="length")),
    "end: filter": (_ended(reason="filter"), said),
    "end: pause": (_ended(reason="pause"), said),
    "usage: cache reads": (_used(cache_read=30), said),
    "usage: cache writes": (_used(cache_write=30), said),
    "usage: thinking": (_used(reasoning=10), said),
}
"""A feature by name: the answer that has it, and the one that only lacks it."""


def kept(probe: GenerateRequest, decoded: GenerateRequest) -> bool:
    """Whether thinking is still what was asked for: some dialects write it and read something vaguer."""
    wanted, found = probe.thinking, decoded.thinking
    if wanted is None:
        return True
    if found is None:
        return False
    if wanted.budget_tokens is None and wanted.effort is None:
        return wanted.mode == found.mode
    return (wanted.budget_tokens, wanted.effort) == (found.budget_tokens, found.effort)


def same(one: bytes, other: bytes) -> bool:
    """Whether two bodies say the same: a text in an array of its own is a text."""
    return bool(_plainly(msgspec.json.decode(one)) == _plainly(msgspec.json.decode(other)))


def _plainly(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plainly(inner) for name, inner in value.items()}
    if not isinstance(value, list):
        return value
    if len(value) == 1 and isinstance(value[0], dict) and value[0].keys() == {"type", "text"}:
        return value[0]["text"]
    return [_plainly(inner) for inner in value]
