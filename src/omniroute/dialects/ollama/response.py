"""Whole answers of the chat API: one JSON object to representation and back.

Normal forms of a decoded and encoded answer: `model` and `created_at` are the gateway's, `done` and `done_reason`
are always there, so is `content`; null members, and empty ones of the message, are absent. Unknown members of the
body stay in `extra`, those of its message under `message`.
"""

from datetime import UTC, datetime

import msgspec

from omniroute.dialects.base import Context, Encoded
from omniroute.dialects.look import as_array, as_object, as_text, objects_in
from omniroute.dialects.losses import Losses
from omniroute.dialects.objects import read_object, rest_of, said
from omniroute.dialects.ollama.calls import decode_call, encode_call, given_id
from omniroute.dialects.ollama.errors import failure_in_answer
from omniroute.dialects.ollama.ids import id_in_answer
from omniroute.dialects.ollama.images import decode_image
from omniroute.dialects.ollama.metrics import METRICS, decode_finish, decode_usage, encode_finish, encode_usage
from omniroute.dialects.ollama.wire import NAME, Message
from omniroute.errors import UpstreamError
from omniroute.ir.failure import Failure
from omniroute.ir.json import JsonObject
from omniroute.ir.parts import AnyPart, Media, Reasoning, Refusal, Text, ToolCall, ToolResult, Unknown
from omniroute.ir.result import GenerateResponse

BODY = ("model", "created_at", "message", "done", "done_reason")
MESSAGE = ("role", "content", "thinking", "images", "tool_calls")


def decode_response(body: bytes) -> GenerateResponse | Failure:
    """Raises `UpstreamError(kind="protocol")` for a body that is no answer of the chat API."""
    answer = read_object(body)
    if answer is None:
        kind = "a web page" if body.lstrip()[:1] == b"<" else "something that is not a JSON object"
        raise UpstreamError("protocol", f"the provider answered with {kind} instead of a chat answer")
    failure = failure_in_answer(answer)
    if failure is not None:
        return failure
    message = as_object(answer.get("message"))
    if message is None:
        raise UpstreamError("protocol", "the provider's answer has no message")
    parts = decode_parts(message, answer.get("created_at"), 0)
    usage = decode_usage(answer)
    extra = said(rest_of(answer, BODY if usage is None else (*BODY, *METRICS))) or {}
    inner = said(rest_of(message, MESSAGE))
    if inner is not None:
        extra["message"] = inner
    return GenerateResponse(
        id="",
        model=as_text(answer.get("model")) or "",
        parts=tuple(parts),
        finish=decode_finish(answer.get("done_reason"), called=any(isinstance(part, ToolCall) for part in parts)),
        usage=usage,
        origin=NAME,
        extra=extra or None,
    )


def decode_parts(message: JsonObject, created_at: object, calls_before: int) -> list[AnyPart]:
    """What a message, whole or a piece of a stream, says. Calls without a name are nothing that could be done."""
    parts: list[AnyPart] = []
    thinking, content = as_text(message.get("thinking")), as_text(message.get("content"))
    if thinking:
        parts.append(Reasoning(text=thinking, origin=NAME))
    if content:
        parts.append(Text(text=content))
    images = [as_text(image) for image in as_array(message.get("images")) or ()]
    parts += [decode_image(image) for image in images if image]
    for position, call in enumerate(objects_in(message.get("tool_calls"))):
        made = decode_call(call, position, given_id(call) or id_in_answer(created_at, calls_before + position))
        if made.name:
            parts.append(made)
    return parts


def encode_response(response: GenerateResponse, context: Context) -> Encoded:
    losses = Losses()
    native = response.origin == NAME
    extra = dict(response.extra or {}) if native else {}
    if not native:
        losses.foreign("", response.extra)
    message = {**_message(response.parts, losses), **(as_object(extra.pop("message", None)) or {})}
    if not native and response.finish.reason in ("filter", "pause", "stop_sequence", "context"):
        losses.approximated("finish", f"finish reason {response.finish.reason}", "quality")
    if not native and response.usage is not None and response.usage.reasoning:
        losses.dropped("usage.reasoning", "count of thinking tokens", "quality")
    body: JsonObject = {
        "model": context.model,
        "created_at": created_at(context),
        "message": message,
        "done": True,
        "done_reason": encode_finish(response.finish, native=native),
        **encode_usage(response.usage, native=native),
        **extra,
    }
    return Encoded(msgspec.json.encode(body), tuple(losses))


def created_at(context: Context) -> str:
    """The time of the answer as RFC 3339, in UTC."""
    return datetime.fromtimestamp(context.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def image_link(part: Media) -> str:
    """An image as Markdown: the vendor's own client fails on an answer whose message has images."""
    place = part.url or (f"data:{part.mime};base64,{part.data}" if part.data else part.file_id or "")
    return f"![{part.name or part.mime.partition('/')[0]}]({place})"


def _message(parts: tuple[AnyPart, ...], losses: Losses) -> Message:
    text = ""
    thinking = ""
    images: list[str] = []
    calls: list[JsonObject] = []
    for index, part in enumerate(parts):
        path = f"parts[{index}]"
        if part.seal is not None:
            losses.dropped(f"{path}.seal", "seal", "quality")
        if part.cache is not None:
            losses.dropped(f"{path}.cache", "cache mark", "cost")
        if part.origin != NAME and not isinstance(part, ToolCall):
            losses.foreign(path, part.extra)
        match part:
            case Text():
                if part.citations:
                    losses.dropped(f"{path}.citations", "citations", "quality")
                text += part.text
            case Refusal():
                losses.approximated(path, "refusal as text", "quality")
                text += part.text
            case Reasoning():
                thinking += part.text or "\n\n".join(part.summary)
                if part.redacted:
                    losses.dropped(path, "redacted reasoning", "quality")
            case ToolCall(executor="client"):
                calls.append(encode_call(part, path, losses))
            case Media() if part.origin == NAME and part.data is not None:
                images.append(part.data)
            case Media():
                losses.approximated(path, f"{part.mime} content as a link", "quality")
                text += image_link(part)
            case ToolCall() | ToolResult():
                losses.dropped(path, "hosted tool use", "quality")
            case Unknown():
                losses.dropped(path, "unknown block", "quality")
    message: Message = {"role": "assistant", "content": text}
    if thinking:
        message["thinking"] = thinking
    if images:
        message["images"] = images
    if calls:
        message["tool_calls"] = calls
    return message
