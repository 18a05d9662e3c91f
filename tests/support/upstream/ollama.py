"""Ollama's chat API as its server speaks it."""

import base64
from collections.abc import Iterator

import msgspec

from tests.support.upstream.answer import Answer, Call, Decline, Part, Say, Think, Tokens, split
from tests.support.upstream.fitting import Asked, Tool
from tests.support.upstream.wire import Request

BROKEN_EVENT = b'{"model":"broken","message":{"role":"assistant","content":"lost\n'

_CREATED_AT = "2026-11-22T12:00:00.123456789Z"
_FINISH = {"stop": "stop", "length": "length", "tool_calls": "stop", "filter": "stop"}
_KNOWN = frozenset(
    {
        *("model", "messages", "tools", "stream", "format", "options", "keep_alive", "think", "truncate", "shift"),
        *("logprobs", "top_logprobs", "dimensions"),
    }
)


def handles(request: Request) -> bool:
    return request.path.endswith("/api/chat")


def stream_type(asked: Asked) -> str:
    return "application/x-ndjson"


def read(request: Request, body: dict) -> Asked:
    last = _last_turn(body["messages"])
    return Asked(
        model=body["model"],
        stream=bool(body.get("stream", True)),
        text=" ".join(message["content"] for message in last if message["role"] == "user"),
        attached=tuple(_described(image) for message in last for image in message.get("images") or []),
        results=tuple(message["content"] for message in last if message["role"] == "tool"),
        tools=tuple(
            Tool(name=tool["function"]["name"], schema=tool["function"].get("parameters", {}))
            for tool in body.get("tools") or []
        ),
        thinks=bool(body.get("think")),
    )


def complaint(request: Request, body: dict) -> str | None:
    """What Ollama's server would refuse, and fields that it would pass over in silence."""
    unknown = sorted(set(body) - _KNOWN)
    if unknown:
        return f"unknown field {unknown[0]!r}"
    for message in body["messages"]:
        if message["role"] not in ("system", "user", "assistant", "tool"):
            return f"invalid role {message['role']!r}"
        if not isinstance(message.get("content", ""), str):
            return "json: cannot unmarshal array into Go struct field ChatRequest.messages.content of type string"
        if any(image.startswith(("data:", "http")) for image in message.get("images") or []):
            return "illegal base64 data at input byte 4"
        for call in message.get("tool_calls") or []:
            if not isinstance(call["function"]["arguments"], dict):
                return "json: cannot unmarshal string into Go struct field ToolCallFunction.arguments"
    return None


def whole(asked: Asked, answer: Answer, number: int) -> dict:
    message: dict[str, object] = {"role": "assistant", "content": ""}
    said = [part.text for part in answer.parts if isinstance(part, Say | Decline)]
    thought = [part.text for part in answer.parts if isinstance(part, Think)]
    calls = [_call(part) for part in answer.parts if isinstance(part, Call)]
    message["content"] = "".join(said)
    if thought:
        message["thinking"] = "".join(thought)
    if calls:
        message["tool_calls"] = calls
    return {**_line(asked, message, done=True), **_ending(answer)}


def events(asked: Asked, answer: Answer, number: int) -> list[bytes]:
    lines = [_line(asked, message, done=False) for part in answer.parts for message in _messages(part)]
    last = _line(asked, {"role": "assistant", "content": ""}, done=True)
    return [_framed(line) for line in (*lines, {**last, **_ending(answer)})]


def error(status: int, message: str) -> dict:
    return {"error": message}


def in_band_error(kind: str, message: str) -> dict:
    return {"error": f"rate limit reached: {message}" if kind == "rate_limit" else message}


def error_event(asked: Asked, number: int, after: int, kind: str, message: str) -> bytes:
    return _framed(in_band_error(kind, message))


def models(names: tuple[str, ...]) -> dict:
    details = {
        "parent_model": "",
        "format": "gguf",
        "family": "scripted",
        "families": ["scripted"],
        "parameter_size": "1B",
        "quantization_level": "Q4_K_M",
    }
    return {
        "models": [
            {
                "name": name,
                "model": name,
                "modified_at": _CREATED_AT,
                "size": 1,
                "digest": "0" * 64,
                "details": details,
            }
            for name in names
        ]
    }


def _line(asked: Asked, message: dict, *, done: bool) -> dict:
    return {"model": asked.model, "created_at": _CREATED_AT, "message": message, "done": done}


def _ending(answer: Answer) -> dict:
    return {"done_reason": _FINISH[answer.ending], **_metrics(answer.tokens)}


def _messages(part: Part) -> Iterator[dict]:
    match part:
        case Say(text, pieces) | Decline(text, pieces):
            for piece in split(text, pieces):
                yield {"role": "assistant", "content": piece}
        case Think(text, _, pieces):
            for piece in split(text, pieces):
                yield {"role": "assistant", "content": "", "thinking": piece}
        case Call():
            yield {"role": "assistant", "content": "", "tool_calls": [_call(part)]}


def _call(part: Call) -> dict:
    """Without an id, as most of its versions."""
    return {"function": {"name": part.name, "arguments": msgspec.json.decode(part.arguments or "{}")}}


def _framed(line: dict) -> bytes:
    return msgspec.json.encode(line) + b"\n"


def _metrics(tokens: Tokens) -> dict[str, int]:
    return {
        "total_duration": 2_000_000,
        "load_duration": 500_000,
        "prompt_eval_count": tokens.input_total,
        "prompt_eval_duration": 500_000,
        "eval_count": tokens.output,
        "eval_duration": 1_000_000,
    }


def _last_turn(messages: list[dict]) -> list[dict]:
    turn: list[dict] = []
    for message in messages:
        if message["role"] == "assistant":
            turn = []
        elif message["role"] != "system":
            turn.append(message)
    return turn


def _described(image: str) -> str:
    return f"image {len(base64.b64decode(image, validate=True))} bytes"
