"""Whole answers of the chat dialect: `chat.completion` to representation and back.

Normal forms of a decoded and encoded answer: `id` starts with `chatcmpl-`, `created` and `model` are the
gateway's, null members are absent, `function_call` is a tool call, an unknown finish reason is `stop`, of several
choices the first counts. Unknown members of the body stay in `extra`, those of the choice and its message under
`choices`.
"""

import msgspec

from omniroute.dialects.base import Context, Encoded
from omniroute.dialects.look import as_array, as_object, as_text, objects_in
from omniroute.dialects.losses import Losses
from omniroute.dialects.objects import rest_of
from omniroute.dialects.openai_chat.content import (
    decode_element,
    decode_reasoning,
    encode_element,
    put_cache,
    put_reasoning,
    raw_arguments,
)
from omniroute.dialects.openai_chat.finish import VAGUE, decode_finish, encode_finish
from omniroute.dialects.openai_chat.turns import decode_tool_call
from omniroute.dialects.openai_chat.usage import decode_usage, encode_usage
from omniroute.dialects.openai_chat.wire import NAME
from omniroute.dialects.openai_chat.wire import ToolCall as WireToolCall
from omniroute.dialects.openai_failures import failure_in_answer
from omniroute.dialects.repair import with_paired_surrogates
from omniroute.errors import InvalidRequest, UpstreamError
from omniroute.ir.failure import Failure
from omniroute.ir.json import JsonObject, RawJson
from omniroute.ir.parts import AnyPart, Media, Reasoning, Refusal, Text, ToolCall, ToolResult, Unknown
from omniroute.ir.result import GenerateResponse

_BODY = ("id", "object", "created", "model", "choices", "usage")
_CHOICE = ("index", "message", "finish_reason")
_MESSAGE = ("role", "content")


def decode_response(body: bytes) -> GenerateResponse | Failure:
    """Raises `UpstreamError(kind="protocol")` for a body that is no chat completion."""
    answer = parse(body)
    failure = failure_in_answer(answer)
    if failure is not None:
        return failure
    choices = as_array(answer.get("choices"))
    if choices is None:
        raise UpstreamError("protocol", "the provider's answer has no choices")
    choice = next(iter(objects_in(choices)), None)
    message = as_object((choice or {}).get("message"))
    if choice is None or message is None:
        return Failure(kind="empty", status=502, message="the provider's answer has no message")
    parts, rest = _message(message, as_text(answer.get("id")) or "")
    called = any(isinstance(part, ToolCall) for part in parts)
    beside = rest_of(choice, _CHOICE) or {}
    if rest:
        beside["message"] = rest
    beside = {name: value for name, value in beside.items() if value is not None}
    extra = rest_of(answer, _BODY) or {}
    if beside:
        extra["choices"] = [beside]
    usage = as_object(answer.get("usage"))
    return GenerateResponse(
        id=as_text(answer.get("id")) or "",
        model=as_text(answer.get("model")) or "",
        parts=tuple(parts),
        finish=decode_finish(as_text(choice.get("finish_reason")), called=called),
        usage=None if usage is None else decode_usage(usage, answer.get("service_tier")),
        origin=NAME,
        extra={name: value for name, value in extra.items() if value is not None} or None,
    )


def encode_response(response: GenerateResponse, context: Context) -> Encoded:
    losses = Losses()
    native = response.origin == NAME
    extra = dict(response.extra or {}) if native else {}
    if not native:
        losses.foreign("", response.extra)
    beside = (objects_in(extra.pop("choices", None)) or [{}])[0]
    message = _encode_parts(response.parts, losses)
    message.update(as_object(beside.get("message")) or {})
    choice: JsonObject = {
        "index": 0,
        "message": message,
        "logprobs": None,
        "finish_reason": encode_finish(response.finish, called="tool_calls" in message),
        **{name: value for name, value in beside.items() if name != "message"},
    }
    body: JsonObject = {
        "id": completion_id(response.id, context.token),
        "object": "chat.completion",
        "created": context.created,
        "model": context.model,
        "choices": [choice],
        **extra,
    }
    if response.finish.reason in VAGUE:
        losses.approximated("finish", f"finish reason {response.finish.reason}", "quality")
    if response.usage is not None:
        body["usage"] = encode_usage(response.usage, native=native)
    return Encoded(msgspec.json.encode(body), tuple(losses))


def completion_id(provider_id: str, token: str) -> str:
    return provider_id if provider_id.startswith("chatcmpl-") else f"chatcmpl-{token}"


def url_citation(citation: JsonObject, start: int, end: int) -> JsonObject | None:
    """A citation of another dialect as an annotation of the text from `start` to `end`, when it has an address."""
    url = as_text(citation.get("url"))
    if url is None:
        return None
    title = as_text(citation.get("title")) or url
    return {
        "type": "url_citation",
        "url_citation": {"start_index": start, "end_index": end, "title": title, "url": url},
    }


def image_member(part: Media, path: str, losses: Losses) -> JsonObject | None:
    """An image of an answer, in the shape that OpenRouter gave it; None for any other medium."""
    if not part.mime.startswith("image/") or (part.data is None and part.url is None):
        return None
    return encode_element(part, path, losses)


def parse(body: bytes) -> JsonObject:
    try:
        answer = as_object(msgspec.json.decode(body))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        answer = _mended(body)
    if answer is None:
        kind = "a web page" if body.lstrip()[:1] == b"<" else "something that is not a JSON object"
        raise UpstreamError("protocol", f"the provider answered with {kind} instead of a chat completion")
    return answer


def _mended(body: bytes) -> JsonObject | None:
    try:
        return as_object(msgspec.json.decode(with_paired_surrogates(body)))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _message(message: JsonObject, answer_id: str) -> tuple[list[AnyPart], JsonObject]:
    parts: list[AnyPart] = []
    known: list[str] = list(_MESSAGE)
    thinking = decode_reasoning(message)
    if thinking is not None:
        known += ["reasoning_content", "reasoning", "reasoning_details"]
        parts.append(thinking)
    try:
        parts += _said(message, known)
        parts += _calls(message, known, answer_id)
    except InvalidRequest as error:
        raise UpstreamError("protocol", f"the provider's answer is malformed: {error.message}") from None
    rest = rest_of(message, known) or {}
    return parts, {name: value for name, value in rest.items() if value is not None}


def _said(message: JsonObject, known: list[str]) -> list[AnyPart]:
    parts: list[AnyPart] = []
    content = message.get("content")
    if isinstance(content, str):
        if content:
            parts.append(_cited(content, message, known))
    else:
        for index, element in enumerate(as_array(content) or ()):
            thinking = mistral_thinking(element)
            parts.append(decode_element(element, f"content[{index}]") if thinking is None else thinking)
    refusal = as_text(message.get("refusal"))
    if refusal is not None:
        known.append("refusal")
        if refusal:
            parts.append(Refusal(text=refusal))
    images = as_array(message.get("images"))
    if images is not None:
        known.append("images")
        parts += [decode_element(image, f"images[{index}]") for index, image in enumerate(images)]
    return parts


def mistral_thinking(element: object) -> Reasoning | None:
    """Mistral's reasoning models put thinking into the content array (docs.mistral.ai, reasoning)."""
    fields = as_object(element)
    if fields is None or fields.get("type") != "thinking":
        return None
    thoughts = fields.get("thinking")
    text = as_text(thoughts)
    if text is None:
        text = "".join(as_text(thought.get("text")) or "" for thought in objects_in(thoughts))
    return Reasoning(text=text, origin=NAME)


def _cited(content: str, message: JsonObject, known: list[str]) -> Text:
    annotations = as_array(message.get("annotations")) or ()
    citations = objects_in(message.get("annotations"))
    if not citations or len(citations) != len(annotations):
        return Text(text=content)
    known.append("annotations")
    return Text(text=content, citations=tuple(citations), origin=NAME)


def _calls(message: JsonObject, known: list[str], answer_id: str) -> list[AnyPart]:
    parts: list[AnyPart] = []
    calls = as_array(message.get("tool_calls"))
    if calls is not None:
        known.append("tool_calls")
        for index, call in enumerate(objects_in(calls)):
            parts.append(decode_tool_call(call, f"tool_calls[{index}]", f"call_{answer_id}_{index}"))
    legacy = as_object(message.get("function_call"))
    name = as_text((legacy or {}).get("name"))
    if legacy is not None and name is not None:
        known.append("function_call")
        arguments = RawJson(raw_arguments(legacy.get("arguments")))
        parts.append(ToolCall(call_id=f"call_{name}", name=name, arguments=arguments, origin=NAME))
    return parts


def _encode_parts(parts: tuple[AnyPart, ...], losses: Losses) -> JsonObject:
    message: JsonObject = {"role": "assistant", "content": None, "refusal": None}
    text = ""
    calls: list[JsonObject] = []
    annotations: list[JsonObject] = []
    images: list[JsonObject] = []
    for index, part in enumerate(parts):
        path = f"parts[{index}]"
        if not isinstance(part, Reasoning | Media):
            if part.seal is not None:
                losses.dropped(f"{path}.seal", "seal", "quality")
            put_cache({}, part.cache, False, path, losses)
        match part:
            case Text():
                annotations += _annotations(part, len(text), path, losses)
                text += part.text
            case Reasoning():
                put_reasoning(message, part, path, losses)
            case Refusal():
                message["refusal"] = (message["refusal"] or "") + part.text
                if part.origin != NAME:
                    losses.foreign(path, part.extra)
            case ToolCall(executor="client"):
                calls.append(encode_call(part))
                if part.origin != NAME:
                    losses.foreign(path, part.extra)
            case ToolCall() | ToolResult():
                losses.dropped(path, "hosted tool use", "quality")
            case Media():
                image = image_member(part, path, losses)
                if image is None:
                    losses.dropped(path, "block of the answer", "quality")
                else:
                    images.append(image)
            case Unknown():
                losses.dropped(path, "unknown block", "quality")
    if text or not (calls or message["refusal"]):
        message["content"] = text
    if annotations:
        message["annotations"] = annotations
    if images:
        message["images"] = images
    if calls:
        message["tool_calls"] = calls
    return message


def encode_call(part: ToolCall) -> JsonObject:
    call = WireToolCall(
        id=part.call_id, type="function", function={"name": part.name, "arguments": part.arguments}
    )
    if part.origin != NAME or part.extra is None:
        return {**call}
    extra = part.extra
    if extra.get("type") == "custom":
        custom = {"name": part.name, "input": part.arguments, **(as_object(extra.get("custom")) or {})}
        return {"id": part.call_id, **extra, "custom": custom}
    return {**call, **extra, "function": {**call["function"], **(as_object(extra.get("function")) or {})}}


def _annotations(part: Text, start: int, path: str, losses: Losses) -> list[JsonObject]:
    if part.origin == NAME:
        return list(part.citations)
    losses.foreign(path, part.extra)
    found = [url_citation(citation, start, start + len(part.text)) for citation in part.citations]
    carried = [annotation for annotation in found if annotation is not None]
    if carried:
        losses.approximated(f"{path}.citations", "citations", "quality")
    if len(carried) < len(found):
        losses.dropped(f"{path}.citations", "citations", "quality")
    return carried
