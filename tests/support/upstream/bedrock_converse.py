"""Amazon Bedrock's Converse API as its server speaks it: signed requests, and streams of binary messages.

The shapes are those of the service model (botocore 1.44.5) and docs.aws.amazon.com/bedrock/latest/APIReference.
"""

import base64
import re
from collections.abc import Iterator
from urllib.parse import unquote

import msgspec

from tests.support import converse_rules, eventstream
from tests.support.upstream import sigv4
from tests.support.upstream.answer import Answer, Call, Decline, Part, Say, Think, Tokens, split
from tests.support.upstream.fitting import Asked, Tool
from tests.support.upstream.wire import Request

BROKEN_EVENT = eventstream.event("contentBlockDelta", b'{"contentBlockIndex":0,"delta":{"text":"lost')

_PATH = re.compile(r".*/model/(?P<model>[^/]+)/(?P<verb>converse|converse-stream)")
_FINISH = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "filter": "content_filtered"}
_KIND = {
    "overloaded": "serviceUnavailableException",
    "rate_limit": "throttlingException",
    "server": "internalServerException",
}
_STATUS = {
    400: "ValidationException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    408: "ModelTimeoutException",
    424: "ModelErrorException",
    429: "ThrottlingException",
    500: "InternalServerException",
    503: "ServiceUnavailableException",
}


def handles(request: Request) -> bool:
    return _PATH.fullmatch(request.path) is not None


def stream_type(asked: Asked) -> str:
    return "application/vnd.amazon.eventstream"


def denial(request: Request) -> str | None:
    """Why a caller who does not prove who it is gets a 403."""
    return sigv4.complaint(request, service="bedrock")


def read(request: Request, body: dict) -> Asked:
    path = _PATH.fullmatch(request.path)
    assert path is not None
    turn = [block for message in _last_turn(body["messages"]) for block in message["content"]]
    results = [block["toolResult"] for block in turn if "toolResult" in block]
    inside = [block for result in results for block in result["content"]]
    thinking = body.get("additionalModelRequestFields", {}).get("thinking") or {}
    declared = [tool["toolSpec"] for tool in body.get("toolConfig", {}).get("tools", []) if "toolSpec" in tool]
    return Asked(
        model=unquote(path["model"]),
        stream=path["verb"] == "converse-stream",
        text=" ".join(_texts(turn)),
        attached=tuple(seen for block in turn + inside for seen in _described(block)),
        results=tuple(" ".join(_texts(result["content"])) for result in results),
        tools=tuple(Tool(name=tool["name"], schema=tool["inputSchema"]["json"]) for tool in declared),
        thinks=thinking.get("type") in ("enabled", "adaptive"),
    )


def complaint(request: Request, body: dict) -> str | None:
    """What Bedrock would refuse in a body that can be read."""
    if request.header("content-type") != "application/json":
        return f"content-type {request.header('content-type')!r} is not application/json"
    try:
        converse_rules.check_request(body)
    except AssertionError as broken:
        return f"Malformed input request: {broken}"
    return None


def whole(asked: Asked, answer: Answer, number: int) -> dict:
    return {
        "output": {"message": {"role": "assistant", "content": [_block(part) for part in answer.parts]}},
        "stopReason": _FINISH[answer.ending],
        "usage": _usage(answer.tokens),
        "metrics": {"latencyMs": 12},
    }


def events(asked: Asked, answer: Answer, number: int) -> list[bytes]:
    frames = [_event("messageStart", {"role": "assistant"})]
    for index, part in enumerate(answer.parts):
        at = {"contentBlockIndex": index}
        if isinstance(part, Call):
            use = {"toolUseId": part.call_id, "name": part.name}
            frames.append(_event("contentBlockStart", {**at, "start": {"toolUse": use}}))
        frames += [_event("contentBlockDelta", {**at, "delta": delta}) for delta in _deltas(part)]
        frames.append(_event("contentBlockStop", at))
    frames.append(_event("messageStop", {"stopReason": _FINISH[answer.ending]}))
    frames.append(_event("metadata", {"usage": _usage(answer.tokens), "metrics": {"latencyMs": 12}}))
    return frames


def error(status: int, message: str) -> dict:
    return {"message": message}


def error_headers(status: int) -> tuple[tuple[str, str], ...]:
    """Where this server names its exceptions."""
    if status not in _STATUS:
        return ()
    return (("x-amzn-ErrorType", f"{_STATUS[status]}:http://internal.amazon.com/coral/com.amazon.bedrock/"),)


def in_band_error(kind: str, message: str) -> dict:
    return {"__type": f"com.amazon.bedrock#{_KIND[kind][:1].upper()}{_KIND[kind][1:]}", "message": message}


def error_event(asked: Asked, number: int, after: int, kind: str, message: str) -> bytes:
    return eventstream.exception(_KIND[kind], msgspec.json.encode({"message": message}))


def _event(kind: str, data: dict) -> bytes:
    """With the padding under `p` that Bedrock puts in so that lengths tell nothing."""
    return eventstream.event(kind, msgspec.json.encode({**data, "p": "abcdefgh"}))


def _block(part: Part) -> dict:
    match part:
        case Say(text, _) | Decline(text, _):
            return {"text": text}
        case Think(text, signature, _):
            told = {"text": text, **({"signature": signature} if signature else {})}
            return {"reasoningContent": {"reasoningText": told}}
        case Call(name, arguments, call_id, _):
            given = msgspec.json.decode(arguments or "{}")
            return {"toolUse": {"toolUseId": call_id, "name": name, "input": given}}


def _deltas(part: Part) -> Iterator[dict]:
    match part:
        case Say(text, pieces) | Decline(text, pieces):
            yield from ({"text": piece} for piece in split(text, pieces))
        case Think(text, signature, pieces):
            yield from ({"reasoningContent": {"text": piece}} for piece in split(text, pieces))
            if signature:
                yield {"reasoningContent": {"signature": signature}}
        case Call(_, arguments, _, pieces):
            yield from ({"toolUse": {"input": piece}} for piece in split(arguments, pieces))


def _usage(tokens: Tokens) -> dict[str, int]:
    return {
        "inputTokens": tokens.fresh,
        "outputTokens": tokens.output,
        "totalTokens": tokens.input_total + tokens.output,
        "cacheReadInputTokens": tokens.cache_read,
        "cacheWriteInputTokens": tokens.cache_write,
    }


def _last_turn(messages: list[dict]) -> list[dict]:
    turn: list[dict] = []
    for message in messages:
        turn = [] if message["role"] == "assistant" else [*turn, message]
    return turn


def _texts(blocks: list[dict]) -> Iterator[str]:
    return (block["text"] for block in blocks if "text" in block)


def _described(block: dict) -> Iterator[str]:
    for kind, mime in (("image", "image"), ("document", "application")):
        if kind in block:
            data = base64.b64decode(block[kind]["source"]["bytes"], validate=True)
            yield f"{mime}/{block[kind]['format']} {len(data)} bytes"
