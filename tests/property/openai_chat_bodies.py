"""Hypothesis strategies for what travels on the wire of the Chat Completions API: requests, answers and streams.

They keep to the normal forms that the dialect documents, so that whatever they draw survives unchanged.
"""

from typing import Any

import msgspec
from hypothesis import strategies as st

from tests.property.objects import exact, json_objects, open_objects, texts, words
from tests.property.representation import base64_data, names, schemas

Json = dict[str, Any]


def fields(required: Json, optional: Json | None = None) -> st.SearchStrategy[Json]:
    """An object with known fields and sometimes unknown ones, which `x_` keeps apart."""
    return open_objects(required, optional, unknown=("x_n", "x_nab", "x_n_a", "x_value"))


cache_controls = st.sampled_from([{"type": "ephemeral"}, {"type": "ephemeral", "ttl": "1h"}]) | st.one_of(
    st.none(), fields({"type": "ephemeral"}), st.just({"type": "persistent"})
)
cached = {"cache_control": cache_controls}
text_elements = fields({"type": "text", "text": texts}, cached)
image_addresses = st.just("https://example.com/a.png") | base64_data.map(
    lambda data: f"data:image/png;base64,{data}"
)
image_elements = fields(
    {
        "type": "image_url",
        "image_url": fields({"url": image_addresses}, {"detail": st.sampled_from(["low", "auto"])}),
    },
    cached,
)
file_elements = fields(
    {
        "type": "file",
        "file": fields(
            {"file_data": base64_data.map(lambda data: f"data:application/pdf;base64,{data}"), "filename": words}
        )
        | fields({"file_id": words}, {"filename": words}),
    },
    cached,
)
audio_elements = fields(
    {
        "type": "input_audio",
        "input_audio": fields({"data": base64_data, "format": st.sampled_from(["wav", "mp3", "flac"])}),
    }
)
unknown_elements = fields({"type": "x_hologram"})
user_content = texts | st.lists(
    st.one_of(text_elements, image_elements, file_elements, audio_elements, unknown_elements),
    min_size=1,
    max_size=3,
)
plain_content = texts | st.lists(text_elements, min_size=1, max_size=2)
assistant_content = plain_content | st.lists(
    text_elements | fields({"type": "refusal", "refusal": texts}), min_size=1, max_size=2
)
arguments = st.one_of(
    json_objects.map(lambda value: msgspec.json.encode(value).decode()),
    st.sampled_from(["", "{}", '{"a": 1 }', '{"cut": "of', "not json"]),
)
tool_calls = fields(
    {"id": words, "type": "function", "function": fields({"name": words, "arguments": arguments})}
) | fields({"id": words, "type": "custom", "custom": fields({"name": words, "input": texts})})
reasonings = st.one_of(
    st.just({}),
    exact({"reasoning_content": words}),
    exact({"reasoning": words}),
    exact({"reasoning": words, "reasoning_details": st.just([{"type": "reasoning.encrypted", "data": "abc"}])}),
)


def _merged(pieces: tuple[Json, ...]) -> Json:
    return {name: value for piece in pieces for name, value in piece.items()}


assistant_messages = st.tuples(
    fields({"role": "assistant", "content": assistant_content}, {"name": words, "refusal": words, **cached}),
    reasonings,
    st.just({}) | exact({"tool_calls": st.lists(tool_calls, min_size=1, max_size=2)}),
).map(_merged)
silent_callers = st.tuples(
    fields({"role": "assistant", "content": st.none()}),
    reasonings,
    exact({"tool_calls": st.lists(tool_calls, min_size=1, max_size=2)}),
).map(_merged)
messages = st.one_of(
    fields(
        {"role": st.sampled_from(["system", "developer"]), "content": plain_content}, {"name": words, **cached}
    ),
    fields({"role": "user", "content": user_content}, {"name": words, **cached}),
    assistant_messages,
    silent_callers,
    fields({"role": "tool", "tool_call_id": words, "content": plain_content}, {"name": words, **cached}),
)
functions = fields(
    {"name": words.filter(lambda name: name == name.strip())},
    {"description": texts, "parameters": schemas, "strict": st.booleans()},
)
tools = st.one_of(
    fields({"type": "function", "function": functions}, cached),
    fields({"type": "web_search_preview"}),
    fields(
        {
            "type": "custom",
            "custom": fields(
                {"name": words.filter(lambda name: name == name.strip())},
                {"description": texts, "format": json_objects},
            ),
        }
    ),
)
tool_choices = st.one_of(
    st.sampled_from(["auto", "none", "required"]),
    exact({"type": "function", "function": exact({"name": words})}),
    st.just({"type": "custom", "custom": {"name": "c"}}),
    exact(
        {
            "type": "allowed_tools",
            "allowed_tools": exact(
                {
                    "mode": st.sampled_from(["auto", "required"]),
                    "tools": st.lists(
                        words.map(lambda name: {"type": "function", "function": {"name": name}}), max_size=2
                    ),
                }
            ),
        }
    ),
)
formats = st.one_of(
    fields({"type": st.sampled_from(["text", "json_object", "x_grammar"])}),
    fields(
        {
            "type": "json_schema",
            "json_schema": fields(
                {"name": words, "schema": schemas}, {"strict": st.booleans(), "description": texts}
            ),
        }
    ),
)
numbers = st.integers(0, 2) | st.floats(0, 2)
counts = st.integers(0, 5000)
requests = fields(
    {"model": words.filter(str.strip), "messages": st.lists(messages, max_size=4)},
    {
        "tools": st.lists(tools, min_size=1, max_size=2),
        "tool_choice": tool_choices,
        "parallel_tool_calls": st.booleans(),
        "max_tokens": counts,
        "temperature": numbers,
        "top_p": numbers,
        "top_k": counts,
        "stop": st.lists(words, min_size=1, max_size=5),
        "n": st.integers(1, 3),
        "seed": counts,
        "presence_penalty": numbers,
        "frequency_penalty": numbers,
        "logit_bias": json_objects,
        "logprobs": st.booleans(),
        "top_logprobs": counts,
        "reasoning_effort": st.sampled_from(["none", "low", "xhigh", "max", "x_word"]),
        "response_format": formats,
        "stream": st.booleans(),
        "user": texts,
        "metadata": json_objects,
        "service_tier": words,
        "prompt_cache_key": words,
    },
)

usages = fields(
    {"prompt_tokens": counts, "completion_tokens": counts, "total_tokens": counts},
    {
        "prompt_tokens_details": exact({"cached_tokens": counts}),
        "completion_tokens_details": json_objects,
    },
)
answer_calls = st.lists(
    fields({"id": words, "type": "function", "function": fields({"name": words, "arguments": arguments})}),
    min_size=1,
    max_size=2,
)
annotations = st.just(
    [{"type": "url_citation", "url_citation": {"url": "u", "title": "t", "start_index": 0, "end_index": 1}}]
)
answer_messages = st.one_of(
    st.tuples(fields({"role": "assistant", "content": words}, {"annotations": annotations}), reasonings).map(
        _merged
    ),
    st.tuples(fields({"role": "assistant", "refusal": words}), reasonings).map(_merged),
    st.tuples(
        fields({"role": "assistant", "tool_calls": answer_calls}),
        reasonings,
        st.just({}) | exact({"content": words}),
    ).map(_merged),
)


def _finished(choice: Json) -> Json:
    if "tool_calls" in choice["message"]:
        return {**choice, "finish_reason": "tool_calls"}
    return choice


choices = fields(
    {
        "index": 0,
        "message": answer_messages,
        "finish_reason": st.sampled_from(["stop", "length", "content_filter"]),
    },
    {"logprobs": exact({"content": st.none()})},
).map(_finished)
answers = fields(
    {
        "id": names.map(lambda name: f"chatcmpl-{name}"),
        "object": "chat.completion",
        "created": 1,
        "model": "told",
        "choices": choices.map(lambda choice: [choice]),
    },
    {"usage": usages, "service_tier": words, "system_fingerprint": words},
)

deltas = st.one_of(
    exact({"content": texts | st.none()}),
    exact({"content": texts, "reasoning_content": texts}),
    exact({"reasoning": texts}),
    exact({"reasoning_details": st.just([{"type": "reasoning.text", "text": "th"}])}),
    exact({"refusal": texts}),
    exact(
        {
            "content": st.just(
                [{"type": "text", "text": "a"}, {"type": "thinking", "thinking": [{"type": "text", "text": "b"}]}]
            )
        }
    ),
    exact(
        {
            "tool_calls": st.lists(
                exact(
                    {},
                    optional={
                        "index": st.integers(0, 2),
                        "id": st.sampled_from(["call_a", "call_b", "", None]),
                        "function": exact(
                            {},
                            optional={
                                "name": st.sampled_from(["f", "g", "", None]),
                                "arguments": texts | st.none(),
                            },
                        ),
                    },
                ),
                max_size=2,
            )
        }
    ),
    exact({"function_call": exact({"name": names, "arguments": texts})}),
    exact({"annotations": annotations}),
    exact({"images": st.just([{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}])}),
    json_objects,
)


def _chunk(choice: Json | None, usage: Json | None) -> bytes:
    body = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": []}
    if choice is not None:
        body["choices"] = [choice]
    if usage is not None:
        body["usage"] = usage
    return b"data: " + msgspec.json.encode(body) + b"\n\n"


stream_choices = exact(
    {"index": st.sampled_from([0, 0, 0, 1]), "delta": deltas},
    optional={
        "finish_reason": st.sampled_from([None, None, "stop", "tool_calls", "length", "eos"]),
        "logprobs": st.just({"content": []}),
    },
)
frames = st.one_of(
    st.builds(_chunk, stream_choices, st.none()),
    st.builds(_chunk, stream_choices, st.none()),
    st.builds(_chunk, stream_choices, usages),
    st.builds(_chunk, st.none(), usages),
    st.sampled_from(
        [
            b": keepalive\n\n",
            b"data: null\n\n",
            b"data: {broken\n\n",
            b"event: keepalive\ndata: {}\n\n",
            b'data: {"id":"x","choices":[{"index":0,"delta":{"content":"\\ud83d"}}]}\n\n',
            b'data: {"error":{"message":"boom","type":"server_error","code":500}}\n\n',
            b"data: [DONE]\n\n",
            b"\n",
        ]
    ),
)
streams = st.lists(frames, max_size=7).map(b"".join)
