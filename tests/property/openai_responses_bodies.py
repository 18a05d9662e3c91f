"""Hypothesis strategies for what travels on the wire of the Responses API: requests, answers and streams.

They keep to the normal forms that the dialect documents, so that whatever they draw survives unchanged.
"""

from typing import Any

import msgspec
from hypothesis import strategies as st

from tests.property.objects import json_objects, open_objects, texts, words
from tests.property.representation import base64_data, names, schemas

Json = dict[str, Any]


def fields(required: Json, optional: Json | None = None) -> st.SearchStrategy[Json]:
    """An object with known fields and sometimes unknown ones, which `x_` keeps apart."""
    return open_objects(required, optional, unknown=("x_n", "x_nab", "x_n_a", "x_value"))


identity = {"id": words, "status": st.sampled_from(["completed", "incomplete"])}
url_annotations = st.just({"type": "url_citation", "url": "u", "title": "t", "start_index": 0, "end_index": 1})
annotations = st.lists(url_annotations | json_objects, max_size=2)
input_texts = fields({"type": st.sampled_from(["input_text", "text"]), "text": texts})
output_texts = fields(
    {"type": "output_text", "text": texts},
    {"annotations": annotations, "logprobs": st.sampled_from([[], [{"token": "a", "logprob": -1, "bytes": []}]])},
)
image_addresses = st.just("https://example.com/a.png") | base64_data.map(
    lambda data: f"data:image/png;base64,{data}"
)
details = {"detail": st.sampled_from(["low", "auto", None])}
images = (
    fields({"type": "input_image", "image_url": image_addresses}, details)
    | fields({"type": "input_image", "file_id": words, "image_url": st.none()}, details)
    | fields({"type": "input_image", "image_url": "data:application/pdf;base64,AAAA"}, details)
)
files = (
    fields(
        {
            "type": "input_file",
            "file_data": base64_data.flatmap(
                lambda data: st.sampled_from(
                    [data, f"data:application/pdf;base64,{data}", f"data:image/png;base64,{data}", "not: base64"]
                )
            ),
        },
        {"filename": words | st.just("a.pdf")},
    )
    | fields({"type": "input_file", "file_id": words}, {"filename": words})
    | fields({"type": "input_file", "file_url": words}, {"filename": words})
    | fields({"type": "input_file"})
)
audios = fields(
    {
        "type": "input_audio",
        "input_audio": fields({"data": base64_data, "format": st.sampled_from(["wav", "mp3", "mpeg", "flac"])}),
    }
)
refusals = fields({"type": "refusal", "refusal": texts})
unknown_elements = fields({"type": "x_hologram"})
user_content = texts | st.lists(st.one_of(input_texts, images, files, audios, unknown_elements), max_size=3)
assistant_content = texts | st.lists(st.one_of(output_texts, refusals, unknown_elements, images), max_size=3)


@st.composite
def _typed(draw: st.DrawFn, messages: st.SearchStrategy[Json]) -> Json:
    message = draw(messages)
    return {**message, "type": "message"} if draw(st.booleans()) else message


user_messages = _typed(
    fields({"role": st.sampled_from(["user", "developer", "system"]), "content": user_content}, identity)
)
assistant_messages = _typed(
    fields(
        {"role": "assistant", "content": assistant_content},
        {**identity, "phase": st.sampled_from(["commentary", "final_answer"])},
    )
)
arguments = st.one_of(
    json_objects.map(lambda value: msgspec.json.encode(value).decode()),
    st.sampled_from(["", "{}", '{"a": 1 }', '{"cut": "of', "not json"]),
)
called = names
calls = fields(
    {"type": "function_call", "call_id": words, "name": called, "arguments": arguments},
    {**identity, "namespace": st.sampled_from(["ns_a", "ns_b"])},
)
custom_calls = fields({"type": "custom_tool_call", "call_id": words, "name": called, "input": texts}, identity)
outputs = texts | st.lists(st.one_of(input_texts, images, files), max_size=2)
results = fields(
    {
        "type": st.sampled_from(["function_call_output", "custom_tool_call_output"]),
        "call_id": words,
        "output": outputs,
    },
    identity,
)
summaries = st.lists(
    st.builds(lambda text: {"type": "summary_text", "text": text}, texts)
    | fields({"type": "summary_text", "text": texts}),
    max_size=2,
)
thoughts = st.none() | st.lists(
    st.builds(lambda text: {"type": "reasoning_text", "text": text}, texts), max_size=2
)
reasonings = fields(
    {"type": "reasoning"},
    {"id": words, "summary": summaries, "content": thoughts, "encrypted_content": st.none() | words},
)
unknown_items = fields(
    {
        "type": st.sampled_from(
            [
                *("web_search_call", "item_reference", "computer_call", "computer_call_output", "compaction"),
                *("local_shell_call", "local_shell_call_output", "mcp_approval_response", "x_unknown"),
            ]
        )
    },
    identity,
)
items = st.one_of(
    user_messages, assistant_messages, calls, custom_calls, results, results, reasonings, unknown_items
)
functions = fields(
    {"type": "function", "name": called},
    {
        "description": texts | st.none(),
        "parameters": schemas | st.none(),
        "strict": st.none() | st.booleans(),
    },
)
customs = fields({"type": "custom", "name": called}, {"description": texts, "format": json_objects | st.none()})
hosted = fields(
    {
        "type": st.sampled_from(
            ["web_search", "file_search", "mcp", "code_interpreter", "image_generation", "tool_search", "x_tool"]
        )
    },
    {"name": words},
)
namespaces = fields(
    {
        "type": "namespace",
        "name": st.sampled_from(["ns_a", "ns_b", "n" * 60]),
        "tools": st.lists(functions | customs | hosted, max_size=3),
    },
    {"description": texts},
)
tools = st.lists(st.one_of(functions, customs, hosted, namespaces), min_size=1, max_size=4)
tool_choices = st.one_of(
    st.sampled_from(["auto", "none", "required", None]),
    fields({"type": "function", "name": called}),
    fields({"type": "function", "name": called, "namespace": "ns_a"}),
    fields({"type": "custom", "name": called}),
    fields({"type": st.sampled_from(["web_search_preview", "mcp", "x_tool"])}),
    fields(
        {
            "type": "allowed_tools",
            "mode": st.sampled_from(["auto", "required", "x_mode"]),
            "tools": st.lists(
                st.builds(lambda name: {"type": "function", "name": name}, called)
                | fields({"type": st.sampled_from(["function", "mcp"])}, {"name": called}),
                max_size=2,
            ),
        }
    ),
)
formats = st.one_of(
    fields({"type": st.sampled_from(["text", "json_object", "x_grammar"])}),
    fields(
        {"type": "json_schema", "name": words, "schema": schemas},
        {"strict": st.booleans() | st.none(), "description": texts},
    ),
)
numbers = st.integers(0, 2) | st.floats(0, 2)
counts = st.integers(0, 5000)
requests = fields(
    {"model": words.filter(str.strip), "input": texts | st.lists(items, max_size=5)},
    {
        "instructions": texts | st.none(),
        "tools": tools | st.just([]) | st.none(),
        "tool_choice": tool_choices,
        "parallel_tool_calls": st.booleans() | st.none(),
        "max_output_tokens": counts | st.none(),
        "temperature": numbers | st.none(),
        "top_p": numbers,
        "top_logprobs": counts,
        "reasoning": st.none()
        | fields(
            {},
            {
                "effort": st.sampled_from([None, "none", "low", "xhigh", "x_word"]),
                "summary": st.sampled_from([None, "auto"]),
            },
        ),
        "text": st.none() | fields({}, {"format": formats, "verbosity": st.sampled_from(["low", None])}),
        "include": st.none()
        | st.lists(st.sampled_from(["reasoning.encrypted_content", "message.output_text.logprobs"]), max_size=2),
        "store": st.booleans(),
        "stream": st.booleans() | st.none(),
        "stream_options": json_objects,
        "user": texts | st.none(),
        "safety_identifier": words,
        "metadata": json_objects | st.none(),
        "service_tier": words,
        "prompt_cache_key": words,
        "previous_response_id": words | st.none(),
        "truncation": words,
        "background": st.booleans(),
        "client_metadata": json_objects,
        "conversation": st.none() | fields({"id": words}),
    },
)

usages = fields(
    {
        "input_tokens": counts,
        "input_tokens_details": fields({"cached_tokens": counts}),
        "output_tokens": counts,
        "output_tokens_details": fields({"reasoning_tokens": counts}),
        "total_tokens": counts,
    }
)


def _message(index: int, content: list[Json], more: Json) -> Json:
    return {
        "id": f"msg_tok_{index}",
        "type": "message",
        "status": "completed",
        "role": "assistant",
        "content": content,
        **more,
    }


answer_texts = fields(
    {"type": "output_text", "text": texts, "annotations": annotations, "logprobs": st.just([])}
).map(lambda element: {**element, "logprobs": []})
answer_contents = st.lists(
    answer_texts | fields({"type": "refusal", "refusal": texts}) | unknown_elements, min_size=1, max_size=2
)
answer_items = st.one_of(
    st.builds(
        lambda content, more: lambda index: _message(index, content, more),
        answer_contents,
        st.just({}) | st.just({"phase": "commentary"}),
    ),
    st.builds(
        lambda text, seal: (
            lambda index: {
                "id": f"rs_tok_{index}",
                "type": "reasoning",
                "summary": [{"type": "summary_text", "text": text}],
                **({} if seal is None else {"encrypted_content": seal}),
            }
        ),
        words,
        st.none() | words,
    ),
    st.builds(
        lambda name, text, more: (
            lambda index: {
                "id": f"fc_tok_{index}",
                "type": "function_call",
                "status": "completed",
                "call_id": f"call_{index}",
                "name": name,
                "arguments": text,
                **more,
            }
        ),
        names,
        arguments,
        st.just({}) | st.just({"namespace": "ns_a"}),
    ),
    st.builds(
        lambda name, text: (
            lambda index: {
                "id": f"ctc_tok_{index}",
                "type": "custom_tool_call",
                "call_id": f"call_{index}",
                "name": name,
                "input": text,
            }
        ),
        names,
        texts,
    ),
    st.builds(
        lambda data: (
            lambda index: {
                "id": f"ig_tok_{index}",
                "type": "image_generation_call",
                "status": "completed",
                "result": data,
            }
        ),
        base64_data,
    ),
    st.builds(
        lambda more: lambda index: {**more, "type": "web_search_call", "id": f"ws_{index}"}, fields({}, identity)
    ),
)
DEFAULTS: Json = {
    "background": False,
    "instructions": None,
    "max_output_tokens": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "reasoning": {"effort": None, "summary": None},
    "store": False,
    "temperature": None,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_p": None,
    "truncation": "disabled",
    "error": None,
}


@st.composite
def answers(draw: st.DrawFn) -> Json:
    made = draw(st.lists(answer_items, max_size=4))
    output = [make(index) for index, make in enumerate(made)]
    reason = draw(st.sampled_from([None, None, "max_output_tokens", "content_filter", "steered"]))
    if reason is not None and output and output[-1]["type"] == "message":
        output[-1]["status"] = "incomplete"
    return {
        "id": f"resp_{draw(names)}",
        "object": "response",
        "created_at": 1,
        "model": "told",
        **DEFAULTS,
        "status": "completed" if reason is None else "incomplete",
        "incomplete_details": None if reason is None else {"reason": reason},
        "output": output,
        "usage": draw(usages),
        **draw(fields({}, {"service_tier": words})),
    }


def event(data: Json) -> bytes:
    return f"event: {data['type']}\n".encode() + b"data: " + msgspec.json.encode(data) + b"\n\n"


_places = {"output_index": st.integers(0, 2)}
_stream_items = st.one_of(
    fields({"type": "message", "role": "assistant", "content": st.just([])}),
    fields({"type": "message", "role": "assistant", "content": st.lists(answer_texts, max_size=2)}),
    reasonings,
    calls,
    fields({"type": "function_call", "call_id": "c", "name": "", "arguments": ""}),
    custom_calls,
    unknown_items,
)
_contents = {**_places, "content_index": st.integers(0, 1)}
_responses = fields(
    {"id": "resp_1", "model": "m", "output": st.lists(_stream_items, max_size=2)},
    {
        "usage": usages | st.none(),
        "status": st.sampled_from(["completed", "incomplete"]),
        "incomplete_details": st.sampled_from([None, {"reason": "max_output_tokens"}]),
    },
)
stream_events = st.one_of(
    fields(
        {
            "type": st.sampled_from(["response.output_item.added", "response.output_item.done"]),
            "item": _stream_items,
        },
        _places,
    ),
    fields(
        {
            "type": st.sampled_from(
                [
                    *("response.output_text.delta", "response.refusal.delta"),
                    *("response.function_call_arguments.delta", "response.custom_tool_call_input.delta"),
                    *("response.reasoning_summary_text.delta", "response.reasoning_text.delta"),
                ]
            ),
            "delta": texts,
        },
        {**_contents, "summary_index": st.integers(0, 1)},
    ),
    fields({"type": "response.output_text.done", "text": texts}, _contents),
    fields({"type": "response.function_call_arguments.done", "arguments": arguments}, _places),
    fields({"type": "response.content_part.done", "part": answer_texts | unknown_elements}, _contents),
    fields({"type": "response.output_text.annotation.added", "annotation": url_annotations}, _contents),
    fields({"type": st.sampled_from(["response.created", "response.in_progress"]), "response": _responses}),
    json_objects,
).map(lambda data: event({"type": "x_unknown", **data}))
_ends = fields(
    {"type": st.sampled_from(["response.completed", "response.incomplete"]), "response": _responses}
).map(event)
_noise = st.sampled_from(
    [
        b": keepalive\n\n",
        b"event: keepalive\ndata: {}\n\n",
        b"data: null\n\n",
        b"data: {broken\n\n",
        b'data: {"type":"response.output_text.delta","output_index":0,"delta":"\\ud83d"}\n\n',
        b'event: error\ndata: {"type":"error","code":"server_error","message":"boom","param":null}\n\n',
        b'data: {"type":"response.failed","response":{"error":{"code":"slow_down","message":"slow"}}}\n\n',
        b"data: [DONE]\n\n",
        b"\n",
    ]
)
streams = st.tuples(
    st.lists(st.one_of(stream_events, stream_events, stream_events, _noise), max_size=8),
    st.lists(_ends, max_size=2),
).map(lambda both: b"".join([*both[0], *both[1]]))
