"""Whole answers of the Gemini API, read and written.

Of several candidates the first is the answer; the others, and whatever else a candidate says about itself, are
unknown fields of the response: `candidate` for those beside the first's content, `candidates` for the rest.
"""

import msgspec

from omniroute.dialects.base import Context, Encoded
from omniroute.dialects.gemini.callids import of_answer
from omniroute.dialects.gemini.errors import decode_error_body
from omniroute.dialects.gemini.parts import decode_part
from omniroute.dialects.gemini.usage import (
    VAGUE,
    blocked,
    broken,
    decode_finish,
    decode_usage,
    encode_finish,
    encode_usage,
)
from omniroute.dialects.gemini.wire import NAME, read_object, without
from omniroute.dialects.gemini.wire_parts import encode_part
from omniroute.dialects.look import as_array, as_object, as_text, objects_in
from omniroute.dialects.losses import Losses
from omniroute.errors import InvalidRequest, UpstreamError
from omniroute.ir.failure import Failure
from omniroute.ir.json import JsonObject
from omniroute.ir.parts import AnyPart, Media, Reasoning, Refusal, Text, ToolCall, ToolResult
from omniroute.ir.result import Finish, GenerateResponse, Usage

ENVELOPE = ("candidates", "usageMetadata", "modelVersion", "responseId", "response")
"""What is read of an answer and of every chunk of a stream."""

CANDIDATE = ("content", "finishReason", "index")


def decode_response(body: bytes) -> GenerateResponse | Failure:
    """Raises `UpstreamError(kind="protocol")` when `body` is not an answer of `generateContent`."""
    read = read_object(body)
    if read is None:
        raise UpstreamError("protocol", "the provider's answer is not a JSON object")
    answer = unwrapped(read)
    if as_object(answer.get("error")) is not None:
        return decode_error_body(answer)
    candidates = objects_in(answer.get("candidates"))
    if not candidates and blocked(answer.get("promptFeedback")) is None:
        raise UpstreamError("protocol", "the provider's answer has no candidates")
    first = candidates[0] if candidates else {}
    reason = as_text(first.get("finishReason")) or ""
    failure = broken(reason, first.get("finishMessage"))
    if failure is not None:
        return failure
    given = as_text(answer.get("responseId")) or ""
    ids = of_answer(given)
    content = as_array((as_object(first.get("content")) or {}).get("parts")) or ()
    try:
        parts = tuple(decode_part(part, f"parts[{i}]", ids) for i, part in enumerate(content))
    except InvalidRequest as unreadable:
        raise UpstreamError(
            "protocol", f"the provider's answer cannot be read: {unreadable.message}"
        ) from unreadable
    parts = tuple(part for part in parts if not is_blank(part))
    called = any(isinstance(part, ToolCall) for part in parts)
    usage = as_object(answer.get("usageMetadata"))
    extra = without(answer, *ENVELOPE) or {}
    for name, value in (("candidate", without(first, *CANDIDATE)), ("candidates", candidates[1:])):
        if value:
            extra[name] = value
    finish = (None if candidates else blocked(answer.get("promptFeedback"))) or decode_finish(
        reason or "STOP", called=called
    )
    return GenerateResponse(
        id=given,
        model=as_text(answer.get("modelVersion")) or "",
        parts=parts,
        finish=finish,
        usage=decode_usage(usage) if usage is not None else None,
        origin=NAME,
        extra=extra or None,
    )


def unwrapped(answer: JsonObject) -> JsonObject:
    """The answer inside `response`, where some of Google's own services put it."""
    return as_object(answer.get("response")) or answer if "candidates" not in answer else answer


def is_blank(part: AnyPart) -> bool:
    """An empty text says nothing; the last chunk of a stream often has one."""
    return isinstance(part, Text) and not part.text and part.seal is None and part.extra is None


def encode_response(response: GenerateResponse, context: Context) -> Encoded:
    losses = Losses()
    native = response.origin == NAME
    calls = 0
    parts: list[JsonObject] = []
    for i, part in enumerate(response.parts):
        path = f"parts[{i}]"
        wire = encode_answer_part(part, path, losses)
        if wire is None:
            continue
        if isinstance(part, ToolCall):
            put_id(wire, part, context, calls)
            calls += 1
        parts.append(wire)
    extra = dict(response.extra or {}) if native else {}
    if not native:
        losses.foreign("", response.extra)
        if response.finish.reason in VAGUE:
            losses.approximated("finish", f"finish reason {response.finish.reason}", "quality")
    candidate: JsonObject = {
        "content": {"role": "model", "parts": parts or [{"text": ""}]},
        "finishReason": encode_finish(response.finish, refused=has_refusal(response.parts), native=native),
        "index": 0,
        **(as_object(extra.pop("candidate", None)) or {}),
    }
    others = as_array(extra.pop("candidates", None)) or ()
    body: JsonObject = {"candidates": [candidate, *others]}
    if not parts and is_blocked(response.finish, extra):
        body = {}
    if response.usage is not None:
        body["usageMetadata"] = encode_usage(response.usage, native=native)
    else:
        body["usageMetadata"] = encode_usage(Usage(input=context.input_tokens), native=False)
    body["modelVersion"] = context.model
    body["responseId"] = response.id or context.token
    body.update(extra)
    return Encoded(msgspec.json.encode(body), tuple(losses))


def is_blocked(finish: Finish, extra: JsonObject) -> bool:
    """Whether an answer of this dialect ended before it began, which it says without a candidate."""
    refusal = blocked(extra.get("promptFeedback"))
    return refusal is not None and refusal.raw_reason == finish.raw_reason


def has_refusal(parts: tuple[AnyPart, ...]) -> bool:
    return any(isinstance(part, Refusal) for part in parts)


def put_id(wire: JsonObject, part: ToolCall, context: Context, position: int) -> None:
    """A foreign call without an id gets one, so that the client can name it."""
    call = as_object(wire.get("functionCall"))
    if call is not None and not part.call_id:
        wire["functionCall"] = {**call, "id": f"call_{context.token}_{position}"}


def encode_answer_part(part: AnyPart, path: str, losses: Losses) -> JsonObject | None:
    """The wire part of an answer; empty text is left out, and a picture may have any address here."""
    match part:
        case Text() if is_blank(part):
            return None
        case Media(data=None) if part.origin != NAME:
            return _linked(part, path, losses)
        case ToolResult():
            losses.dropped(path, "result of a hosted tool", "meaning")
            return None
        case Reasoning() if part.origin != NAME and not (part.text or part.summary):
            losses.dropped(path, "reasoning without words", "quality")
            return None
        case _:
            return encode_part(part, path, losses)


def _linked(part: Media, path: str, losses: Losses) -> JsonObject:
    if part.file_id is not None:
        losses.approximated(path, "file at another vendor", "quality")
    losses.foreign(path, part.extra)
    mime: JsonObject = {} if part.mime.endswith("/*") else {"mimeType": part.mime}
    return {"fileData": {**mime, "fileUri": part.url or part.file_id or ""}}


def candidate_of(answer: JsonObject) -> JsonObject:
    """The first candidate of an answer or a chunk; empty when there is none."""
    for said in as_array(answer.get("candidates")) or ():
        candidate = as_object(said)
        if candidate is not None and not candidate.get("index"):
            return candidate
    return {}
