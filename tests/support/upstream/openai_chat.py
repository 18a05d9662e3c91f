"""OpenAI's Chat Completions as its server speaks it."""

import base64
from collections.abc import Iterator

from tests.support.upstream import sse
from tests.support.upstream.answer import Answer, Call, Decline, Say, Think, Tokens, split
from tests.support.upstream.fitting import Asked, Tool
from tests.support.upstream.wire import Request

CREATED = 1_700_000_000
BROKEN_EVENT = b'data: {"id":"chatcmpl-broken","choices":[{"index":0,"delta":{"content":"lost\n\n'

_FINISH = {"stop": "stop", "length": "length", "tool_calls": "tool_calls", "filter": "content_filter"}
_KIND = {"overloaded": "server_error", "rate_limit": "rate_limit_error", "server": "server_error"}


def handles(request: Request) -> bool:
    return request.path.endswith("/chat/completions")


def stream_type(asked: Asked) -> str:
    return "text/event-stream"


def read(request: Request, body: dict) -> Asked:
    last = _last_turn(body["messages"])
    tools = [] if body.get("tool_choice") == "none" else body.get("tools", [])
    options = body.get("stream_options") or {}
    return Asked(
        model=body["model"],
        stream=bool(body.get("stream", False)),
        text=" ".join(text for message in last for text in _texts(message)),
        attached=tuple(seen for message in last for seen in _attached(message)),
        results=tuple(" ".join(_texts(message)) for message in last if message["role"] == "tool"),
        tools=tuple(
            Tool(name=tool["function"]["name"], schema=tool["function"].get("parameters", {}))
            for tool in tools
            if tool["type"] == "function"
        ),
        thinks=body.get("reasoning_effort") not in (None, "none"),
        include_usage=bool(options.get("include_usage")),
    )


def complaint(request: Request, body: dict) -> str | None:
    """What OpenAI's server would refuse in a body that can be read."""
    if not body["messages"]:
        return "messages: must not be empty"
    open_calls: set[str] = set()
    for index, message in enumerate(body["messages"]):
        if message["role"] == "tool":
            if message["tool_call_id"] not in open_calls:
                return f"messages[{index}]: 'tool' must answer a call of the assistant message before it"
            open_calls.discard(message["tool_call_id"])
        elif open_calls:
            return f"messages[{index}]: tool calls without an answer: {sorted(open_calls)}"
        if message["role"] == "assistant":
            open_calls = {call["id"] for call in message.get("tool_calls") or []}
            if message.get("content") is None and not open_calls:
                return f"messages[{index}].content: must be a string"
    if body.get("stream_options") and not body.get("stream"):
        return "stream_options: only allowed when stream is enabled"
    return None


def whole(asked: Asked, answer: Answer, number: int) -> dict:
    message: dict[str, object] = {"role": "assistant", "content": None, "refusal": None}
    says = [part.text for part in answer.parts if isinstance(part, Say)]
    thinks = [part.text for part in answer.parts if isinstance(part, Think)]
    calls = [part for part in answer.parts if isinstance(part, Call)]
    declines = [part.text for part in answer.parts if isinstance(part, Decline)]
    if declines:
        message["refusal"] = "".join(declines)
    if says or not (calls or declines):
        message["content"] = "".join(says)
    if thinks:
        message["reasoning_content"] = "".join(thinks)
    if calls:
        message["tool_calls"] = [
            {"id": call.call_id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in calls
        ]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _FINISH[answer.ending]}
    return {
        "id": f"chatcmpl-scripted-{number}",
        "object": "chat.completion",
        "created": CREATED,
        "model": asked.model,
        "choices": [choice],
        "usage": _usage(answer.tokens),
    }


def events(asked: Asked, answer: Answer, number: int) -> list[bytes]:
    chunk: dict[str, object] = {
        "id": f"chatcmpl-scripted-{number}",
        "object": "chat.completion.chunk",
        "created": CREATED,
        "model": asked.model,
    }
    frames: list[bytes] = []
    for delta, finish in _deltas(answer):
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        frames.append(sse.data({**chunk, "choices": [choice]}))
    if asked.include_usage:
        frames.append(sse.data({**chunk, "choices": [], "usage": _usage(answer.tokens)}))
    frames.append(b"data: [DONE]\n\n")
    return frames


def error(status: int, message: str) -> dict:
    kind, code = {
        401: ("invalid_request_error", "invalid_api_key"),
        402: ("insufficient_quota", "insufficient_quota"),
        403: ("permission_error", "forbidden"),
        404: ("invalid_request_error", "model_not_found"),
        429: ("rate_limit_error", "rate_limit_exceeded"),
    }.get(status, ("server_error" if status >= 500 else "invalid_request_error", None))
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def in_band_error(kind: str, message: str) -> dict:
    return {"error": {"message": message, "type": _KIND[kind], "param": None, "code": None}}


def error_event(asked: Asked, number: int, after: int, kind: str, message: str) -> bytes:
    return sse.data(in_band_error(kind, message))


def models(names: tuple[str, ...]) -> dict:
    return {
        "object": "list",
        "data": [{"id": name, "object": "model", "created": CREATED, "owned_by": "script"} for name in names],
    }


def _deltas(answer: Answer) -> Iterator[tuple[dict, str | None]]:
    yield {"role": "assistant", "content": ""}, None
    calls = 0
    for part in answer.parts:
        match part:
            case Say(text, pieces):
                for piece in split(text, pieces):
                    yield {"content": piece}, None
            case Think(text, _, pieces):
                for piece in split(text, pieces):
                    yield {"reasoning_content": piece}, None
            case Decline(text, pieces):
                for piece in split(text, pieces):
                    yield {"refusal": piece}, None
            case Call(name, arguments, call_id, pieces):
                function: dict[str, str] = {"name": name, "arguments": ""}
                yield (
                    {"tool_calls": [{"index": calls, "id": call_id, "type": "function", "function": function}]},
                    None,
                )
                for piece in split(arguments, pieces):
                    yield {"tool_calls": [{"index": calls, "function": {"arguments": piece}}]}, None
                calls += 1
    yield {}, _FINISH[answer.ending]


def _usage(tokens: Tokens) -> dict:
    return {
        "prompt_tokens": tokens.input_total,
        "completion_tokens": tokens.output,
        "total_tokens": tokens.input_total + tokens.output,
        "prompt_tokens_details": {"cached_tokens": tokens.cache_read, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": tokens.reasoning, "audio_tokens": 0},
    }


def _last_turn(messages: list[dict]) -> list[dict]:
    """Everything after the last assistant message; system messages aside."""
    turn: list[dict] = []
    for message in messages:
        if message["role"] == "assistant":
            turn = []
        elif message["role"] not in ("system", "developer"):
            turn.append(message)
    return turn


def _texts(message: dict) -> list[str]:
    content = message.get("content")
    if isinstance(content, str):
        return [content]
    return [part["text"] for part in content or [] if part["type"] == "text"]


def _attached(message: dict) -> Iterator[str]:
    content = message.get("content")
    for part in content if isinstance(content, list) else []:
        if part["type"] == "image_url":
            yield _described(part["image_url"]["url"])
        elif part["type"] == "file":
            yield _described(part["file"]["file_data"])


def _described(url: str) -> str:
    if not url.startswith("data:"):
        return url
    mime, _, payload = url.removeprefix("data:").partition(";base64,")
    return f"{mime} {len(base64.b64decode(payload, validate=True))} bytes"
