"""Whole answers of Cohere's chat API.

Thinking and the plan before tool calls are both reasoning; a citation belongs to the text that its index names.
"""

from omniroute.dialects.cohere.errors import failure_in, failure_without_answer
from omniroute.dialects.cohere.usage import decode_finish, decode_usage
from omniroute.dialects.cohere.wire import NAME, without
from omniroute.dialects.look import as_count, as_object, as_text, objects_in
from omniroute.dialects.objects import read_object
from omniroute.errors import UpstreamError
from omniroute.ir.failure import Failure
from omniroute.ir.json import JsonObject, RawJson
from omniroute.ir.parts import AnyPart, Reasoning, Text, ToolCall, Unknown
from omniroute.ir.result import GenerateResponse

_ENVELOPE = ("id", "finish_reason", "message", "usage", "model")
_MESSAGE = ("role", "content", "tool_plan", "tool_calls", "citations")


def decode_response(body: bytes) -> GenerateResponse | Failure:
    """Raises `UpstreamError(kind="protocol")` when `body` is not an answer."""
    answer = read_object(body)
    if answer is None:
        raise UpstreamError("protocol", "the provider's answer is not a JSON object")
    failure = failure_in(answer)
    message = as_object(answer.get("message"))
    if failure is None and message is None:
        failure = failure_without_answer(answer)
    if failure is not None:
        return failure
    if message is None:
        raise UpstreamError("protocol", "the provider's answer has no message")
    parts = _parts(message)
    usage = as_object(answer.get("usage"))
    inner = without(message, *_MESSAGE)
    extra = {**(without(answer, *_ENVELOPE) or {}), **({"message": inner} if inner else {})}
    return GenerateResponse(
        id=as_text(answer.get("id")) or "",
        model=as_text(answer.get("model")) or "",
        parts=parts,
        finish=decode_finish(
            answer.get("finish_reason"), called=any(isinstance(part, ToolCall) for part in parts)
        ),
        usage=decode_usage(usage) if usage else None,
        origin=NAME,
        extra=extra or None,
    )


def _parts(message: JsonObject) -> tuple[AnyPart, ...]:
    citations = objects_in(message.get("citations"))
    content: list[AnyPart] = []
    for i, block in enumerate(objects_in(message.get("content"))):
        match block.get("type"):
            case "text" if isinstance(block.get("text"), str):
                cited = tuple(one for one in citations if (as_count(one.get("content_index")) or 0) == i)
                content.append(Text(text=block["text"], citations=cited, origin=NAME))
            case "thinking" if isinstance(block.get("thinking"), str):
                content.append(Reasoning(text=block["thinking"], origin=NAME))
            case _:
                content.append(Unknown(data=block, origin=NAME))
    plan = as_text(message.get("tool_plan"))
    planned: list[AnyPart] = [Reasoning(text=plan, origin=NAME)] if plan else []
    calls = [decode_call(call, i) for i, call in enumerate(objects_in(message.get("tool_calls")))]
    return (*content, *planned, *calls)


def decode_call(call: JsonObject, position: int) -> ToolCall:
    function = as_object(call.get("function")) or {}
    return ToolCall(
        call_id=as_text(call.get("id")) or f"call_{position}",
        name=as_text(function.get("name")) or "",
        arguments=RawJson(as_text(function.get("arguments")) or ""),
        origin=NAME,
    )
