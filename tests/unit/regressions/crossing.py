"""Bodies and streams from one dialect to another, without a gateway between them."""

from collections.abc import Iterable
from importlib import import_module
from typing import Any

import msgspec

from omniroute.dialects.base import Context, Loss
from omniroute.dialects.registry import dialect
from omniroute.ir.failure import Failure
from omniroute.ir.target import ModelFacts, Target
from tests.golden.hear.heard import Heard

Json = dict[str, Any]

CLIENTS = ("openai_chat", "openai_responses", "anthropic", "gemini", "ollama")
CONTEXT = Context(request_id="req_1", token="tok", created=7, model="told", include_usage=True, input_tokens=5)
PARAMETERS = {"type": "object", "properties": {"a": {"type": "string"}}}
CHAT_TOOL = {"type": "function", "function": {"name": "f", "description": "d", "parameters": PARAMETERS}}
DONE = b"data: [DONE]\n\n"


def carried(
    client: str, upstream: str, body: Json, *, model: str = "m", quirks: tuple[str, ...] = (), **facts: Any
) -> tuple[Json, tuple[Loss, ...]]:
    """What an upstream gets of a client's body, and what was lost."""
    target = Target(provider="p", model=model, dialect=upstream, quirks=quirks, facts=ModelFacts(**facts))
    encoded = dialect(upstream).encode_request(dialect(client).decode_request(body), target)
    return msgspec.json.decode(encoded.body), encoded.losses


def chat(upstream: str, *messages: Json, **fields: Any) -> Json:
    """The same for a chat client, without the losses."""
    body = {"model": "m", "messages": list(messages or (said("hi"),)), **fields}
    return carried("openai_chat", upstream, body)[0]


def said(content: Any, role: str = "user", **fields: Any) -> Json:
    return {"role": role, "content": content, **fields}


def called(*calls: tuple[str, str, str]) -> Json:
    return {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}
            for call_id, name, arguments in calls
        ],
    }


def answered(call_id: str, content: Any) -> Json:
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def text(words: str) -> Json:
    return {"type": "text", "text": words}


def chunk(delta: Json | None, finish: str | None = None, **fields: Any) -> bytes:
    """A chunk of a Chat Completions stream; without a delta it has no choices."""
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    body = {
        "id": "x1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": choices,
        **fields,
    }
    return b"data: " + msgspec.json.encode(body) + b"\n\n"


def tool(index: int, *, call_id: str | None = None, name: str | None = None, arguments: str = "") -> bytes:
    function: Json = {"arguments": arguments, **({} if name is None else {"name": name})}
    call: Json = {"index": index, "function": function, **({} if call_id is None else {"id": call_id})}
    return chunk({"tool_calls": [call]})


def streamed(upstream: str, client: str, frames: Iterable[bytes]) -> bytes:
    """The stream that a client gets for the chunks of an upstream."""
    decoder, encoder = dialect(upstream).stream_decoder(), dialect(client).stream_encoder(CONTEXT)
    events = [event for frame in frames for event in decoder.feed(frame)] + decoder.close()
    return b"".join(encoder.send(event) for event in events) + encoder.close()


def heard(upstream: str, client: str, *frames: bytes) -> Heard:
    """What that stream says; it holds against the types and the order of the client's dialect."""
    return import_module(f"tests.golden.hear.{client}").stream(streamed(upstream, client, frames))


def heard_whole(upstream: str, client: str, answer: Json) -> Heard:
    response = dialect(upstream).decode_response(msgspec.json.encode(answer))
    assert not isinstance(response, Failure)
    told = dialect(client).encode_response(response, CONTEXT).body
    return import_module(f"tests.golden.hear.{client}").whole(told)


def tokens(client: str, one: Heard) -> dict[str, int]:
    assert one.usage is not None
    return import_module(f"tests.golden.hear.{client}").tokens(one.usage)
