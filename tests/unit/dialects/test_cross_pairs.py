"""Golden cases between Chat Completions and Messages, on the wire of both sides."""

from typing import Any

import msgspec
import pytest

from omniroute.dialects.base import Context, Loss
from omniroute.dialects.registry import dialect
from omniroute.ir.result import GenerateResponse
from omniroute.ir.target import ModelFacts, Target
from tests.property.anthropic_bodies import event
from tests.support import order, strict
from tests.unit.dialects.anthropic import claude_code
from tests.unit.dialects.anthropic.rules import check_request

ANTHROPIC = dialect("anthropic")
CHAT = dialect("openai_chat")
CONTEXT = Context(request_id="req_1", token="tok", created=7, model="told", include_usage=True, input_tokens=5)

Json = dict[str, Any]
Losses = tuple[Loss, ...]

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
CHAT_TOOL = {"type": "function", "function": {"name": "f", "description": "d", "parameters": SCHEMA}}
CLAUDE_TOOL = {"name": "f", "description": "d", "input_schema": SCHEMA}


def to_claude(*messages: Json, cap: int | None = 128_000, **fields: Any) -> tuple[Json, Losses]:
    body = {"model": "m", "max_tokens": 32_000, "messages": list(messages or (said("hi"),)), **fields}
    facts = ModelFacts(max_output_tokens=cap)
    target = Target(provider="p", model="claude-sonnet-4-5", dialect="anthropic", facts=facts)
    encoded = ANTHROPIC.encode_request(CHAT.decode_request(body), target)
    wire = msgspec.json.decode(encoded.body)
    check_request(wire)
    return wire, encoded.losses


def to_chat(*messages: Json, **fields: Any) -> tuple[Json, Losses]:
    body = {"model": "m", "max_tokens": 100, "messages": list(messages or (said("hi"),)), **fields}
    target = Target(provider="p", model="gpt-4o", dialect="openai_chat")
    encoded = CHAT.encode_request(ANTHROPIC.decode_request(body), target)
    return msgspec.json.decode(encoded.body), encoded.losses


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


# Requests: chat client, Messages provider


@pytest.mark.parametrize(
    ("choice", "wire"),
    [
        ({"type": "function", "function": {"name": "f"}}, {"type": "tool", "name": "f"}),
        ("required", {"type": "any"}),
        ("auto", {"type": "auto"}),
        ("none", {"type": "none"}),
    ],
)
def test_tool_choice_is_said_in_claudes_words(choice: Any, wire: Json) -> None:
    body, losses = to_claude(tools=[CHAT_TOOL], tool_choice=choice)
    assert body["tool_choice"] == wire
    assert body["tools"] == [CLAUDE_TOOL]
    assert losses == ()


def test_parallel_calls_are_forbidden_through_the_tool_choice() -> None:
    body, _ = to_claude(tools=[CHAT_TOOL], parallel_tool_calls=False)
    assert body["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}
    body, _ = to_claude(tools=[CHAT_TOOL], parallel_tool_calls=True)
    assert "tool_choice" not in body


def test_a_tool_round_is_rebuilt_by_claudes_rules() -> None:
    body, losses = to_claude(
        said("be brief", "system"),
        said("and kind", "developer"),
        said([text(""), text("go")]),
        called(("call:1/x", "f", '{"a": "1"}'), ("c2", "g", "oops"), ("c3", "", "{}"), ("c4", "f", "")),
        answered("call:1/x", "one"),
        answered("c2", [text(""), text("two")]),
        answered("c3", "of nobody"),
        answered("c9", "of nothing"),
        said("thanks"),
    )
    assert body["system"] == [text("be brief"), text("and kind")]
    assert body["messages"] == [
        {"role": "user", "content": [text("go")]},
        {
            "role": "assistant",
            "content": [
                {"type": "tool_use", "id": "call_1_x", "name": "f", "input": {"a": "1"}},
                {"type": "tool_use", "id": "c2", "name": "g", "input": {"_raw_arguments": "oops"}},
                {"type": "tool_use", "id": "c4", "name": "f", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "call_1_x", "content": [text("one")]},
                {"type": "tool_result", "tool_use_id": "c2", "content": [text("two")]},
                {"type": "tool_result", "tool_use_id": "c4", "content": "[No response received]"},
                text("thanks"),
            ],
        },
    ]
    assert [(loss.what, loss.how) for loss in losses] == [
        ("tool result without a call", "dropped"),
        ("arguments that are not a JSON object", "approximated"),
        ("result of tool call c4", "added"),
    ]


def test_a_tool_without_description_and_properties_is_completed() -> None:
    tool = {"type": "function", "function": {"name": "f", "description": None, "parameters": {"type": "object"}}}
    body, _ = to_claude(tools=[tool])
    schema = {"type": "object", "properties": {}}
    assert body["tools"] == [{"name": "f", "description": "", "input_schema": schema}]


@pytest.mark.parametrize(("effort", "budget"), [("low", 1024), ("medium", 10_240), ("high", 96_000)])
def test_effort_becomes_a_fitted_budget(effort: str, budget: int) -> None:
    body, _ = to_claude(reasoning_effort=effort)
    assert body["thinking"] == {"type": "enabled", "budget_tokens": budget}
    assert body["max_tokens"] <= 128_000


def test_thinking_before_a_prefilled_answer_is_removed() -> None:
    body, losses = to_claude(said("hi"), said("The answer is", "assistant"), reasoning_effort="high")
    assert "thinking" not in body
    assert [loss.path for loss in losses] == ["thinking"]


def test_openai_only_members_never_reach_claude() -> None:
    body, losses = to_claude(
        said("hi", name=""),
        stream=True,
        stream_options={"include_usage": True},
        store=False,
        user="u1",
        prompt_cache_retention="24h",
        seed=1,
    )
    assert body == {
        "model": "claude-sonnet-4-5",
        "max_tokens": 32_000,
        "messages": [{"role": "user", "content": [text("hi")]}],
        "metadata": {"user_id": "u1"},
        "stream": True,
    }
    assert {loss.path for loss in losses} == {"extra.store", "extra.prompt_cache_retention", "sampling.seed"}


def test_instructions_alone_get_a_user_turn() -> None:
    body, losses = to_claude(said("be brief", "system"))
    assert body["messages"] == [{"role": "user", "content": [text(".")]}]
    assert [loss.how for loss in losses] == ["added"]


def test_a_schema_is_claudes_own_output_format() -> None:
    described = {"name": "n", "schema": SCHEMA, "strict": True}
    body, losses = to_claude(response_format={"type": "json_schema", "json_schema": described})
    assert body["output_config"] == {"format": {"type": "json_schema", "schema": SCHEMA}}
    assert [(loss.path, loss.weight) for loss in losses] == [("output.name", "cost")]


def test_images_files_and_audio_reach_claude_or_are_named() -> None:
    body, losses = to_claude(
        said(
            [
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk=", "detail": "high"}},
                {"type": "image_url", "image_url": {"url": "https://x/a.png"}},
                {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,aGk="}},
                {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}},
            ]
        )
    )
    assert body["messages"][0]["content"] == [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}},
        {"type": "image", "source": {"type": "url", "url": "https://x/a.png"}},
        {
            "type": "document",
            "source": {"type": "base64", "media_type": "application/pdf", "data": "aGk="},
            "title": "a.pdf",
        },
    ]
    assert [(loss.path, loss.weight) for loss in losses] == [
        ("turns[0].parts[0].detail", "quality"),
        ("turns[0].parts[3]", "meaning"),
    ]


# Requests: Messages client, chat provider


@pytest.mark.parametrize(
    ("choice", "wire"),
    [
        ({"type": "any"}, "required"),
        ({"type": "tool", "name": "f"}, {"type": "function", "function": {"name": "f"}}),
        ({"type": "auto"}, "auto"),
        ({"type": "none"}, "none"),
    ],
)
def test_tool_choice_is_said_in_openais_words(choice: Json, wire: Any) -> None:
    body, losses = to_chat(tools=[CLAUDE_TOOL], tool_choice=choice)
    assert body["tool_choice"] == wire
    assert body["tools"] == [CHAT_TOOL]
    assert losses == ()


@pytest.mark.parametrize(
    ("budget", "effort"), [(1024, "low"), (10_240, "medium"), (50_000, "high"), (131_072, "xhigh")]
)
def test_a_budget_becomes_effort(budget: int, effort: str) -> None:
    body, _ = to_chat(thinking={"type": "enabled", "budget_tokens": budget})
    assert body["reasoning_effort"] == effort


def test_a_pdf_becomes_a_file_and_cache_marks_are_named() -> None:
    source = {"type": "base64", "media_type": "application/pdf", "data": "aGk="}
    document = {"type": "document", "source": source, "title": "a.pdf", "cache_control": {"type": "ephemeral"}}
    body, losses = to_chat(said([document, text("read")]))
    assert body["messages"] == [
        {
            "role": "user",
            "content": [
                {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,aGk="}},
                text("read"),
            ],
        }
    ]
    assert [(loss.path, loss.weight) for loss in losses] == [("turns[0].parts[0].cache", "cost")]


def test_the_claude_cli_can_talk_to_a_chat_provider() -> None:
    source = claude_code.body()
    encoded = CHAT.encode_request(
        ANTHROPIC.decode_request(source), Target(provider="p", model="gpt-4o", dialect="openai_chat")
    )
    body = msgspec.json.decode(encoded.body)
    assert [message["role"] for message in body["messages"]] == ["system", "user", "assistant", "tool", "user"]
    call = body["messages"][2]["tool_calls"][0]
    assert (call["id"], call["function"]["name"]) == ("toolu_01A09q90qw90lq917835lq9", "Bash")
    assert msgspec.json.decode(call["function"]["arguments"])["command"] == "printf GW_TOOL_OK_%d 052"
    assert body["messages"][3]["tool_call_id"] == call["id"]
    assert body["messages"][3]["content"] == "GW_TOOL_OK_42"
    assert [tool["function"]["name"] for tool in body["tools"]] == list(claude_code.TOOLS)
    assert body["stream_options"] == {"include_usage": True}
    assert b"EqQBCkYIBxgCKkD" not in encoded.body
    assert not {loss.path for loss in encoded.losses if loss.weight == "meaning"}


# Answers


def test_a_chat_answer_becomes_a_message() -> None:
    answer = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-4o",
        "choices": [
            {
                "index": 0,
                "message": {**called(("call_1", "Bash", '{"a":1}')), "content": "hi", "reasoning_content": "th"},
                "finish_reason": "stop",
            }
        ],
        "usage": {"input_tokens": 5, "output_tokens": 7, "prompt_tokens_details": {"cached_tokens": 2}},
    }
    response = CHAT.decode_response(msgspec.json.encode(answer))
    assert isinstance(response, GenerateResponse)
    message = strict.message(ANTHROPIC.encode_response(response, CONTEXT).body)
    assert message["content"] == [
        {"type": "thinking", "thinking": "th", "signature": ""},
        text("hi"),
        {"type": "tool_use", "id": "call_1", "name": "Bash", "input": {"a": 1}},
    ]
    assert message["stop_reason"] == "tool_use"
    assert message["usage"] == {
        "input_tokens": 3,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 2,
        "output_tokens": 7,
    }


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("refusal", "content_filter"),
        ("pause_turn", "stop"),
        ("model_context_window_exceeded", "length"),
    ],
)
def test_a_message_becomes_a_chat_answer(reason: str, finish: str) -> None:
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude",
        "content": [{"type": "thinking", "thinking": "th", "signature": "sig"}, text("hi")],
        "stop_reason": reason,
        "stop_sequence": None,
        "usage": {"input_tokens": 3, "cache_read_input_tokens": 113613, "output_tokens": 7},
    }
    response = ANTHROPIC.decode_response(msgspec.json.encode(message))
    assert isinstance(response, GenerateResponse)
    encoded = CHAT.encode_response(response, CONTEXT)
    answer = strict.chat_completion(encoded.body)
    assert answer["choices"][0]["message"]["content"] == "hi"
    assert answer["choices"][0]["message"]["reasoning_content"] == "th"
    assert answer["choices"][0]["finish_reason"] == finish
    assert answer["usage"]["prompt_tokens"] == 113616
    vague = reason in ("stop_sequence", "pause_turn", "model_context_window_exceeded")
    assert [loss.path for loss in encoded.losses] == (["parts[0].seal", "finish"] if vague else ["parts[0].seal"])


# Streams


def chunk(delta: Json | None, finish: str | None = None, **fields: Any) -> bytes:
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
    call: Json = {"index": index, "function": {"arguments": arguments}}
    if call_id is not None:
        call["id"] = call_id
    if name is not None:
        call["function"]["name"] = name
    return chunk({"tool_calls": [call]})


DONE = b"data: [DONE]\n\n"


def as_claude(*frames: bytes) -> list[Json]:
    decoder, encoder = CHAT.stream_decoder(), ANTHROPIC.stream_encoder(CONTEXT)
    events = [found for frame in frames for found in decoder.feed(frame)] + decoder.close()
    raw = b"".join(encoder.send(one) for one in events) + encoder.close()
    order.anthropic(raw)
    return strict.message_stream(raw)


def of_type(events: list[Json], kind: str) -> list[Json]:
    return [one for one in events if one["type"] == kind]


def blocks(events: list[Json]) -> list[str]:
    return [one["content_block"]["type"] for one in of_type(events, "content_block_start")]


def test_the_golden_chat_stream_becomes_the_golden_message_stream() -> None:
    events = as_claude(
        chunk({"role": "assistant", "content": ""}),
        chunk({"reasoning_content": "th"}),
        chunk({"content": "hi"}),
        tool(0, call_id="call_1", name="f", arguments='{"a":1}'),
        chunk({}, "tool_calls"),
        chunk(
            None,
            usage={
                "prompt_tokens": 5,
                "completion_tokens": 7,
                "total_tokens": 12,
                "prompt_tokens_details": {"cached_tokens": 2},
                "completion_tokens_details": {"reasoning_tokens": 1},
            },
        ),
        DONE,
    )
    assert [(one["type"], one.get("index")) for one in events] == [
        ("message_start", None),
        ("content_block_start", 0),
        ("content_block_delta", 0),
        ("content_block_stop", 0),
        ("content_block_start", 1),
        ("content_block_delta", 1),
        ("content_block_stop", 1),
        ("content_block_start", 2),
        ("content_block_delta", 2),
        ("content_block_stop", 2),
        ("message_delta", None),
        ("message_stop", None),
    ]
    assert events[0]["message"]["usage"]["input_tokens"] == 5
    assert events[7]["content_block"] == {"type": "tool_use", "id": "call_1", "name": "f", "input": {}}
    assert events[-2]["delta"]["stop_reason"] == "tool_use"
    usage = events[-2]["usage"]
    assert (usage["input_tokens"], usage["cache_read_input_tokens"], usage["output_tokens"]) == (3, 2, 7)


def test_an_id_repeated_on_every_delta_is_still_one_call() -> None:
    events = as_claude(
        tool(0, call_id="c1", name="f", arguments='{"a"'),
        tool(0, call_id="c1", name="f", arguments=":1}"),
        chunk({}, "tool_calls"),
        DONE,
    )
    assert blocks(events) == ["tool_use"]
    told = [one["delta"]["partial_json"] for one in of_type(events, "content_block_delta")]
    assert "".join(told) == '{"a":1}'


def test_another_id_at_the_same_index_is_another_call() -> None:
    events = as_claude(
        tool(0, call_id="c1", name="f", arguments="{}"),
        tool(0, call_id="c2", name="g", arguments="{}"),
        chunk({}, "tool_calls"),
        DONE,
    )
    assert [one["content_block"]["id"] for one in of_type(events, "content_block_start")] == ["c1", "c2"]


def test_a_finish_said_twice_ends_the_message_once() -> None:
    events = as_claude(chunk({"content": "hi"}), chunk({}, "stop"), chunk({}, "stop"), DONE, DONE)
    assert [one["type"] for one in events[-2:]] == ["message_delta", "message_stop"]
    assert len(of_type(events, "message_delta")) == 1


def test_a_delta_with_thought_and_text_loses_neither() -> None:
    events = as_claude(chunk({"reasoning_content": "th", "content": "hi"}), chunk({}, "stop"), DONE)
    assert blocks(events) == ["thinking", "text"]


def test_usage_behind_the_finish_is_told() -> None:
    usage = {"prompt_tokens": 11, "completion_tokens": 3, "total_tokens": 14}
    events = as_claude(chunk({"content": "hi"}), chunk({}, "stop"), chunk(None, usage=usage), DONE)
    assert (events[-2]["usage"]["input_tokens"], events[-2]["usage"]["output_tokens"]) == (11, 3)


def test_a_finish_of_stop_with_a_call_is_a_tool_use() -> None:
    events = as_claude(tool(0, call_id="c1", name="f", arguments="{}"), chunk({}, "stop"), DONE)
    assert events[-2]["delta"]["stop_reason"] == "tool_use"


def test_a_chat_stream_without_done_still_ends_properly() -> None:
    events = as_claude(chunk({"content": "hi"}), chunk({}, "length").rstrip())
    assert events[-2]["delta"]["stop_reason"] == "max_tokens"


@pytest.mark.parametrize(
    "end", [b"", b'data: {"error":{"message":"boom","type":"server_error","code":500}}\n\n'], ids=["cut", "error"]
)
def test_a_chat_stream_that_dies_ends_in_an_error_event(end: bytes) -> None:
    events = as_claude(chunk({"content": "hi"}), end)
    assert events[-1]["type"] == "error"


def as_chat(*frames: bytes) -> order.Told:
    decoder, encoder = ANTHROPIC.stream_decoder(), CHAT.stream_encoder(CONTEXT)
    events = [found for frame in frames for found in decoder.feed(frame)] + decoder.close()
    raw = b"".join(encoder.send(one) for one in events) + encoder.close()
    strict.chat_stream(raw)
    return order.openai_chat(raw, include_usage=True)


def claude_stream(usage: Json, last_usage: Json) -> list[bytes]:
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": []}
    shell = {"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {}}
    return [
        event({"type": "message_start", "message": {**message, "usage": usage}}),
        event({"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}}),
        event({"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "th"}}),
        event({"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "s"}}),
        event({"type": "content_block_stop", "index": 0}),
        event({"type": "ping"}),
        event({"type": "content_block_start", "index": 1, "content_block": text("")}),
        event({"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "héé😀"}}),
        event({"type": "content_block_stop", "index": 1}),
        event({"type": "content_block_start", "index": 2, "content_block": shell}),
        event(
            {
                "type": "content_block_delta",
                "index": 2,
                "delta": {"type": "input_json_delta", "partial_json": "{}"},
            }
        ),
        event({"type": "content_block_stop", "index": 2}),
        event({"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": last_usage}),
        event({"type": "message_stop"}),
    ]


def test_a_message_stream_becomes_a_chat_stream_with_all_input_counted() -> None:
    told = as_chat(
        *claude_stream(
            {"input_tokens": 3, "cache_read_input_tokens": 113613, "output_tokens": 1},
            {"input_tokens": 0, "output_tokens": 9},
        )
    )
    assert (told.reasoning, told.text, told.finish) == ("th", "héé😀", "tool_calls")
    assert [(call.call_id, call.name, call.arguments) for call in told.calls] == [("toolu_1", "Bash", "{}")]
    assert told.usage is not None
    assert (told.usage["prompt_tokens"], told.usage["completion_tokens"]) == (113616, 9)


def test_a_message_stream_cut_into_single_bytes_says_the_same() -> None:
    frames = claude_stream({"input_tokens": 3}, {"output_tokens": 9})
    raw = b"".join(frames)
    assert as_chat(*(raw[i : i + 1] for i in range(len(raw)))) == as_chat(*frames)


def test_an_error_event_becomes_an_error_chunk() -> None:
    error = event({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})
    told = as_chat(*claude_stream({"input_tokens": 3}, {})[:8], error)
    assert told.error is not None
    assert told.error["message"] == "Overloaded"
