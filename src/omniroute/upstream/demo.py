"""The built-in demo provider, `demo://demo/v1`: it speaks the OpenAI chat wire without any network or key.

It echoes the last user text and says that it is a demo. Nothing in it is random and it has no clock: the same
request always gets the same bytes, `created` is 0.
"""

import hashlib
from collections import deque
from collections.abc import Iterator

import msgspec

from omniroute.errors import UpstreamError
from omniroute.ir.json import JsonObject
from omniroute.upstream.transport import Sink, UpstreamRequest, pumped

SCHEME = "demo://"
MODEL = "hello"

_JSON = {"content-type": "application/json"}
_EVENTS = {"content-type": "text/event-stream"}
_encode = msgspec.json.Encoder().encode


class _Part(msgspec.Struct):
    type: str = ""
    text: str = ""


class _Message(msgspec.Struct):
    role: str = ""
    content: str | list[_Part] | None = None

    @property
    def text(self) -> str:
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content if part.text)
        return self.content or ""


class _StreamOptions(msgspec.Struct):
    include_usage: bool | None = None


class _ChatRequest(msgspec.Struct):
    messages: list[_Message]
    model: str = MODEL
    stream: bool | None = None
    stream_options: _StreamOptions | None = None


class DemoTransport:
    """Answers `POST .../chat/completions` and `GET .../models`; 404 for anything else."""

    async def open(self, request: UpstreamRequest) -> "DemoReply":
        if not request.url.startswith(SCHEME):
            raise UpstreamError("connect", "the demo transport serves demo:// URLs only")
        path = request.url.partition("?")[0]
        if request.method == "GET" and path.endswith("/models"):
            return DemoReply(200, _JSON, (_encode(_models()),))
        if request.method != "POST" or not path.endswith("/chat/completions"):
            return _refusal(404, "the demo provider serves chat/completions and models only")
        try:
            chat = msgspec.json.decode(request.body, type=_ChatRequest)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return _refusal(400, f"the demo provider cannot read the request: {error}")
        answer = _answer(chat)
        head: JsonObject = {"id": _id(request.body), "created": 0, "model": chat.model}
        if chat.stream:
            wants_usage = chat.stream_options is not None and chat.stream_options.include_usage is True
            return DemoReply(200, _EVENTS, _events(head, answer, _usage(chat, answer) if wants_usage else None))
        return DemoReply(200, _JSON, (_encode(_completion(head, answer, _usage(chat, answer))),))

    async def aclose(self) -> None:
        """Nothing is held."""


class DemoReply:
    """A reply whose pieces are all known."""

    def __init__(self, status: int, headers: dict[str, str], pieces: tuple[bytes, ...]) -> None:
        self.status: int = status
        self.headers: dict[str, str] = headers
        self._pieces = deque(pieces)

    async def chunk(self) -> bytes:
        return self._pieces.popleft() if self._pieces else b""

    async def read(self, limit: int = 64 * 1024 * 1024) -> bytes:
        body = b"".join(self._pieces)
        self._pieces.clear()
        if len(body) > limit:
            raise UpstreamError("protocol", f"the demo's reply is longer than {limit} bytes")
        return body

    async def pump(self, sink: Sink) -> bool:
        return await pumped(self, sink)

    def pause(self, idle_s: float) -> None:
        """It never pauses."""

    def give_up(self, why: str) -> None:
        """It is here to its end."""

    async def aclose(self) -> None:
        self._pieces.clear()


def _answer(chat: _ChatRequest) -> str:
    said = next((message.text for message in reversed(chat.messages) if message.role == "user"), "")
    return f"This is OmniRoute's built-in demo; no model was called. You said: {said or '(nothing)'}"


def _usage(chat: _ChatRequest, answer: str) -> JsonObject:
    prompt = sum(len(message.text.split()) for message in chat.messages)
    completion = len(answer.split())
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def _completion(head: JsonObject, answer: str, usage: JsonObject) -> JsonObject:
    message: JsonObject = {"role": "assistant", "content": answer, "refusal": None}
    choice: JsonObject = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    return {**head, "object": "chat.completion", "choices": [choice], "usage": usage}


def _events(head: JsonObject, answer: str, usage: JsonObject | None) -> tuple[bytes, ...]:
    """One event for each word. With `include_usage` every event names usage, as OpenAI's do."""
    head = {**head, "object": "chat.completion.chunk"}
    empty: JsonObject = {} if usage is None else {"usage": None}

    def event(delta: JsonObject, finish: str | None = None) -> bytes:
        choice: JsonObject = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return _sse({**head, "choices": [choice], **empty})

    events = [event({"role": "assistant", "content": ""})]
    events += [event({"content": word}) for word in _words(answer)]
    events.append(event({}, "stop"))
    if usage is not None:
        events.append(_sse({**head, "choices": [], "usage": usage}))
    events.append(b"data: [DONE]\n\n")
    return tuple(events)


def _words(text: str) -> Iterator[str]:
    """Pieces that end after each space; joined they are the text."""
    start = 0
    while (space := text.find(" ", start)) >= 0:
        yield text[start : space + 1]
        start = space + 1
    if start < len(text):
        yield text[start:]


def _models() -> JsonObject:
    model: JsonObject = {"id": MODEL, "object": "model", "created": 0, "owned_by": "omniroute-demo"}
    return {"object": "list", "data": [model]}


def _refusal(status: int, message: str) -> DemoReply:
    error: JsonObject = {"message": message, "type": "invalid_request_error", "param": None, "code": None}
    return DemoReply(status, _JSON, (_encode({"error": error}),))


def _id(body: bytes) -> str:
    return f"chatcmpl-demo-{hashlib.sha256(body).hexdigest()[:24]}"


def _sse(payload: JsonObject) -> bytes:
    return b"data: " + _encode(payload) + b"\n\n"
