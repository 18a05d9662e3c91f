"""OpenAI's Responses API as its server speaks it."""

import base64
from collections.abc import Iterator

from tests.support.upstream import sse
from tests.support.upstream.answer import Answer, Call, Decline, Part, Say, Think, Tokens, split
from tests.support.upstream.fitting import Asked, Tool
from tests.support.upstream.openai_chat import CREATED, error, models
from tests.support.upstream.wire import Request

__all__ = ["error", "models"]

BROKEN_EVENT = b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","delta":"lost\n\n'

_CODE = {"overloaded": "server_error", "rate_limit": "rate_limit_exceeded", "server": "server_error"}
_KNOWN = frozenset(
    {
        *(
            "background",
            "conversation",
            "context_management",
            "include",
            "input",
            "instructions",
            "max_output_tokens",
        ),
        *("max_tool_calls", "metadata", "model", "moderation", "parallel_tool_calls", "previous_response_id"),
        *("prompt", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "reasoning"),
        *("safety_identifier", "service_tier", "store", "stream", "stream_options", "temperature", "text"),
        *("tool_choice", "tools", "top_logprobs", "top_p", "truncation", "user"),
    }
)
_SPOKEN = {
    "assistant": {"output_text", "refusal"},
    "user": {"input_text", "input_image", "input_file", "input_audio"},
    "system": {"input_text"},
    "developer": {"input_text"},
}


def handles(request: Request) -> bool:
    return request.path.endswith("/responses")


def stream_type(asked: Asked) -> str:
    return "text/event-stream"


def read(request: Request, body: dict) -> Asked:
    last = _last_turn(_items(body))
    content = [part for item in last if _kind(item) == "message" for part in _content(item)]
    results = [item["output"] for item in last if _kind(item) == "function_call_output"]
    inside = [part for result in results if isinstance(result, list) for part in result]
    return Asked(
        model=body["model"],
        stream=bool(body.get("stream", False)),
        text=" ".join(_texts(content)),
        attached=tuple(
            _described(part) for part in content + inside if part["type"] in ("input_image", "input_file")
        ),
        results=tuple(result if isinstance(result, str) else " ".join(_texts(result)) for result in results),
        tools=tuple(
            Tool(name=tool["name"], schema=tool.get("parameters") or {})
            for tool in body.get("tools", [])
            if tool["type"] == "function" and body.get("tool_choice") != "none"
        ),
        thinks=(body.get("reasoning") or {}).get("effort") not in (None, "none"),
        sealed="reasoning.encrypted_content" in (body.get("include") or []),
    )


def complaint(request: Request, body: dict) -> str | None:
    """What OpenAI's server would refuse in a body that can be read."""
    unknown = sorted(set(body) - _KNOWN)
    if unknown:
        return f"Unknown parameter: {unknown[0]!r}."
    if not body.get("input") and not body.get("previous_response_id"):
        return 'One of "input" or "previous_response_id" must be provided.'
    calls: set[str] = set()
    for index, item in enumerate(_items(body)):
        match _kind(item):
            case "message":
                wrong = {part["type"] for part in _content(item)} - _SPOKEN[item["role"]]
                if wrong:
                    return f"Invalid value: {min(wrong)!r} in input[{index}] of role {item['role']!r}."
            case "function_call":
                if "id" in item and not item["id"].startswith("fc"):
                    return f"Invalid 'input[{index}].id': {item['id']!r}. Expected an ID that begins with 'fc'."
                calls.add(item["call_id"])
            case "function_call_output":
                if item["call_id"] not in calls:
                    return f"No tool call found for function call output with call_id {item['call_id']}."
                calls.discard(item["call_id"])
            case "reasoning":
                if not isinstance(item.get("summary"), list):
                    return f"Missing required parameter: 'input[{index}].summary'."
    return f"No tool output found for function call {min(calls)}." if calls else None


def whole(asked: Asked, answer: Answer, number: int) -> dict:
    output = [_done(item, parts) for item, parts in _output(asked, answer)]
    return _response(asked, number, _status(answer), output, answer)


def events(asked: Asked, answer: Answer, number: int) -> list[bytes]:
    told: list[dict] = [
        {"type": "response.created", "response": _response(asked, number, "in_progress", [])},
        {"type": "response.in_progress", "response": _response(asked, number, "in_progress", [])},
    ]
    output: list[dict] = []
    for index, (item, parts) in enumerate(_output(asked, answer)):
        told.append({"type": "response.output_item.added", "output_index": index, "item": item})
        for number_in_item, part in enumerate(parts):
            place = {"item_id": item["id"], "output_index": index}
            told += [{**event, **place} for event in _spoken(part, number_in_item)]
        output.append(_done(item, parts))
        told.append({"type": "response.output_item.done", "output_index": index, "item": output[-1]})
    status = _status(answer)
    told.append({"type": f"response.{status}", "response": _response(asked, number, status, output, answer)})
    return [sse.event({**event, "sequence_number": place}) for place, event in enumerate(told)]


def in_band_error(kind: str, message: str) -> dict:
    asked = Asked(model="scripted", stream=False, text="")
    return _response(asked, 0, "failed", [], error={"code": _CODE[kind], "message": message})


def error_event(asked: Asked, number: int, after: int, kind: str, message: str) -> bytes:
    """A response that was created fails; before that there is only an error."""
    if after == 0:
        said = {"type": "error", "code": _CODE[kind], "message": message, "param": None, "sequence_number": 0}
        return sse.event(said)
    failed = _response(asked, number, "failed", [], error={"code": _CODE[kind], "message": message})
    return sse.event({"type": "response.failed", "response": failed, "sequence_number": after})


def _response(
    asked: Asked,
    number: int,
    status: str,
    output: list[dict],
    answer: Answer | None = None,
    error: dict | None = None,
) -> dict:
    reason = {"length": "max_output_tokens", "filter": "content_filter"}.get(answer.ending if answer else "")
    return {
        "id": f"resp_scripted_{number}",
        "object": "response",
        "created_at": CREATED,
        "status": status,
        "background": False,
        "error": error,
        "incomplete_details": {"reason": reason} if status == "incomplete" else None,
        "instructions": None,
        "max_output_tokens": None,
        "model": asked.model,
        "output": output,
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None},
        "store": False,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": None if answer is None else _usage(answer.tokens),
        "metadata": {},
    }


def _status(answer: Answer) -> str:
    return "incomplete" if answer.ending in ("length", "filter") else "completed"


def _output(asked: Asked, answer: Answer) -> Iterator[tuple[dict, list[Part]]]:
    """Each item as it opens, with the parts that are said in it: words side by side share a message."""
    message: tuple[dict, list[Part]] | None = None
    for index, part in enumerate(answer.parts):
        if isinstance(part, Say | Decline):
            opened = {"id": f"msg_{index}", "type": "message", "status": "in_progress", "role": "assistant"}
            message = message or ({**opened, "content": []}, [])
            message[1].append(part)
            continue
        if message is not None:
            yield message
            message = None
        yield _opened(part, index, asked), [part]
    if message is not None:
        yield message


def _opened(part: Think | Call, index: int, asked: Asked) -> dict:
    if isinstance(part, Think):
        seal = {"encrypted_content": part.signature} if asked.sealed and part.signature else {}
        return {"id": f"rs_{index}", "type": "reasoning", "summary": [], **seal}
    return {
        "id": f"fc_{index}",
        "type": "function_call",
        "status": "in_progress",
        "call_id": part.call_id,
        "name": part.name,
        "arguments": "",
    }


def _done(item: dict, parts: list[Part]) -> dict:
    match parts[0]:
        case Think(text, _, _):
            return {**item, "summary": [{"type": "summary_text", "text": text}] if text else []}
        case Call(_, arguments, _, _):
            return {**item, "status": "completed", "arguments": arguments}
        case Say() | Decline():
            return {**item, "status": "completed", "content": [_element(part) for part in parts]}


def _element(part: Part, text: str | None = None) -> dict:
    said = part.text if text is None and isinstance(part, Say | Decline) else text
    if isinstance(part, Decline):
        return {"type": "refusal", "refusal": said}
    return {"type": "output_text", "text": said, "annotations": [], "logprobs": []}


def _spoken(part: Part, number: int) -> Iterator[dict]:
    match part:
        case Say(text, pieces) | Decline(text, pieces):
            kind = "refusal" if isinstance(part, Decline) else "output_text"
            place: dict[str, object] = {"content_index": number}
            extra: dict[str, object] = {} if kind == "refusal" else {"logprobs": []}
            yield {"type": "response.content_part.added", **place, "part": _element(part, "")}
            for piece in split(text, pieces):
                yield {"type": f"response.{kind}.delta", **place, **extra, "delta": piece}
            word = "refusal" if kind == "refusal" else "text"
            yield {"type": f"response.{kind}.done", **place, **extra, word: text}
            yield {"type": "response.content_part.done", **place, "part": _element(part)}
        case Think(text, _, pieces) if text:
            where = {"summary_index": 0}
            start = {"type": "summary_text", "text": ""}
            yield {"type": "response.reasoning_summary_part.added", **where, "part": start}
            for piece in split(text, pieces):
                yield {"type": "response.reasoning_summary_text.delta", **where, "delta": piece}
            yield {"type": "response.reasoning_summary_text.done", **where, "text": text}
            yield {"type": "response.reasoning_summary_part.done", **where, "part": {**start, "text": text}}
        case Call(_, arguments, _, pieces):
            for piece in split(arguments, pieces):
                yield {"type": "response.function_call_arguments.delta", "delta": piece}
            yield {"type": "response.function_call_arguments.done", "arguments": arguments}
        case _:
            return


def _usage(tokens: Tokens) -> dict:
    return {
        "input_tokens": tokens.input_total,
        "input_tokens_details": {"cached_tokens": tokens.cache_read},
        "output_tokens": tokens.output,
        "output_tokens_details": {"reasoning_tokens": tokens.reasoning},
        "total_tokens": tokens.input_total + tokens.output,
    }


def _items(body: dict) -> list[dict]:
    given = body.get("input") or []
    return [{"role": "user", "content": given}] if isinstance(given, str) else given


def _kind(item: dict) -> str:
    return item.get("type", "message")


def _content(item: dict) -> list[dict]:
    content = item["content"]
    if not isinstance(content, str):
        return content
    return [{"type": "output_text" if item["role"] == "assistant" else "input_text", "text": content}]


def _last_turn(items: list[dict]) -> list[dict]:
    turn: list[dict] = []
    for item in items:
        if item.get("role") == "assistant" or _kind(item) in ("function_call", "reasoning"):
            turn = []
        elif item.get("role") not in ("system", "developer"):
            turn.append(item)
    return turn


def _texts(content: list[dict]) -> Iterator[str]:
    return (part["text"] for part in content if part["type"] == "input_text")


def _described(part: dict) -> str:
    url = part.get("image_url") or part.get("file_data") or part.get("file_url") or part["file_id"]
    if not url.startswith("data:"):
        return url
    mime, _, payload = url.removeprefix("data:").partition(";base64,")
    return f"{mime} {len(base64.b64decode(payload, validate=True))} bytes"
