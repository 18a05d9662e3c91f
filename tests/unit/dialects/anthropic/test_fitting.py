"""Requests of other dialects on their way to the Messages API: every rule kept, every change named."""

from typing import Any

import msgspec
import pytest

from omniroute.dialects.anthropic.request import encode_request
from omniroute.dialects.base import Loss
from omniroute.ir.json import RawJson
from omniroute.ir.parts import AnyPart, CacheMark, Media, Reasoning, Text, ToolCall, ToolResult, Unknown
from omniroute.ir.request import (
    GenerateRequest,
    OutputFormat,
    Role,
    Sampling,
    Thinking,
    Tool,
    ToolChoice,
    Turn,
)
from omniroute.ir.target import ModelFacts, Target
from tests.unit.dialects.anthropic.rules import check_request

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
TOOLS = (Tool(name="f", schema=SCHEMA, description="d"), Tool(name="g", schema=SCHEMA))
CAPPED = ModelFacts(max_output_tokens=128_000)


def turn(role: Role, *parts: AnyPart | str, **rest: Any) -> Turn:
    return Turn(
        role=role, parts=tuple(Text(text=part) if isinstance(part, str) else part for part in parts), **rest
    )


def call(call_id: str, name: str = "f", arguments: str = "{}") -> ToolCall:
    return ToolCall(call_id=call_id, name=name, arguments=RawJson(arguments))


def result(call_id: str, text: str = "done") -> ToolResult:
    return ToolResult(call_id=call_id, content=(Text(text=text),))


def fitted(
    *turns: Turn, facts: ModelFacts = CAPPED, model: str = "claude-sonnet-4-5", **rest: Any
) -> tuple[dict[str, Any], tuple[Loss, ...]]:
    rest.setdefault("sampling", Sampling(max_output_tokens=100))
    request = GenerateRequest(model="m", turns=turns or (turn("user", "hi"),), dialect="openai_chat", **rest)
    encoded = encode_request(request, Target(provider="p", model=model, dialect="anthropic", facts=facts))
    body = msgspec.json.decode(encoded.body)
    check_request(body)
    return body, encoded.losses


def text(words: str) -> dict[str, str]:
    return {"type": "text", "text": words}


# Turns


def test_instructions_stand_in_front_and_a_late_one_is_moved() -> None:
    body, losses = fitted(
        turn("system", "one"), turn("developer", "two"), turn("user", "hi"), turn("system", "three")
    )
    assert body["system"] == [text("one"), text("two"), text("three")]
    assert losses == (Loss(path="turns[3]", what="system turn", how="moved", weight="quality"),)


def test_neighbours_of_one_side_are_merged() -> None:
    body, losses = fitted(turn("user", "a"), turn("user", "b"), turn("assistant", "c"), turn("assistant", "d"))
    assert body["messages"] == [
        {"role": "user", "content": [text("a"), text("b")]},
        {"role": "assistant", "content": [text("c"), text("d")]},
    ]
    assert losses == ()


def test_results_of_two_tool_messages_share_one_user_message_before_any_text() -> None:
    body, losses = fitted(
        turn("user", "go"),
        turn("assistant", call("c1"), call("c2")),
        turn("tool", result("c1", "one")),
        turn("tool", result("c2", "two")),
        turn("user", "thanks"),
    )
    assert [block["type"] for block in body["messages"][2]["content"]] == ["tool_result", "tool_result", "text"]
    assert losses == ()


def test_an_unanswered_call_gets_a_stand_in_and_a_loss() -> None:
    body, losses = fitted(
        turn("user", "go"), turn("assistant", call("c1"), call("c2")), turn("tool", result("c2"))
    )
    assert [block["tool_use_id"] for block in body["messages"][2]["content"]] == ["c1", "c2"]
    assert body["messages"][2]["content"][0]["content"] == "[No response received]"
    assert losses == (Loss(path="turns", what="result of tool call c1", how="added", weight="meaning"),)


def test_a_result_without_a_call_is_removed() -> None:
    body, losses = fitted(turn("user", "go"), turn("tool", result("nobody")))
    assert body["messages"] == [{"role": "user", "content": [text("go")]}]
    assert losses == (
        Loss(path="turns[1].parts[0]", what="tool result without a call", how="dropped", weight="meaning"),
    )


def test_ids_are_made_acceptable_on_the_call_and_on_its_result() -> None:
    body, _ = fitted(turn("user", "go"), turn("assistant", call("call:1/x")), turn("tool", result("call:1/x")))
    assert body["messages"][1]["content"][0]["id"] == "call_1_x"
    assert body["messages"][2]["content"][0]["tool_use_id"] == "call_1_x"


def test_an_id_used_in_two_rounds_is_told_apart() -> None:
    body, _ = fitted(
        turn("user", "go"),
        turn("assistant", call("call_0")),
        turn("tool", result("call_0", "first")),
        turn("assistant", call("call_0")),
        turn("tool", result("call_0", "second")),
    )
    results = [message["content"][0] for message in body["messages"][2::2]]
    assert [(one["tool_use_id"], one["content"][0]["text"]) for one in results] == [
        ("call_0", "first"),
        ("call_0_2", "second"),
    ]


def test_a_call_without_a_name_goes_with_its_result() -> None:
    body, losses = fitted(
        turn("user", "go"), turn("assistant", "hm", call("c1", name="")), turn("tool", result("c1"))
    )
    assert body["messages"][1]["content"] == [text("hm")]
    assert len(body["messages"]) == 2
    assert [loss.path for loss in losses] == ["turns[1].parts[1]", "turns[2].parts[0]"]


def test_text_after_a_tool_call_is_moved_before_it() -> None:
    body, losses = fitted(turn("user", "go"), turn("assistant", call("c1"), "so"), turn("tool", result("c1")))
    assert [block["type"] for block in body["messages"][1]["content"]] == ["text", "tool_use"]
    assert losses == (
        Loss(path="turns[1].parts[1]", what="content after a tool call", how="moved", weight="quality"),
    )


def test_blank_texts_are_removed_also_from_results() -> None:
    body, losses = fitted(
        turn("user", "", "go"), turn("assistant", "", call("c1")), turn("tool", result("c1", ""))
    )
    assert body["messages"][0]["content"] == [text("go")]
    assert body["messages"][2]["content"] == [{"type": "tool_result", "tool_use_id": "c1"}]
    assert losses == ()


def test_a_conversation_that_starts_with_the_assistant_gets_a_user_turn() -> None:
    body, losses = fitted(turn("assistant", "hello"))
    assert body["messages"][0] == {"role": "user", "content": [text(".")]}
    assert losses == (Loss(path="turns", what="first user turn", how="added", weight="quality"),)


def test_a_conversation_of_instructions_only_gets_a_user_turn() -> None:
    body, _ = fitted(turn("system", "be brief"))
    assert body["messages"] == [{"role": "user", "content": [text(".")]}]


def test_invalid_arguments_are_kept_as_text() -> None:
    body, losses = fitted(
        turn("user", "go"), turn("assistant", call("c1", arguments='{"a": ')), turn("tool", result("c1"))
    )
    assert body["messages"][1]["content"][0]["input"] == {"_raw_arguments": '{"a": '}
    assert [loss.path for loss in losses] == ["turns[1].parts[0].arguments"]


def test_a_speakers_name_is_a_loss_and_an_empty_one_is_nothing() -> None:
    _, losses = fitted(turn("user", "a", name=""), turn("user", "b", name="bob"))
    assert [loss.path for loss in losses] == ["turns[1].name"]


def test_cache_marks_stay_where_the_caller_put_them() -> None:
    mark = CacheMark(ttl="1h")
    body, _ = fitted(turn("user", Text(text="a", cache=mark)), turn("assistant", "b", "c", cache=CacheMark()))
    assert body["messages"][0]["content"][0]["cache_control"] == {"type": "ephemeral", "ttl": "1h"}
    assert body["messages"][1]["content"] == [text("b"), {**text("c"), "cache_control": {"type": "ephemeral"}}]


def test_a_mark_on_a_tool_message_stands_on_its_result() -> None:
    body, losses = fitted(
        turn("user", "go"),
        turn("assistant", call("c1")),
        turn("tool", result("c1"), cache=CacheMark()),
        turn("user", cache=CacheMark()),
    )
    assert body["messages"][2]["content"][0]["cache_control"] == {"type": "ephemeral"}
    assert [loss.path for loss in losses] == ["turns[3].cache"]


def test_nothing_is_marked_that_the_caller_did_not_mark() -> None:
    body, _ = fitted(turn("system", "s"), turn("user", "u"), tools=TOOLS)
    assert b"cache_control" not in msgspec.json.encode(body)


# Parts


def test_images_and_documents_are_carried() -> None:
    body, losses = fitted(
        turn(
            "user",
            Media(mime="image/jpg", data="aGk="),
            Media(mime="image/*", url="https://x/a.png", detail="auto"),
            Media(mime="application/pdf", data="aGk=", name="a.pdf"),
            Media(mime="text/csv", data="YSxi", name="a.csv"),
        )
    )
    assert body["messages"][0]["content"] == [
        {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": "aGk="}},
        {"type": "image", "source": {"type": "url", "url": "https://x/a.png"}},
        {
            "type": "document",
            "source": {"type": "base64", "media_type": "application/pdf", "data": "aGk="},
            "title": "a.pdf",
        },
        {
            "type": "document",
            "source": {"type": "text", "media_type": "text/plain", "data": "a,b"},
            "title": "a.csv",
        },
    ]
    assert losses == ()


@pytest.mark.parametrize(
    ("part", "weight"),
    [
        (Media(mime="audio/wav", data="aGk="), "meaning"),
        (Media(mime="application/pdf", file_id="file-abc"), "meaning"),
        (Unknown(data={"type": "hologram"}, origin="gemini"), "meaning"),
        (Reasoning(text="hm", seal="s", origin="gemini"), "quality"),
        (Reasoning(text="hm"), "quality"),
    ],
)
def test_what_the_api_cannot_carry_is_a_loss(part: AnyPart, weight: str) -> None:
    role: Role = "assistant" if isinstance(part, Reasoning) else "user"
    body, losses = fitted(turn("user", "hi"), turn(role, "see", part))
    assert [block["type"] for message in body["messages"] for block in message["content"]] == ["text", "text"]
    assert [(loss.path, loss.how, loss.weight) for loss in losses] == [("turns[1].parts[1]", "dropped", weight)]


def test_thinking_with_a_seal_of_this_api_is_replayed() -> None:
    sealed = Reasoning(text="hm", seal="sig", origin="anthropic")
    body, losses = fitted(turn("user", "go"), turn("assistant", sealed, call("c1")), turn("tool", result("c1")))
    assert body["messages"][1]["content"][0] == {"type": "thinking", "thinking": "hm", "signature": "sig"}
    assert losses == ()


# Tools


def test_a_tool_is_declared_with_an_object_schema_and_a_description() -> None:
    body, losses = fitted(tools=(Tool(name="f", schema={"type": "object"}), Tool(name="g")))
    schema = {"type": "object", "properties": {}}
    assert body["tools"] == [
        {"name": "f", "description": "", "input_schema": schema},
        {"name": "g", "description": "", "input_schema": schema},
    ]
    assert losses == ()


@pytest.mark.parametrize(
    ("choice", "wire"),
    [
        (ToolChoice(mode="auto"), {"type": "auto"}),
        (ToolChoice(mode="none", parallel=False), {"type": "none"}),
        (ToolChoice(mode="required"), {"type": "any"}),
        (ToolChoice(mode="one", names=("f",)), {"type": "tool", "name": "f"}),
        (ToolChoice(parallel=False, explicit=False), {"type": "auto", "disable_parallel_tool_use": True}),
        (ToolChoice(mode="required", parallel=True), {"type": "any", "disable_parallel_tool_use": False}),
    ],
)
def test_a_tool_choice_is_said_in_the_words_of_this_api(choice: ToolChoice, wire: dict[str, Any]) -> None:
    body, losses = fitted(tools=TOOLS, tool_choice=choice)
    assert body["tool_choice"] == wire
    assert losses == ()


def test_a_choice_among_some_tools_offers_only_those() -> None:
    body, losses = fitted(tools=TOOLS, tool_choice=ToolChoice(mode="subset", names=("g",), required=True))
    assert [tool["name"] for tool in body["tools"]] == ["g"]
    assert body["tool_choice"] == {"type": "any"}
    assert [loss.path for loss in losses] == ["tools[0]"]


def test_without_tools_there_is_no_tool_choice_and_no_empty_list() -> None:
    body, losses = fitted(tool_choice=ToolChoice(mode="required"))
    assert "tools" not in body
    assert "tool_choice" not in body
    assert [loss.path for loss in losses] == ["tool_choice"]


def test_hosted_nameless_and_doubled_tools_are_losses() -> None:
    body, losses = fitted(
        tools=(TOOLS[0], TOOLS[0], Tool(name=" "), Tool(name="s", hosted={"type": "web_search"}))
    )
    assert len(body["tools"]) == 1
    assert [(loss.path, loss.weight) for loss in losses] == [(f"tools[{i}]", "meaning") for i in (1, 2, 3)]


# Limits, sampling and format


def test_a_missing_output_limit_is_filled_from_the_model_and_named() -> None:
    added = (Loss(path="sampling.max_output_tokens", what="output limit", how="added", weight="cost"),)
    body, losses = fitted(sampling=Sampling(), facts=ModelFacts(max_output_tokens=8192))
    assert (body["max_tokens"], losses) == (8192, added)
    body, losses = fitted(sampling=Sampling(), facts=ModelFacts())
    assert (body["max_tokens"], losses) == (64000, added)


def test_an_output_limit_above_the_models_own_is_cut() -> None:
    body, losses = fitted(sampling=Sampling(max_output_tokens=9000), facts=ModelFacts(max_output_tokens=8192))
    assert body["max_tokens"] == 8192
    assert [loss.how for loss in losses] == ["approximated"]


def test_temperature_is_clamped_and_wins_over_top_p() -> None:
    body, losses = fitted(sampling=Sampling(max_output_tokens=9, temperature=1.5, top_p=0.5, stop=("END", "\n")))
    assert (body["temperature"], "top_p" in body, body["stop_sequences"]) == (1, False, ["END"])
    assert {loss.path for loss in losses} == {"sampling.temperature", "sampling.top_p", "sampling.stop[1]"}


def test_parameters_without_a_word_here_are_losses() -> None:
    sampling = Sampling(
        max_output_tokens=9,
        n=2,
        seed=7,
        presence_penalty=1,
        frequency_penalty=0,
        logit_bias={"1": 2},
        logprobs=True,
    )
    _, losses = fitted(sampling=sampling, metadata={"team": "x"}, extra={"store": True, "verbosity": None})
    assert {loss.path for loss in losses} == {
        "sampling.n",
        "sampling.seed",
        "sampling.presence_penalty",
        "sampling.logit_bias",
        "sampling.logprobs",
        "metadata.team",
        "extra.store",
    }


def test_the_user_becomes_metadata_and_stream_options_are_never_sent() -> None:
    body, losses = fitted(user="u1", stream=True, include_usage=True)
    assert body["metadata"] == {"user_id": "u1"}
    assert body["stream"] is True
    assert "stream_options" not in body
    assert losses == ()


def test_a_schema_is_said_natively_where_the_model_can_and_as_instruction_elsewhere() -> None:
    output = OutputFormat(kind="json_schema", schema=SCHEMA)
    body, losses = fitted(output=output)
    assert body["output_config"] == {"format": {"type": "json_schema", "schema": SCHEMA}}
    assert losses == ()
    body, losses = fitted(output=output, facts=ModelFacts(structured_output=False))
    assert "output_config" not in body
    assert '"properties"' in body["system"][-1]["text"]
    assert losses == (
        Loss(path="output", what="output format as an instruction", how="approximated", weight="quality"),
    )


def test_json_mode_is_an_instruction() -> None:
    body, losses = fitted(turn("system", "s"), turn("user", "u"), output=OutputFormat(kind="json_object"))
    assert body["system"][0] == text("s")
    assert "JSON" in body["system"][1]["text"]
    assert [loss.path for loss in losses] == ["output"]


# Thinking


@pytest.mark.parametrize(
    ("effort", "asked", "limit", "budget"),
    [
        ("low", 32_000, 33_024, 1024),
        ("medium", 32_000, 42_240, 10_240),
        ("high", 32_000, 128_000, 96_000),
        ("max", 128_000, 128_000, 126_976),
        ("low", 128_000, 128_000, 1024),
        ("low", 10, 2048, 1024),
        ("high", None, 128_000, 96_000),
    ],
)
def test_effort_becomes_a_budget_that_fits(effort: str, asked: int | None, limit: int, budget: int) -> None:
    body, _ = fitted(thinking=Thinking(effort=effort), sampling=Sampling(max_output_tokens=asked))
    assert body["max_tokens"] == limit
    assert body["thinking"] == {"type": "enabled", "budget_tokens": budget}


def test_no_effort_is_no_thinking() -> None:
    body, losses = fitted(thinking=Thinking(effort="none"))
    assert "thinking" not in body
    assert losses == ()


def test_a_model_without_room_does_not_think() -> None:
    body, losses = fitted(thinking=Thinking(effort="high"), facts=ModelFacts(max_output_tokens=1500))
    assert "thinking" not in body
    assert [loss.path for loss in losses] == ["thinking"]


def test_models_that_decide_themselves_get_the_word() -> None:
    body, losses = fitted(thinking=Thinking(effort="xhigh"), model="anthropic/claude-opus-4-7")
    assert body["thinking"] == {"type": "adaptive"}
    assert body["output_config"] == {"effort": "xhigh"}
    assert body["max_tokens"] == 100
    assert losses == ()


@pytest.mark.parametrize(
    "case",
    [
        {"turns": (turn("user", "a"), turn("assistant", "b"))},
        {"turns": (turn("user", "a"),), "tools": TOOLS, "tool_choice": ToolChoice(mode="required")},
        {"turns": (turn("user", "a"), turn("assistant", call("c1")), turn("tool", result("c1")))},
        {"turns": (turn("user", "a"),), "facts": ModelFacts(reasoning=False)},
    ],
    ids=["prefill", "forced tool", "tool round without thinking", "model without thinking"],
)
def test_thinking_that_the_api_would_refuse_is_dropped_and_named(case: dict[str, Any]) -> None:
    turns = case.pop("turns")
    body, losses = fitted(*turns, thinking=Thinking(effort="high"), **case)
    assert "thinking" not in body
    assert [(loss.path, loss.how) for loss in losses] == [("thinking", "dropped")]


def test_thinking_takes_the_sampling_parameters_away() -> None:
    body, losses = fitted(
        thinking=Thinking(effort="low"), sampling=Sampling(max_output_tokens=9000, temperature=0.2, top_k=4)
    )
    assert not {"temperature", "top_k"} & set(body)
    assert {"sampling.temperature", "sampling.top_k"} <= {loss.path for loss in losses}
