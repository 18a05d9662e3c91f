"""Cohere's chat API (version 2) as its server speaks it.

The shapes are those of docs.cohere.com/reference and the types of the cohere SDK 7.3 for Python.
"""

import base64
from collections.abc import Iterator

from tests.support import cohere_rules
from tests.support.upstream import sse
from tests.support.upstream.answer import Answer, Call, Decline, Part, Say, Think, Tokens, split
from tests.support.upstream.fitting import Asked, Tool
from tests.support.upstream.wire import Request

BROKEN_EVENT = b'event: content-delta\ndata: {"type":"content-delta","index":0,"delta":{"message":{"content\n\n'

_FINISH = {"stop": "COMPLETE", "length": "MAX_TOKENS", "tool_calls": "TOOL_CALL", "filter": "ERROR_TOXIC"}


def handles(request: Request) -> bool:
    return request.path.endswith("/v2/chat")


def stream_type(asked: Asked) -> str:
    return "text/event-stream"


def read(request: Request, body: dict) -> Asked:
    last = _last_turn(body["messages"])
    tools = [] if body.get("tool_choice") == "NONE" else body.get("tools", [])
    return Asked(
        model=body["model"],
        stream=body["stream"],
        text=" ".join(text for message in last if message["role"] == "user" for text in _texts(message)),
        attached=tuple(_described(part) for message in last for part in _parts(message) if "image_url" in part),
        results=tuple(" ".join(_texts(message)) for message in last if message["role"] == "tool"),
        tools=tuple(Tool(name=tool["function"]["name"], schema=tool["function"]["parameters"]) for tool in tools),
        thinks=body.get("thinking", {}).get("type") == "enabled",
    )


def complaint(request: Request, body: dict) -> str | None:
    """What Cohere would refuse in a body that can be read."""
    try:
        cohere_rules.check_request(body)
    except AssertionError as broken:
        return f"invalid request: {broken}"
    return None


def whole(asked: Asked, answer: Answer, number: int) -> dict:
    message: dict[str, object] = {"role": "assistant"}
    content = [_block(part) for part in answer.parts if not isinstance(part, Call)]
    calls = [_call(part, part.arguments) for part in answer.parts if isinstance(part, Call)]
    if content:
        message["content"] = content
    if calls:
        message["tool_calls"] = calls
    return {
        "id": f"c0ffee00-0000-4000-8000-{number:012}",
        "finish_reason": _FINISH[answer.ending],
        "message": message,
        "usage": _usage(answer.tokens),
    }


def events(asked: Asked, answer: Answer, number: int) -> list[bytes]:
    """A plan is said before the calls of a model that does not think; here all words are content."""
    start = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
    answer_id = f"c0ffee00-0000-4000-8000-{number:012}"
    frames = [sse.event({"type": "message-start", "id": answer_id, "delta": {"message": start}})]
    contents = calls = 0
    for part in answer.parts:
        if isinstance(part, Call):
            frames += _called(part, calls)
            calls += 1
        else:
            frames += _told(part, contents)
            contents += 1
    ending = {"finish_reason": _FINISH[answer.ending], "usage": _usage(answer.tokens)}
    frames.append(sse.event({"type": "message-end", "id": answer_id, "delta": ending}))
    return frames


def error(status: int, message: str) -> dict:
    return {"id": "c0ffee00-0000-4000-8000-00000000dead", "message": message}


def in_band_error(kind: str, message: str) -> dict:
    return {"message": f"rate limit reached: {message}" if kind == "rate_limit" else message}


def error_event(asked: Asked, number: int, after: int, kind: str, message: str) -> bytes:
    """How this API gives up an answer that has begun: its last event says ERROR and why."""
    said = in_band_error(kind, message)["message"]
    return sse.event({"type": "message-end", "delta": {"finish_reason": "ERROR", "error": said}})


def _told(part: Part, index: int) -> list[bytes]:
    kind = "thinking" if isinstance(part, Think) else "text"
    assert not isinstance(part, Call)
    content = [{"type": kind, kind: ""}, *({kind: piece} for piece in split(part.text, part.pieces))]
    return [
        *(
            sse.event({"type": name, "index": index, "delta": {"message": {"content": one}}})
            for name, one in zip(("content-start", *("content-delta",) * (len(content) - 1)), content, strict=True)
        ),
        sse.event({"type": "content-end", "index": index}),
    ]


def _called(part: Call, index: int) -> list[bytes]:
    pieces = [{"function": {"arguments": piece}} for piece in split(part.arguments, part.pieces)]
    started = {"message": {"tool_calls": _call(part, "")}}
    return [
        sse.event({"type": "tool-call-start", "index": index, "delta": started}),
        *(
            sse.event({"type": "tool-call-delta", "index": index, "delta": {"message": {"tool_calls": piece}}})
            for piece in pieces
        ),
        sse.event({"type": "tool-call-end", "index": index}),
    ]


def _block(part: Part) -> dict:
    match part:
        case Say(text, _) | Decline(text, _):
            return {"type": "text", "text": text}
        case Think(text, _, _):
            return {"type": "thinking", "thinking": text}
        case Call():
            raise AssertionError("calls are no content")


def _call(part: Call, arguments: str) -> dict:
    return {"id": part.call_id, "type": "function", "function": {"name": part.name, "arguments": arguments}}


def _usage(tokens: Tokens) -> dict:
    billed = {"input_tokens": tokens.input_total, "output_tokens": tokens.output}
    around = {"input_tokens": tokens.input_total + 480, "output_tokens": tokens.output + 2}
    return {"billed_units": billed, "tokens": around, "cached_tokens": tokens.cache_read}


def _last_turn(messages: list[dict]) -> list[dict]:
    turn: list[dict] = []
    for message in messages:
        if message["role"] == "assistant":
            turn = []
        elif message["role"] != "system":
            turn.append(message)
    return turn


def _parts(message: dict) -> list[dict]:
    content = message.get("content") or []
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _texts(message: dict) -> Iterator[str]:
    return (part["text"] for part in _parts(message) if part["type"] == "text")


def _described(part: dict) -> str:
    url = part["image_url"]["url"]
    if not url.startswith("data:"):
        return url
    mime, _, payload = url.removeprefix("data:").partition(";base64,")
    return f"{mime} {len(base64.b64decode(payload, validate=True))} bytes"
