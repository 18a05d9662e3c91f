"""Hypothesis strategies for what travels on the wire of Ollama's chat API: requests, answers and streams.

They keep to the normal forms that the dialect documents, so that whatever they draw survives unchanged.
"""

from typing import Any

import msgspec
from hypothesis import strategies as st
from msgspec.structs import replace

from omniroute.ir.parts import Media, Text, ToolResult
from omniroute.ir.request import GenerateRequest
from tests.property.objects import exact, json_objects, json_values, open_objects, texts, words
from tests.property.representation import base64_data, names, schemas

Json = dict[str, Any]


_said = json_values.filter(lambda value: value is not None)


def fields(required: Json, optional: Json | None = None) -> st.SearchStrategy[Json]:
    """An object with known fields and sometimes unknown ones, which `x_` keeps apart."""
    return open_objects(required, optional, unknown=("x_n", "x_nab", "x_n_a", "x_value"), values=_said)


images = st.lists(base64_data, min_size=1, max_size=2)
functions = fields({"name": names, "arguments": json_objects}, {"index": st.integers(7, 9)})
call_ids = st.sampled_from(["call_0", "call_1", "call_7", "call_x7aq", "toolu 1"])
tool_calls = st.lists(fields({"function": functions}, {"id": call_ids}), min_size=1, max_size=2)
messages = st.one_of(
    fields({"role": "system", "content": texts}),
    fields({"role": "user", "content": texts}, {"images": images}),
    fields(
        {"role": "assistant", "content": texts},
        {"thinking": words, "tool_calls": tool_calls, "images": images},
    ),
    fields({"role": "tool", "content": texts}, {"tool_name": names, "tool_call_id": call_ids, "images": images}),
)
declared = fields({"name": names}, {"description": texts, "parameters": schemas})
tools = fields({"type": "function", "function": declared}) | fields({"type": "x_hosted", "name": names})
numbers = st.integers(0, 2) | st.floats(0, 2)
counts = st.integers(0, 5000)
options = fields(
    {},
    {
        "num_predict": st.integers(-2, 500),
        "temperature": numbers,
        "top_p": numbers,
        "top_k": counts,
        "seed": counts,
        "stop": st.lists(words, min_size=1, max_size=5),
        "presence_penalty": numbers,
        "frequency_penalty": numbers,
        "num_ctx": counts,
        "mirostat": counts,
    },
).filter(bool)
requests = fields(
    {"model": words.filter(str.strip), "messages": st.lists(messages, max_size=4)},
    {
        "tools": st.lists(tools, min_size=1, max_size=2),
        "format": st.just("json") | schemas,
        "options": options,
        "think": st.booleans() | st.sampled_from(["low", "medium", "high", "max"]),
        "keep_alive": st.just("5m") | st.integers(-1, 60),
        "stream": st.booleans(),
        "logprobs": st.booleans(),
        "top_logprobs": counts,
    },
)

metrics = {
    "total_duration": counts,
    "load_duration": counts,
    "prompt_eval_count": counts,
    "prompt_eval_duration": counts,
    "eval_count": counts,
    "eval_duration": counts,
}
answer_calls = st.lists(
    fields({"function": functions}, {"id": st.sampled_from(["call_x7aq", "call_12"])}), min_size=1, max_size=2
)
answer_messages = fields(
    {"role": "assistant", "content": texts},
    {"thinking": words, "tool_calls": answer_calls, "images": images},
)
_ends = {"model": "told", "created_at": "1970-01-01T00:00:01Z", "done": True}
answers = fields(
    {**_ends, "message": answer_messages, "done_reason": st.sampled_from(["stop", "length", "load", "x_word"])},
    {**metrics, "remote_model": words, "logprobs": st.just([{"token": "a", "logprob": -0.5}])},
)

pieces = fields(
    {"role": "assistant", "content": texts},
    {
        "thinking": texts | st.none(),
        "images": images | st.none(),
        "tool_calls": st.lists(
            exact({"function": exact({"name": names, "arguments": json_objects | texts})}),
            max_size=2,
        )
        | st.none(),
    },
)
_head = {"model": "m", "created_at": "2026-11-22T20:00:00.5Z"}
steps = fields({**_head, "message": pieces, "done": False}, {"logprobs": st.just([])})
last_lines = fields(
    {**_head, "done": True},
    {**metrics, "message": pieces, "done_reason": st.sampled_from(["stop", "length", None])},
)
lines = st.one_of(
    steps.map(msgspec.json.encode),
    steps.map(msgspec.json.encode),
    steps.map(msgspec.json.encode),
    steps.map(lambda step: msgspec.json.encode(step).replace(b'":', b'" : ')),
    last_lines.map(msgspec.json.encode),
    st.sampled_from(
        [
            b"",
            b"\r",
            b"null",
            b"{broken",
            b'{"model":"m","message":{"content":"\\ud83d"},"done":false}',
            b'{"error":"boom"}',
            b'{"status":"loading"}',
        ]
    ),
)
streams = st.lists(lines, max_size=7).map(lambda drawn: b"".join(line + b"\n" for line in drawn))


def carried(request: GenerateRequest) -> GenerateRequest:
    """Without the media that this wire refuses, each of which is a 400 of its own."""
    turns = [replace(turn, parts=tuple(_fitting(part) for part in turn.parts)) for turn in request.turns]
    return replace(request, turns=tuple(turns))


def _fitting(part: Any) -> Any:
    if isinstance(part, ToolResult):
        return replace(part, content=tuple(_fitting(piece) for piece in part.content))
    if isinstance(part, Media) and (part.data is None or not part.mime.startswith("image/")):
        return Text(text="refused", cache=part.cache)
    return part
