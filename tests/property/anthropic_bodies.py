"""Hypothesis strategies for what travels on the wire of the Messages API: requests and event streams."""

from typing import Any

import msgspec
from hypothesis import strategies as st

from tests.property.objects import exact, json_objects, json_values, open_objects, texts, words
from tests.property.representation import base64_data, names

Json = dict[str, Any]


def fields(required: Json, optional: Json | None = None) -> st.SearchStrategy[Json]:
    """An object with known fields and sometimes unknown ones, which `x_` keeps apart."""
    return open_objects(required, optional, unknown=("x_n", "x_nab", "x_n_a", "x_value"))


cache_controls = st.sampled_from([{"type": "ephemeral"}, {"type": "ephemeral", "ttl": "1h"}]) | st.one_of(
    st.none(), fields({"type": "ephemeral"}), st.just({"type": "persistent"})
)
cached = {"cache_control": cache_controls}
citations = st.lists(fields({"type": "char_location", "cited_text": texts}), max_size=2) | st.none()
text_blocks = fields({"type": "text", "text": texts}, {**cached, "citations": citations})
image_sources = st.one_of(
    fields({"type": "base64", "media_type": "image/jpg", "data": base64_data}),
    fields({"type": "url", "url": words}),
    fields({"type": "file", "file_id": words}),
    fields({"type": "hologram"}),
)
image_blocks = fields({"type": "image", "source": image_sources}, cached)
document_sources = st.one_of(
    fields({"type": "base64", "media_type": "application/pdf", "data": base64_data}),
    fields({"type": "url", "url": words}),
    fields({"type": "text", "media_type": "text/plain", "data": texts}),
    fields({"type": "file", "file_id": words}),
    fields({"type": "content", "content": texts | st.lists(text_blocks | image_blocks, max_size=2)}),
)
document_blocks = fields(
    {"type": "document", "source": document_sources},
    {**cached, "title": st.none() | texts, "context": st.none() | texts, "citations": json_objects},
)
thinking_blocks = st.one_of(
    fields({"type": "thinking", "thinking": texts}, {"signature": st.none() | texts}),
    fields({"type": "redacted_thinking", "data": texts}),
)
tool_use_blocks = fields(
    {
        "type": st.sampled_from(["tool_use", "server_tool_use", "mcp_tool_use"]),
        "id": words,
        "name": words,
        "input": json_objects,
    },
    {**cached, "caller": json_objects},
)
unknown_blocks = fields(
    {"type": st.sampled_from(["search_result", "web_search_tool_result", "mcp_tool_result", "brand_new"])},
    {**cached, "content": json_values, "title": texts},
)
result_contents = texts | st.lists(text_blocks | image_blocks | document_blocks | unknown_blocks, max_size=2)
tool_result_blocks = fields(
    {"type": "tool_result", "tool_use_id": words},
    {**cached, "content": result_contents, "is_error": st.booleans()},
)
blocks = st.one_of(
    text_blocks,
    image_blocks,
    document_blocks,
    thinking_blocks,
    tool_use_blocks,
    tool_result_blocks,
    unknown_blocks,
)
messages = fields(
    {"role": st.sampled_from(["user", "assistant", "system"]), "content": texts | st.lists(blocks, max_size=3)}
)
tools = st.one_of(
    fields(
        {"name": names, "input_schema": json_objects},
        {**cached, "description": st.none() | texts, "strict": st.booleans(), "type": "custom"},
    ),
    fields({"type": "web_search_20250305", "name": names}, {**cached, "max_uses": st.integers(1, 5)}),
)
tool_choices = st.one_of(
    fields({"type": st.sampled_from(["auto", "any", "none"])}, {"disable_parallel_tool_use": st.booleans()}),
    fields({"type": "tool", "name": names}, {"disable_parallel_tool_use": st.booleans()}),
    fields({"type": "brand_new"}),
    st.none(),
)
thinkings = st.one_of(
    fields({"type": "enabled", "budget_tokens": st.integers(1024, 99_999)}, {"display": "omitted"}),
    fields({"type": st.sampled_from(["disabled", "adaptive", "between_tools"])}),
    st.none(),
)
schema_formats = (
    fields({"type": st.sampled_from(["json_schema", "brand_new"]), "schema": json_objects}) | st.none()
)
output_configs = fields({}, {"effort": st.sampled_from(["low", "max", None]), "format": schema_formats})
numbers = st.none() | st.integers(0, 9) | st.floats(0, 1)
requests = fields(
    {"model": names, "messages": st.lists(messages, max_size=3)},
    {
        "system": texts | st.lists(text_blocks, max_size=3) | st.none(),
        "max_tokens": st.none() | st.integers(1, 64_000),
        "temperature": numbers,
        "top_p": numbers,
        "top_k": st.none() | st.integers(0, 9),
        "stop_sequences": st.none() | st.lists(texts, max_size=2),
        "stream": st.none() | st.booleans(),
        "metadata": st.none() | fields({}, {"user_id": st.none() | texts}),
        "tools": st.none() | st.lists(tools, max_size=3),
        "tool_choice": tool_choices,
        "thinking": thinkings,
        "output_config": output_configs | st.none(),
        "output_format": schema_formats,
        "context_management": json_objects,
        "container": st.none() | json_objects,
        "service_tier": "auto",
        "mcp_servers": st.lists(json_objects, max_size=1),
    },
)
_user_blocks = st.one_of(text_blocks, image_blocks, document_blocks, tool_result_blocks, unknown_blocks)
_assistant_blocks = st.one_of(text_blocks, thinking_blocks, tool_use_blocks, unknown_blocks)
_sensible_messages = st.one_of(
    exact({"role": "user", "content": texts | st.lists(_user_blocks, max_size=3)}),
    exact({"role": "assistant", "content": texts | st.lists(_assistant_blocks, max_size=3)}),
    exact({"role": "system", "content": texts | st.lists(text_blocks, max_size=2)}),
)


@st.composite
def sensible_requests(draw: st.DrawFn) -> Json:
    """Requests whose blocks stand where the API allows them; a choice of a kind that nobody knows is left out."""
    body = {**draw(requests), "messages": draw(st.lists(_sensible_messages, max_size=4))}
    if body.get("tool_choice"):
        known = {"type", "name", "disable_parallel_tool_use"}
        body["tool_choice"] = {name: value for name, value in body["tool_choice"].items() if name in known}
    return body


def event(data: Json) -> bytes:
    return b"event: " + data["type"].encode() + b"\ndata: " + msgspec.json.encode(data) + b"\n\n"


_deltas = {
    "text": st.one_of(
        texts.map(lambda text: {"type": "text_delta", "text": text}),
        json_objects.map(lambda citation: {"type": "citations_delta", "citation": citation}),
    ),
    "thinking": st.one_of(
        texts.map(lambda text: {"type": "thinking_delta", "thinking": text}),
        words.map(lambda seal: {"type": "signature_delta", "signature": seal}),
    ),
    "tool_use": texts.map(lambda text: {"type": "input_json_delta", "partial_json": text}),
    "redacted_thinking": st.nothing(),
    "web_search_tool_result": st.nothing(),
}
_shells = st.one_of(
    st.just({"type": "text", "text": ""}),
    st.just({"type": "thinking", "thinking": "", "signature": ""}),
    st.builds(lambda id, name: {"type": "tool_use", "id": id, "name": name, "input": {}}, names, names),
    st.builds(lambda data: {"type": "redacted_thinking", "data": data}, words),
    st.builds(
        lambda data: {"type": "web_search_tool_result", "content": data}, st.lists(json_objects, max_size=1)
    ),
)
_counts = st.integers(0, 9999)


@st.composite
def event_streams(draw: st.DrawFn) -> list[bytes]:
    """A whole stream as its frames, pings and unknown events between them."""
    usage = {
        "input_tokens": draw(_counts),
        "cache_creation_input_tokens": draw(_counts),
        "cache_read_input_tokens": draw(_counts),
        "output_tokens": 1,
    }
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [], "usage": usage}
    frames = [event({"type": "message_start", "message": {**message, "stop_reason": None, "stop_sequence": None}})]
    shells = draw(st.lists(_shells, max_size=4, unique_by=lambda shell: shell.get("id", id(shell))))
    for index, shell in enumerate(shells):
        frames.append(event({"type": "content_block_start", "index": index, "content_block": shell}))
        deltas = _deltas[shell["type"]]
        if not deltas.is_empty:
            for delta in draw(st.lists(deltas, max_size=3)):
                frames.append(event({"type": "content_block_delta", "index": index, "delta": delta}))
        if draw(st.booleans()):
            frames.append(draw(st.sampled_from([event({"type": "ping"}), b": keep-alive\n\n", _strange])))
        frames.append(event({"type": "content_block_stop", "index": index}))
    called = any(shell["type"] == "tool_use" for shell in shells)
    reason = "tool_use" if called else draw(st.sampled_from(["end_turn", "max_tokens", "refusal", "pause_turn"]))
    delta = {"stop_reason": reason, "stop_sequence": None}
    frames.append(event({"type": "message_delta", "delta": delta, "usage": {"output_tokens": draw(_counts)}}))
    frames.append(event({"type": "message_stop"}))
    return frames


_strange = event({"type": "brand_new", "field": 1})
