"""Requests of other dialects for a Responses provider, and of Codex for other providers."""

from typing import Any

import msgspec
import pytest

from omniroute.dialects.anthropic.dialect import Anthropic
from omniroute.dialects.base import Loss
from omniroute.dialects.openai_chat.dialect import OpenAIChat
from omniroute.dialects.openai_responses.dialect import OpenAIResponses
from omniroute.errors import InvalidRequest
from omniroute.ir.parts import Reasoning, Text, ToolCall
from omniroute.ir.request import GenerateRequest, Turn
from omniroute.ir.target import ModelFacts, Target
from tests.unit.dialects.anthropic.rules import check_request
from tests.unit.dialects.openai_responses import codex

ANTHROPIC, CHAT, RESPONSES = Anthropic(), OpenAIChat(), OpenAIResponses()
Json = dict[str, Any]
Losses = tuple[Loss, ...]


def from_chat(
    *messages: Json, facts: ModelFacts | None = None, model: str = "m", **fields: Any
) -> tuple[Json, Losses]:
    body = {"model": "m", "messages": list(messages or ({"role": "user", "content": "hi"},)), **fields}
    return fitted(CHAT.decode_request(body), facts, model)


def from_claude(*messages: Json, **fields: Any) -> tuple[Json, Losses]:
    body = {"model": "m", "max_tokens": 100, "messages": list(messages), **fields}
    return fitted(ANTHROPIC.decode_request(body))


def fitted(request: GenerateRequest, facts: ModelFacts | None = None, model: str = "m") -> tuple[Json, Losses]:
    target = Target(provider="p", model=model, dialect="openai_responses", facts=facts or ModelFacts())
    encoded = RESPONSES.encode_request(request, target)
    return msgspec.json.decode(encoded.body), encoded.losses


def lost(losses: Losses) -> set[str]:
    return {loss.what for loss in losses} - {"store: false"}


def test_two_system_messages_become_one_text_of_instructions() -> None:  # T16
    body, _ = from_chat(
        {"role": "system", "content": "a"},
        {"role": "system", "content": [{"type": "text", "text": "b"}]},
        {"role": "user", "content": "hi"},
    )
    assert body["instructions"] == "a\n\nb"
    assert [item["role"] for item in body["input"]] == ["user"]


def test_a_developer_message_and_a_late_system_message_stay_in_the_input() -> None:
    body, _ = from_chat(
        {"role": "developer", "content": "d"},
        {"role": "user", "content": "hi"},
        {"role": "system", "content": "late"},
    )
    assert "instructions" not in body
    assert [item["role"] for item in body["input"]] == ["developer", "user", "system"]


def test_a_system_prompt_alone_becomes_the_input() -> None:
    body, _ = from_chat({"role": "system", "content": "only"})
    assert "instructions" not in body
    assert body["input"][0]["content"] == [{"type": "input_text", "text": "only"}]


def test_parallel_calls_and_their_results_become_items_in_order() -> None:
    body, losses = from_chat(
        {"role": "user", "content": "hi"},
        {
            "role": "assistant",
            "content": "I look.",
            "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}},
                {"id": "b", "type": "function", "function": {"name": "g", "arguments": ""}},
            ],
        },
        {"role": "tool", "tool_call_id": "a", "content": "1"},
        {"role": "tool", "tool_call_id": "b", "content": "2"},
    )
    assert body["input"][1:] == [
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I look."}]},
        {"type": "function_call", "call_id": "a", "name": "f", "arguments": '{"x": 1}'},
        {"type": "function_call", "call_id": "b", "name": "g", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "a", "output": "1"},
        {"type": "function_call_output", "call_id": "b", "output": "2"},
    ]
    assert lost(losses) == set()


def test_a_long_id_is_cut_alike_on_the_call_and_its_result() -> None:
    call_id = "toolu_" + "x" * 80
    body, losses = from_claude(
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": call_id, "name": "f", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call_id, "content": "1"}]},
    )
    call, result = body["input"][1:]
    assert call["call_id"] == result["call_id"]
    assert len(call["call_id"]) <= 64
    assert "tool call id" in lost(losses)


def test_calls_without_results_get_one_and_results_without_calls_go() -> None:  # T7, T8
    body, losses = from_chat(
        {"role": "user", "content": "hi"},
        {
            "role": "assistant",
            "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": "z", "content": "orphan"},
        {"role": "user", "content": "go on"},
    )
    assert [item["type"] for item in body["input"]] == [
        *("message", "function_call", "function_call_output", "message"),
    ]
    assert body["input"][2]["output"] == "[No response received]"
    assert lost(losses) == {"missing tool result", "result without a call"}


def test_images_in_tool_results_stay_in_them() -> None:
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}
    body, losses = from_claude(
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {}}]},
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "t",
                    "is_error": True,
                    "content": [{"type": "text", "text": "see"}, image],
                },
                {"type": "text", "text": "so?"},
            ],
        },
    )
    assert body["input"][2:] == [
        {
            "type": "function_call_output",
            "call_id": "t",
            "output": [
                {"type": "input_text", "text": "see"},
                {"type": "input_image", "image_url": "data:image/png;base64,AAAA"},
            ],
        },
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "so?"}]},
    ]
    assert lost(losses) == {"error flag"}


def test_documents_and_audio_find_their_place() -> None:
    pdf = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "AAAA"}}
    url = {"type": "document", "source": {"type": "url", "url": "https://e.com/a.pdf"}}
    body, losses = from_claude({"role": "user", "content": [pdf, url]})
    assert body["input"][0]["content"] == [
        {"type": "input_file", "file_data": "data:application/pdf;base64,AAAA", "filename": "document.pdf"},
        {"type": "input_file", "file_url": "https://e.com/a.pdf"},
    ]
    sound = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}
    heard, _ = from_chat({"role": "user", "content": [sound]})
    assert heard["input"][0]["content"] == [sound]
    assert lost(losses) == set()


def test_thinking_and_seals_of_another_vendor_are_left_out() -> None:
    body, losses = from_claude(
        {"role": "user", "content": "hi"},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "hm", "signature": "sig"},
                {"type": "text", "text": "yes", "cache_control": {"type": "ephemeral"}},
            ],
        },
    )
    assert b"sig" not in msgspec.json.encode(body)
    assert [item["type"] for item in body["input"]] == ["message", "message"]
    assert lost(losses) == {"reasoning", "cache mark"}
    assert {loss.weight for loss in losses if loss.what == "cache mark"} == {"cost"}


def test_a_seal_of_this_api_goes_back_with_a_foreign_request() -> None:
    own = Reasoning(text="hm", seal="gAAA", origin="openai_responses")
    call = ToolCall(call_id="c", name="f", arguments="{}")
    request = GenerateRequest(
        model="m",
        turns=(Turn(role="user", parts=(Text(text="hi"),)), Turn(role="assistant", parts=(own, call))),
        dialect="openai_chat",
    )
    body, losses = fitted(request)
    assert body["input"][1] == {
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": "hm"}],
        "encrypted_content": "gAAA",
    }
    assert "reasoning" not in lost(losses)


def test_an_answer_is_stored_only_for_who_asks_for_it() -> None:  # T33
    body, losses = from_chat()
    assert body["store"] is False
    assert [(loss.how, loss.what) for loss in losses] == [("added", "store: false")]
    asked = RESPONSES.decode_request({"model": "m", "input": "hi", "store": True})
    assert fitted(asked)[0]["store"] is True
    assert "store" not in fitted(RESPONSES.decode_request({"model": "m", "input": "hi"}))[0]


def test_a_reasoning_model_is_asked_for_its_seals() -> None:
    body, losses = from_chat(facts=ModelFacts(reasoning=True))
    assert body["include"] == ["reasoning.encrypted_content"]
    assert "request for sealed reasoning" in lost(losses)
    assert "include" not in from_chat(facts=ModelFacts(reasoning=False))[0]


def test_the_newer_name_of_the_limit_wins() -> None:  # T22
    assert from_chat(max_tokens=100, max_completion_tokens=200)[0]["max_output_tokens"] == 200


def test_a_limit_below_the_least_is_lifted_to_it() -> None:
    body, losses = from_chat(max_tokens=1)
    assert body["max_output_tokens"] == 16
    assert "output limit below the least possible" in lost(losses)


def test_settings_that_this_api_has_not_are_named() -> None:
    body, losses = from_chat(
        stop=["a", "b"],
        seed=1,
        presence_penalty=1,
        frequency_penalty=0,
        logit_bias={"1": 2},
        top_k=3,
        n=2,
        logprobs=True,
        top_logprobs=2,
    )
    assert lost(losses) == {
        *("stop sequence", "seed", "presence_penalty", "logit_bias", "top_k", "number of answers"),
    }
    assert {loss.weight for loss in losses if loss.what == "stop sequence"} == {"meaning"}
    assert body["include"] == ["message.output_text.logprobs"]
    assert body["top_logprobs"] == 2
    assert not {"stop", "seed", "n", "top_k"} & body.keys()


@pytest.mark.parametrize("model", ["o3", "gpt-5-mini", "vendor/gpt-5.1"])
def test_reasoning_models_take_no_temperature(model: str) -> None:
    body, losses = from_chat(model=model, temperature=0.2, top_p=0.9)
    assert not {"temperature", "top_p"} & body.keys()
    assert lost(losses) == {"temperature", "top_p"}
    assert from_chat(model="gpt-5-chat-latest", temperature=0.2)[0]["temperature"] == 0.2


def test_what_both_dialects_of_openai_know_goes_on() -> None:
    body, losses = from_chat(
        service_tier="flex",
        prompt_cache_key="k",
        verbosity="low",
        user="u",
        metadata={"a": "b", "n": 1},
        reasoning_effort="max",
        response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}},
        prompt_cache_retention="24h",
    )
    assert (body["service_tier"], body["prompt_cache_key"], body["user"]) == ("flex", "k", "u")
    assert body["metadata"] == {"a": "b"}
    assert body["reasoning"] == {"effort": "xhigh"}
    assert body["text"] == {
        "format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}},
        "verbosity": "low",
    }
    assert lost(losses) == {"n", "thinking effort", "prompt_cache_retention"}


@pytest.mark.parametrize(
    ("budget", "effort"), [(1024, "low"), (10240, "medium"), (50000, "high"), (131072, "xhigh")]
)
def test_a_thinking_budget_becomes_an_effort(budget: int, effort: str) -> None:  # T25
    body, losses = from_claude(
        {"role": "user", "content": "hi"}, thinking={"type": "enabled", "budget_tokens": budget}
    )
    assert body["reasoning"] == {"effort": effort}
    assert "thinking budget" in lost(losses)


@pytest.mark.parametrize(
    ("choice", "wire"),
    [
        ({"type": "function", "function": {"name": "f"}}, {"type": "function", "name": "f"}),
        ("required", "required"),
        ("auto", "auto"),
        ("none", "none"),
    ],
)
def test_a_tool_choice_is_written_in_this_apis_way(choice: Any, wire: Any) -> None:  # T2
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}, "description": None}}
    body, _ = from_chat(tools=[tool], tool_choice=choice, parallel_tool_calls=False)
    assert (body["tool_choice"], body["parallel_tool_calls"]) == (wire, False)
    assert body["tools"] == [
        {
            "type": "function",
            "name": "f",
            "description": "",
            "parameters": {"type": "object", "properties": {}},
            "strict": False,
        }
    ]


def test_the_web_search_of_another_vendor_becomes_this_ones() -> None:
    body, losses = from_claude(
        {"role": "user", "content": "hi"}, tools=[{"type": "web_search_20250305", "name": "web_search"}]
    )
    assert body["tools"] == [{"type": "web_search"}]
    assert "hosted tool" in lost(losses)


def test_more_tools_than_the_api_takes_are_refused() -> None:
    tools = [{"type": "function", "function": {"name": f"f{n}"}} for n in range(129)]
    with pytest.raises(InvalidRequest, match="129 tools"):
        from_chat(tools=tools)


# Codex at other providers


def to_chat(body: Json) -> tuple[Json, Losses]:
    target = Target(provider="p", model="m", dialect="openai_chat")
    encoded = CHAT.encode_request(RESPONSES.decode_request(body), target)
    return msgspec.json.decode(encoded.body), encoded.losses


def to_claude(body: Json) -> tuple[Json, Losses]:
    target = Target(provider="p", model="claude-sonnet-4-5", dialect="anthropic")
    encoded = ANTHROPIC.encode_request(RESPONSES.decode_request(body), target)
    wire = msgspec.json.decode(encoded.body)
    check_request(wire)
    return wire, encoded.losses


def test_codex_works_with_a_chat_provider() -> None:
    body, losses = to_chat(codex.body())
    assert [message["role"] for message in body["messages"]] == [
        *("system", "developer", "user", "user", "assistant", "tool", "tool", "user", "assistant", "tool", "user"),
    ]
    calls = body["messages"][4]["tool_calls"]
    assert [call["function"]["name"] for call in calls] == ["shell", "multi_agent_v1__spawn_agent"]
    assert body["messages"][4]["content"] == "I look first."
    patch = body["messages"][8]["tool_calls"][0]["function"]
    assert (patch["name"], msgspec.json.decode(patch["arguments"])) == ("apply_patch", {"input": codex.PATCH})
    assert body["messages"][9]["tool_call_id"] == "call_patch"
    names = [tool["function"]["name"] for tool in body["tools"]]
    assert names == ["shell", "multi_agent_v1__spawn_agent", "multi_agent_v1__wait", "apply_patch"]
    assert body["tools"][3]["function"]["parameters"]["required"] == ["input"]
    assert b"sealed" not in msgspec.json.encode(body)
    assert {loss.path for loss in losses if loss.weight == "meaning"} == {"tools[4]"}


def test_codex_works_with_a_claude_provider() -> None:
    body, losses = to_claude(codex.body())
    assert [message["role"] for message in body["messages"]] == [
        *("user", "assistant", "user", "assistant", "user"),
    ]
    results = [block["tool_use_id"] for block in body["messages"][2]["content"] if block["type"] == "tool_result"]
    assert results == ["call_shell", "call_agent"]
    assert body["system"][0]["text"].startswith("You are a coding agent")
    assert {loss.path for loss in losses if loss.weight == "meaning"} >= {"tools[4]", "turns[9].parts[0]"}


def test_a_hosted_tool_that_is_forced_is_a_loss_of_meaning_elsewhere() -> None:  # T4
    body = {"model": "m", "input": "hi", "tools": [{"type": "web_search"}], "tool_choice": {"type": "web_search"}}
    _, losses = to_chat(body)
    assert {loss.what for loss in losses if loss.weight == "meaning"} == {"hosted tool", "forced tool"}


def test_a_named_function_is_forced_in_chats_way() -> None:  # T4
    tool = {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}, "strict": False}
    body, _ = to_chat(
        {"model": "m", "input": "hi", "tools": [tool], "tool_choice": {"type": "function", "name": "f"}}
    )
    assert body["tool_choice"] == {"type": "function", "function": {"name": "f"}}


def test_images_and_files_go_between_openais_dialects_and_back() -> None:  # T20
    content = [
        {"type": "input_text", "text": "see"},
        {"type": "input_image", "image_url": "https://e.com/a.png", "detail": "low"},
        {"type": "input_image", "image_url": "https://e.com/b.png"},
        {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"},
    ]
    body, losses = to_chat({"model": "m", "input": [{"type": "message", "role": "user", "content": content}]})
    assert body["messages"][0]["content"][1:] == [
        {"type": "image_url", "image_url": {"url": "https://e.com/a.png", "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "https://e.com/b.png"}},
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,AAAA", "filename": "a.pdf"}},
    ]
    assert losses == ()
    back, _ = fitted(CHAT.decode_request(body))
    assert back["input"][0]["content"] == content
