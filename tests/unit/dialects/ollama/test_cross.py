"""Golden cases between Ollama and the first two dialects; T numbers are those of the data-plane specification."""

from typing import Any

import msgspec
import pytest

from omniroute.dialects.anthropic.dialect import Anthropic
from omniroute.dialects.base import Context, Dialect
from omniroute.dialects.ollama.dialect import Ollama
from omniroute.dialects.openai_chat.dialect import OpenAIChat
from omniroute.ir.fold import unfold
from omniroute.ir.result import GenerateResponse
from omniroute.ir.target import Target
from tests.support import order_ollama
from tests.unit.dialects.anthropic.rules import check_request

OLLAMA, CHAT, ANTHROPIC = Ollama(), OpenAIChat(), Anthropic()
CONTEXT = Context(request_id="req_1", token="tok", created=7, model="told", include_usage=True)
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
PNG = "iVBORw0KGgo="


def asked(source: Dialect, target: Dialect, **body: Any) -> dict[str, Any]:
    message = {"role": "user", "content": "hi"}
    request = source.decode_request({"model": "m", "max_tokens": 9, "messages": [message], **body})
    encoded = target.encode_request(request, Target(provider="p", model="t", dialect=target.name))
    return dict(msgspec.json.decode(encoded.body))


def streamed(source: Dialect, raw: bytes) -> list[dict[str, Any]]:
    decoder, encoder = source.stream_decoder(), OLLAMA.stream_encoder(CONTEXT)
    events = decoder.feed(raw) + decoder.close()
    written = b"".join(encoder.send(event) for event in events) + encoder.close()
    order_ollama.stream(written)
    return [msgspec.json.decode(line) for line in written.split(b"\n")[:-1]]


def chunk(delta: dict[str, Any] | None, finish: str | None = None, **more: Any) -> bytes:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    return b"data: " + msgspec.json.encode({"id": "x", "model": "m", "choices": choices, **more}) + b"\n\n"


def call(call_id: str | None, name: str | None, arguments: str) -> dict[str, Any]:
    return {"tool_calls": [{"index": 0, "id": call_id, "function": {"name": name, "arguments": arguments}}]}


USAGE = {
    "prompt_tokens": 5,
    "completion_tokens": 7,
    "total_tokens": 12,
    "prompt_tokens_details": {"cached_tokens": 2},
    "completion_tokens_details": {"reasoning_tokens": 1},
}


def test_the_golden_chat_stream_for_an_ollama_client() -> None:
    lines = streamed(
        CHAT,
        chunk({"role": "assistant", "content": ""})
        + chunk({"reasoning_content": "th"})
        + chunk({"content": "hi"})
        + chunk(call("call_1", "f", ""))
        + chunk(call(None, None, '{"a":1}'))
        + chunk({}, "tool_calls")
        + chunk(None, usage=USAGE)
        + b"data: [DONE]\n\n",
    )
    assert [(line["message"], line["done"]) for line in lines] == [
        ({"role": "assistant", "content": "", "thinking": "th"}, False),
        ({"role": "assistant", "content": "hi"}, False),
        (
            {
                "role": "assistant",
                "content": "",
                "tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}],
            },
            False,
        ),
        ({"role": "assistant", "content": ""}, True),
    ]
    last = lines[-1]
    assert (last["done_reason"], last["prompt_eval_count"], last["eval_count"]) == ("stop", 5, 7)


def test_t41_an_id_that_changes_at_one_index_is_a_new_call() -> None:
    lines = streamed(
        CHAT,
        chunk(call("call_1", "f", "{}")) + chunk(call("call_2", "f", '{"a":2}')) + chunk({}, "tool_calls"),
    )
    calls = [one["function"] for line in lines for one in line["message"].get("tool_calls", ())]
    assert calls == [{"name": "f", "arguments": {}}, {"name": "f", "arguments": {"a": 2}}]


@pytest.mark.parametrize("finish", ["stop", "length"])
def test_t59_an_ollama_client_sees_one_end(finish: str) -> None:
    raw = chunk({"content": "hi"}) + chunk({}, finish) + chunk({}, finish) + b"data: [DONE]\n\n"
    lines = streamed(CHAT, raw + raw)
    assert [line["done"] for line in lines] == [False, True]
    assert lines[-1]["done_reason"] == finish


def test_t59_without_a_stream_there_is_one_object() -> None:
    message = {"role": "assistant", "content": None, **call("c", "f", '{"a":1}')}
    body = msgspec.json.encode({"id": "x", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})
    response = CHAT.decode_response(body)
    assert isinstance(response, GenerateResponse)
    told = order_ollama.answer(OLLAMA.encode_response(response, CONTEXT).body)
    assert [(one.name, one.arguments) for one in told.calls] == [("f", '{"a":1}')]
    encoder = OLLAMA.stream_encoder(CONTEXT)
    whole = b"".join(encoder.send(event) for event in unfold(response))
    assert order_ollama.stream(whole).calls == told.calls


def test_t34_a_schema_is_the_format_and_the_format_is_a_schema() -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA, "strict": True}}
    assert asked(CHAT, OLLAMA, response_format=wanted)["format"] == SCHEMA
    assert (
        asked(ANTHROPIC, OLLAMA, output_config={"format": {"type": "json_schema", "schema": SCHEMA}})["format"]
        == SCHEMA
    )
    assert asked(OLLAMA, CHAT, format=SCHEMA)["response_format"]["json_schema"]["schema"] == SCHEMA
    assert asked(OLLAMA, CHAT, format="json")["response_format"] == {"type": "json_object"}
    assert asked(OLLAMA, ANTHROPIC, format=SCHEMA)["output_config"]["format"]["schema"] == SCHEMA


@pytest.mark.parametrize(
    ("think", "effort", "budget"),
    [(True, "medium", 10_240), (False, "none", None), ("low", "low", 1024), ("high", "high", None)],
)
def test_think_is_said_in_the_words_of_others(think: Any, effort: str, budget: int | None) -> None:
    assert asked(OLLAMA, CHAT, think=think)["reasoning_effort"] == effort
    thinking = asked(OLLAMA, ANTHROPIC, think=think, options={"num_predict": 2000}).get("thinking")
    if budget is not None:
        assert thinking == {"type": "enabled", "budget_tokens": budget}
    else:
        assert (thinking is None) == (effort == "none")


def test_an_image_of_an_ollama_client_reaches_everybody() -> None:
    messages = [{"role": "user", "content": "see", "images": [PNG]}]
    chat = asked(OLLAMA, CHAT, messages=messages)["messages"]
    assert chat[0]["content"] == [
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
        {"type": "text", "text": "see"},
    ]
    claude = asked(OLLAMA, ANTHROPIC, messages=messages)["messages"]
    assert claude[0]["content"][0]["source"] == {"type": "base64", "media_type": "image/png", "data": PNG}


def test_a_tool_round_of_an_ollama_client_gets_ids_that_match() -> None:
    function = {"name": "f", "arguments": {"a": 1}}
    messages = [
        {"role": "user", "content": "go"},
        {"role": "assistant", "tool_calls": [{"function": function}, {"function": {**function, "name": "g"}}]},
        {"role": "tool", "tool_name": "g", "content": "of g"},
        {"role": "tool", "tool_name": "f", "content": "of f"},
    ]
    chat = asked(OLLAMA, CHAT, messages=messages)["messages"]
    assert [one["id"] for one in chat[1]["tool_calls"]] == ["call_0", "call_1"]
    assert [(one["tool_call_id"], one["content"]) for one in chat[2:]] == [("call_1", "of g"), ("call_0", "of f")]
    claude = asked(OLLAMA, ANTHROPIC, messages=messages)
    check_request(claude)
    assert [one["tool_use_id"] for one in claude["messages"][2]["content"]] == ["call_0", "call_1"]
