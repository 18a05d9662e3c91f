"""What the codecs are measured with: a coding agent's request, and a long answer in the frames of each provider.

The request is Anthropic's: 28 KiB with 20 tools, two system blocks with cache marks, and a conversation of tool
calls and their results. Clients of other dialects ask the same, as this gateway would put it in their words.
"""

import json
import struct
import zlib
from collections.abc import Callable, Sequence

from omniroute.dialects.registry import DIALECTS
from omniroute.ir.target import ModelFacts, Target

Json = dict[str, object]

MODEL = "bench-model"
FACTS = ModelFacts(max_output_tokens=32_000)

_WORDS = (
    " the",
    " gateway",
    " reads",
    " every",
    ' "event"',
    " once",
    ",",
    " and",
    " writes",
    " it",
    " anew",
    ".\n",
)
_PROSE = (
    "Read the file before you change it, keep edits as small as they can be, and run the tests that cover what you"
    " touched. When a command fails, look at its output first and explain in one sentence what you conclude. "
)
_SOURCE = (
    '12→def settle(attempt: Attempt, *, at: float) -> Outcome:\n13→    """Writes down how it ended; `at` is unix'
    ' seconds."""\n14→    if attempt.failure is None:\n15→        return Outcome("ok", attempt.usage)\n'
)
_ABOUT_TOOL = (
    "Works on the files of the workspace. Give absolute paths; a relative one is refused. The answer holds at most"
    " 2000 lines, longer ones are cut and say so. Use the search tool first when you do not know the path yet, and"
    " ask for several things at once when they do not depend on each other. "
)


def anthropic_request() -> bytes:
    """28 KiB, as Anthropic's clients send it."""
    mark = {"type": "ephemeral"}
    messages: list[Json] = [{"role": "user", "content": [{"type": "text", "text": "Why is settle called twice?"}]}]
    for number in range(8):
        call = {"file_path": f"/work/src/attempt_{number}.py", "offset": number, "pattern": 'raise "[A-Z]\\w+"'}
        call_id = f"toolu_{number:024}"
        said: list[Json] = [
            {"type": "text", "text": f"I look at part {number} of it."},
            {"type": "tool_use", "id": call_id, "name": f"tool_{number}", "input": call},
        ]
        result: Json = {"type": "tool_result", "tool_use_id": call_id}
        result["content"] = [{"type": "text", "text": _SOURCE * 4}]
        messages.append({"role": "assistant", "content": said})
        messages.append({"role": "user", "content": [result]})
    body: Json = {
        "model": MODEL,
        "max_tokens": 32_000,
        "stream": True,
        "system": [
            {"type": "text", "text": "You are a coding agent.", "cache_control": mark},
            {"type": "text", "text": _PROSE * 9, "cache_control": mark},
        ],
        "tools": [_tool(number) for number in range(20)],
        "messages": messages,
        "metadata": {"user_id": "user_of_the_benchmark"},
    }
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()


def requests() -> dict[str, bytes]:
    """The same request by the dialect of the client that asks."""
    source = DIALECTS["anthropic"]
    asked = source.decode_request(json.loads(anthropic_request()))
    bodies = {"anthropic": anthropic_request()}
    for name, dialect in DIALECTS.items():
        if name not in bodies:
            bodies[name] = dialect.encode_request(asked, target(name)).body
    return bodies


def target(dialect: str) -> Target:
    return Target(provider="bench", model=MODEL, dialect=dialect, facts=FACTS)


def stream(dialect: str, deltas: int) -> list[bytes]:
    """A provider's stream of `deltas` pieces of text, frame by frame, with its usual beginning and end."""
    return _STREAMS[dialect]([_WORDS[number % len(_WORDS)] for number in range(deltas)])


def _tool(number: int) -> Json:
    properties: Json = {
        "file_path": {"type": "string", "description": "The absolute path of the file."},
        "offset": {"type": "integer", "minimum": 0, "description": "The line to begin with."},
        "pattern": {"type": "string", "description": "A regular expression."},
        "mode": {"type": "string", "enum": ["content", "files", "count"], "default": "files"},
        "edits": {
            "type": "array",
            "items": {"type": "object", "properties": {"old": {"type": "string"}, "new": {"type": "string"}}},
        },
    }
    schema = {"type": "object", "properties": properties, "required": ["file_path"], "additionalProperties": False}
    return {"name": f"tool_{number}", "description": _ABOUT_TOOL, "input_schema": schema}


def _compact(payload: Json) -> bytes:
    return json.dumps(payload, separators=(",", ":")).encode()


def _data(payload: Json) -> bytes:
    return b"data: " + _compact(payload) + b"\n\n"


def _named(payload: Json) -> bytes:
    return f"event: {payload['type']}\n".encode() + _data(payload)


def _openai_chat(texts: Sequence[str]) -> list[bytes]:
    shared: Json = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": MODEL}
    shared |= {"service_tier": "default", "system_fingerprint": "fp_1"}

    def chunk(delta: Json, reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        return _data({**shared, "choices": [choice], "usage": None})

    usage: Json = {"prompt_tokens": 9, "completion_tokens": len(texts), "total_tokens": 9 + len(texts)}
    return [
        chunk({"role": "assistant", "content": "", "refusal": None}),
        *(chunk({"content": text}) for text in texts),
        chunk({}, "stop"),
        _data({**shared, "choices": [], "usage": usage}),
        b"data: [DONE]\n\n",
    ]


def _anthropic(texts: Sequence[str]) -> list[bytes]:
    usage: Json = {"input_tokens": 9, "output_tokens": 1, "cache_read_input_tokens": 0}
    message: Json = {"id": "msg_1", "type": "message", "role": "assistant", "model": MODEL, "content": []}
    message |= {"stop_reason": None, "stop_sequence": None, "usage": usage}
    end: Json = {
        "delta": {"stop_reason": "end_turn", "stop_sequence": None},
        "usage": {"output_tokens": len(texts)},
    }
    return [
        _named({"type": "message_start", "message": message}),
        _named({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        *(
            _named({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}})
            for text in texts
        ),
        _named({"type": "content_block_stop", "index": 0}),
        _named({"type": "message_delta", **end}),
        _named({"type": "message_stop"}),
    ]


def _gemini(texts: Sequence[str]) -> list[bytes]:
    def chunk(text: str, number: int, **ending: object) -> bytes:
        counts: Json = {"promptTokenCount": 9, "candidatesTokenCount": number, "totalTokenCount": 9 + number}
        about: Json = {"usageMetadata": counts, "modelVersion": MODEL, "responseId": "r1"}
        content = {"parts": [{"text": text}], "role": "model"}
        payload = _compact({"candidates": [{"content": content, **ending, "index": 0}], **about})
        return b"data: " + payload + b"\r\n\r\n"

    pieces = [chunk(text, number) for number, text in enumerate(texts)]
    return [*pieces, chunk("", len(texts), finishReason="STOP")]


def _openai_responses(texts: Sequence[str]) -> list[bytes]:
    whole = "".join(texts)
    response: Json = {"id": "resp_1", "object": "response", "created_at": 1, "model": MODEL}
    part: Json = {"type": "output_text", "annotations": [], "logprobs": [], "text": whole}
    item: Json = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [part]}
    usage: Json = {"input_tokens": 9, "output_tokens": len(texts), "total_tokens": 9 + len(texts)}
    within: Json = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    begun: Json = {**response, "status": "in_progress", "output": []}
    events: list[Json] = [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
        {"type": "response.output_item.added", "output_index": 0, "item": {**item, "content": []}},
        {"type": "response.content_part.added", **within, "part": {**part, "text": ""}},
        *({"type": "response.output_text.delta", **within, "delta": text, "logprobs": []} for text in texts),
        {"type": "response.output_text.done", **within, "text": whole, "logprobs": []},
        {"type": "response.content_part.done", **within, "part": part},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {
            "type": "response.completed",
            "response": {**response, "status": "completed", "output": [item], "usage": usage},
        },
    ]
    return [_named({**event, "sequence_number": number}) for number, event in enumerate(events)]


def _ollama(texts: Sequence[str]) -> list[bytes]:
    shared: Json = {"model": MODEL, "created_at": "2026-01-01T00:00:00.000000Z"}
    counts: Json = {"total_duration": 9, "prompt_eval_count": 9, "eval_count": len(texts), "eval_duration": 9}

    def line(text: str, **ending: object) -> bytes:
        said: Json = {"message": {"role": "assistant", "content": text}}
        return _compact({**shared, **said, "done": False, **ending}) + b"\n"

    return [*(line(text) for text in texts), line("", done=True, done_reason="stop", **counts)]


def _cohere(texts: Sequence[str]) -> list[bytes]:
    def content(kind: str, **content: str) -> bytes:
        return _named({"type": kind, "index": 0, "delta": {"message": {"content": content}}})

    usage: Json = {"tokens": {"input_tokens": 9, "output_tokens": len(texts)}}
    return [
        _named({"id": "c1", "type": "message-start", "delta": {"message": {"role": "assistant"}}}),
        content("content-start", type="text", text=""),
        *(content("content-delta", text=text) for text in texts),
        _named({"type": "content-end", "index": 0}),
        _named({"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": usage}}),
    ]


def _bedrock_converse(texts: Sequence[str]) -> list[bytes]:
    return [
        _message("messageStart", {"role": "assistant"}),
        *(_message("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": text}}) for text in texts),
        _message("contentBlockStop", {"contentBlockIndex": 0}),
        _message("messageStop", {"stopReason": "end_turn"}),
        _message("metadata", {"usage": {"inputTokens": 9, "outputTokens": len(texts), "totalTokens": 9}}),
    ]


def _message(kind: str, fields: Json) -> bytes:
    """A message of Amazon's binary framing, padded as the service pads them."""
    payload = _compact({**fields, "p": "abcdefghijklmnopqrstuvwxyz"})
    told = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    headers = b"".join(
        bytes([len(name)]) + name.encode() + b"\x07" + len(value).to_bytes(2) + value.encode()
        for name, value in told.items()
    )
    prelude = struct.pack(">II", len(headers) + len(payload) + 16, len(headers))
    whole = prelude + zlib.crc32(prelude).to_bytes(4) + headers + payload
    return whole + zlib.crc32(whole).to_bytes(4)


_STREAMS: dict[str, Callable[[Sequence[str]], list[bytes]]] = {
    "openai_chat": _openai_chat,
    "openai_responses": _openai_responses,
    "anthropic": _anthropic,
    "gemini": _gemini,
    "ollama": _ollama,
    "bedrock_converse": _bedrock_converse,
    "cohere": _cohere,
}
