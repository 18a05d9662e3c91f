"""Whole answers of the Responses API: a `response` object to representation and back.

An answer is written as the last event of its own stream would be, so that both always say the same. Normal forms
of a decoded and encoded answer: items have the gateway's ids, the texts of one item of reasoning are one summary,
what the answer repeats of its request is the gateway's (`answer`), null members are absent.
"""

import msgspec

from omniroute.dialects.base import Context, Encoded
from omniroute.dialects.look import as_array, as_object, as_text, objects_in
from omniroute.dialects.losses import Losses
from omniroute.dialects.objects import read_object, rest_of, said
from omniroute.dialects.openai_failures import reported
from omniroute.dialects.openai_responses.answer import OWN, REPEATED
from omniroute.dialects.openai_responses.citations import annotation_of, is_carried_whole
from omniroute.dialects.openai_responses.finish import VAGUE, decode_finish
from omniroute.dialects.openai_responses.items import decode_output
from omniroute.dialects.openai_responses.stream_encoder import ResponsesStreamEncoder
from omniroute.dialects.openai_responses.usage import decode_usage
from omniroute.dialects.openai_responses.wire import NAME
from omniroute.errors import InvalidRequest, UpstreamError
from omniroute.ir.failure import Failure
from omniroute.ir.fold import unfold
from omniroute.ir.json import JsonObject
from omniroute.ir.parts import AnyPart, Media, Reasoning, Refusal, Text, ToolCall, ToolResult, Unknown
from omniroute.ir.result import GenerateResponse

_KNOWN = OWN | REPEATED


def decode_response(body: bytes) -> GenerateResponse | Failure:
    """Raises `UpstreamError(kind="protocol")` for a body that is no finished response."""
    response = read_object(body)
    if response is None:
        kind = "a web page" if body.lstrip()[:1] == b"<" else "something that is not a JSON object"
        raise UpstreamError("protocol", f"the provider answered with {kind} instead of a response")
    failure = failure_in(response)
    if failure is not None:
        return failure
    output = as_array(response.get("output"))
    if output is None:
        raise UpstreamError("protocol", "the provider's answer has no output")
    status = as_text(response.get("status"))
    if status in ("queued", "in_progress"):
        raise UpstreamError("protocol", f"the provider's answer is not finished, its status is {status!r}")
    try:
        parts = decode_output(objects_in(output), "output")
    except InvalidRequest as broken:
        raise UpstreamError("protocol", f"the provider's answer is malformed: {broken.message}") from None
    usage = as_object(response.get("usage"))
    called = any(isinstance(part, ToolCall) and part.executor == "client" for part in parts)
    return GenerateResponse(
        id=as_text(response.get("id")) or "",
        model=as_text(response.get("model")) or "",
        parts=tuple(parts),
        finish=decode_finish(response, called=called),
        usage=None if usage is None else decode_usage(usage, response.get("service_tier")),
        origin=NAME,
        extra=answer_extra(response),
    )


def failure_in(response: JsonObject) -> Failure | None:
    """The failure that a 2xx body holds instead of an answer."""
    if response.get("error") or response.get("status") in ("failed", "cancelled"):
        return reported(response)
    return None


def answer_extra(response: JsonObject) -> JsonObject | None:
    return said(rest_of(response, _KNOWN))


def encode_response(response: GenerateResponse, context: Context) -> Encoded:
    losses = Losses()
    _report(response, losses)
    encoder = ResponsesStreamEncoder(context)
    for event in unfold(response):
        encoder.send(event)
    return Encoded(msgspec.json.encode(encoder.response), tuple(losses))


def _report(response: GenerateResponse, losses: Losses) -> None:
    if response.origin != NAME:
        losses.foreign("", response.extra)
        if not any(_is_told(part) for part in response.parts):
            losses.added("parts", "message of an empty answer", "quality")
    if response.finish.reason in VAGUE:
        losses.approximated("finish", f"finish reason {response.finish.reason}", "quality")
    if response.finish.stop_sequence is not None:
        losses.dropped("finish.stop_sequence", "stop sequence", "quality")
    for index, part in enumerate(response.parts):
        _report_part(part, f"parts[{index}]", losses)


def _report_part(part: AnyPart, path: str, losses: Losses) -> None:
    if part.cache is not None:
        losses.dropped(f"{path}.cache", "cache mark", "cost")
    if part.origin == NAME:
        if isinstance(part, ToolResult) or (isinstance(part, ToolCall) and part.executor == "provider"):
            losses.dropped(path, "hosted tool use", "quality")
        return
    if part.seal is not None:
        losses.dropped(f"{path}.seal", "seal", "quality")
    match part:
        case Text(citations=citations):
            losses.foreign(path, part.extra)
            _report_citations(citations, path, losses)
        case Reasoning() | Refusal() | ToolCall(executor="client"):
            losses.foreign(path, part.extra)
        case ToolCall() | ToolResult():
            losses.dropped(path, "hosted tool use", "quality")
        case Media(mime=mime):
            losses.foreign(path, part.extra)
            if not _is_told(part):
                losses.dropped(path, f"{mime} content", "quality")
            elif part.data is None:
                losses.approximated(path, "image by address", "quality")
            if part.name is not None:
                losses.dropped(f"{path}.name", "file name", "quality")
        case Unknown():
            losses.dropped(path, "unknown block", "quality")


def _report_citations(citations: tuple[JsonObject, ...], path: str, losses: Losses) -> None:
    if any(annotation_of(citation, 0, 0) is None for citation in citations):
        losses.dropped(f"{path}.citations", "citations", "quality")
    elif not all(is_carried_whole(citation) for citation in citations):
        losses.approximated(f"{path}.citations", "citations", "quality")


def _is_told(part: AnyPart) -> bool:
    """Whether the part leaves a trace in the output."""
    match part:
        case Text(text=text, citations=citations):
            return bool(text or citations)
        case Refusal(text=text):
            return bool(text)
        case Reasoning(text=text, summary=summary):
            return bool(text or any(summary))
        case ToolCall(executor=executor):
            return executor == "client"
        case Media(mime=mime, data=data, url=url):
            return mime.startswith("image/") and bool(data or url)
        case Unknown() | ToolResult():
            return False
