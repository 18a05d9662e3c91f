"""Anthropic's Messages as its server speaks them."""

import base64
from collections.abc import Iterator

import msgspec

from tests.support.upstream import sse
from tests.support.upstream.answer import Answer, Call, Decline, Part, Say, Think, Tokens, split
from tests.support.upstream.fitting import Asked, Tool
from tests.support.upstream.wire import Request

BROKEN_EVENT = (
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta\n\n'
)

_FINISH = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "filter": "refusal"}
_KIND = {"overloaded": "overloaded_error", "rate_limit": "rate_limit_error", "server": "api_error"}
_STATUS = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}


def handles(request: Request) -> bool:
    return request.path.endswith("/messages")


def stream_type(asked: Asked) -> str:
    return "text/event-stream"


def read(request: Request, body: dict) -> Asked:
    blocks = [block for message in _last_turn(body["messages"]) for block in _blocks(message["content"])]
    results = [block for block in blocks if block["type"] == "tool_result"]
    inside = [block for result in results for block in _blocks(result.get("content", []))]
    choice = body.get("tool_choice") or {}
    tools = [] if choice.get("type") == "none" else body.get("tools", [])
    thinking = body.get("thinking") or {}
    return Asked(
        model=body["model"],
        stream=bool(body.get("stream", False)),
        text=" ".join(_texts(blocks)),
        attached=tuple(_described(block) for block in blocks + inside if block["type"] in ("image", "document")),
        results=tuple(" ".join(_texts(_blocks(result.get("content", [])))) for result in results),
        tools=tuple(
            Tool(name=tool["name"], schema=tool["input_schema"]) for tool in tools if "input_schema" in tool
        ),
        thinks=thinking.get("type") in ("enabled", "adaptive"),
    )


def complaint(request: Request, body: dict) -> str | None:
    """What Anthropic's server would refuse in a body that can be read."""
    if request.header("anthropic-version") is None:
        return "anthropic-version: header is required"
    if not isinstance(body.get("max_tokens"), int):
        return "max_tokens: Field required"
    if not body["messages"]:
        return "messages: at least one message is required"
    thinking = body.get("thinking") or {}
    if thinking.get("type") == "enabled" and thinking["budget_tokens"] >= body["max_tokens"]:
        return "max_tokens: must be greater than thinking.budget_tokens"
    if "stream_options" in body:
        return "stream_options: Extra inputs are not permitted"
    # The beta by which claude 2.1.197 speaks to models that it does not know.
    system = "mid-conversation-system" in (request.header("anthropic-beta") or "")
    roles = ("user", "assistant", "system") if system else ("user", "assistant")
    calls: set[str] = set()
    for index, message in enumerate(body["messages"]):
        if message["role"] not in roles:
            return f"messages.{index}.role: Input should be 'user' or 'assistant'"
        blocks = _blocks(message["content"])
        if any(block["type"] == "text" and not block["text"] for block in blocks):
            return f"messages.{index}: text content blocks must be non-empty"
        results = {block["tool_use_id"] for block in blocks if block["type"] == "tool_result"}
        if results != calls:
            return f"messages.{index}: tool_use ids {sorted(calls)} are answered by {sorted(results)}"
        calls = {block["id"] for block in blocks if block["type"] == "tool_use"}
    return None


def whole(asked: Asked, answer: Answer, number: int) -> dict:
    content: list[dict] = []
    for part in answer.parts:
        match part:
            case Say(text, _) | Decline(text, _):
                content.append({"type": "text", "text": text})
            case Think(text, signature, _):
                content.append({"type": "thinking", "thinking": text, "signature": signature})
            case Call(name, arguments, call_id, _):
                given = msgspec.json.decode(arguments or "{}")
                content.append({"type": "tool_use", "id": call_id, "name": name, "input": given})
    return {
        "id": f"msg_scripted_{number}",
        "type": "message",
        "role": "assistant",
        "model": asked.model,
        "content": content,
        "stop_reason": _FINISH[answer.ending],
        "stop_sequence": None,
        "usage": {**_input(answer.tokens), "output_tokens": answer.tokens.output},
    }


def events(asked: Asked, answer: Answer, number: int) -> list[bytes]:
    message = {
        "id": f"msg_scripted_{number}",
        "type": "message",
        "role": "assistant",
        "model": asked.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {**_input(answer.tokens), "output_tokens": 1},
    }
    frames = [sse.event({"type": "message_start", "message": message}), sse.event({"type": "ping"})]
    for index, part in enumerate(answer.parts):
        shell, deltas = _block(part)
        frames.append(sse.event({"type": "content_block_start", "index": index, "content_block": shell}))
        frames += [sse.event({"type": "content_block_delta", "index": index, "delta": delta}) for delta in deltas]
        frames.append(sse.event({"type": "content_block_stop", "index": index}))
    ending = {"stop_reason": _FINISH[answer.ending], "stop_sequence": None}
    usage = {"output_tokens": answer.tokens.output}
    frames.append(sse.event({"type": "message_delta", "delta": ending, "usage": usage}))
    frames.append(sse.event({"type": "message_stop"}))
    return frames


def error(status: int, message: str) -> dict:
    kind = _STATUS.get(status, "api_error" if status >= 500 else "invalid_request_error")
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_scripted"}


def in_band_error(kind: str, message: str) -> dict:
    return {"type": "error", "error": {"type": _KIND[kind], "message": message}}


def error_event(asked: Asked, number: int, after: int, kind: str, message: str) -> bytes:
    return sse.event(in_band_error(kind, message))


def models(names: tuple[str, ...]) -> dict:
    return {
        "data": [
            {"type": "model", "id": name, "display_name": name, "created_at": "2026-01-01T00:00:00Z"}
            for name in names
        ],
        "has_more": False,
        "first_id": names[0],
        "last_id": names[-1],
    }


def _block(part: Part) -> tuple[dict, list[dict]]:
    match part:
        case Say(text, pieces) | Decline(text, pieces):
            return {"type": "text", "text": ""}, [
                {"type": "text_delta", "text": piece} for piece in split(text, pieces)
            ]
        case Think(text, signature, pieces):
            return {"type": "thinking", "thinking": "", "signature": ""}, [
                *({"type": "thinking_delta", "thinking": piece} for piece in split(text, pieces)),
                *([{"type": "signature_delta", "signature": signature}] if signature else []),
            ]
        case Call(name, arguments, call_id, pieces):
            return {"type": "tool_use", "id": call_id, "name": name, "input": {}}, [
                {"type": "input_json_delta", "partial_json": piece} for piece in split(arguments, pieces)
            ]


def _input(tokens: Tokens) -> dict[str, int]:
    return {
        "input_tokens": tokens.fresh,
        "cache_read_input_tokens": tokens.cache_read,
        "cache_creation_input_tokens": tokens.cache_write,
    }


def _last_turn(messages: list[dict]) -> list[dict]:
    turn: list[dict] = []
    for message in messages:
        turn = [] if message["role"] == "assistant" else [*turn, message]
    return turn


def _blocks(content: str | list[dict]) -> list[dict]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _texts(blocks: list[dict]) -> Iterator[str]:
    return (block["text"] for block in blocks if block["type"] == "text")


def _described(block: dict) -> str:
    source = block["source"]
    if source["type"] == "base64":
        return f"{source['media_type']} {len(base64.b64decode(source['data'], validate=True))} bytes"
    return str(source.get("url") or source["type"])
