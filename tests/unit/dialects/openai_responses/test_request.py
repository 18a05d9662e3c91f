"""Requests of the Responses API: read without loss, written back exactly, refused by field."""

from typing import Any

import msgspec
import pytest

from omniroute.dialects.openai_responses.request import decode_request, encode_request
from omniroute.errors import InvalidRequest
from omniroute.ir.json import RawJson
from omniroute.ir.parts import Media, Reasoning, Refusal, Text, ToolCall, ToolResult, Unknown
from omniroute.ir.request import OutputFormat, Sampling, Thinking, Tool, ToolChoice, Turn
from omniroute.ir.target import Target
from tests.unit.dialects.openai_responses import codex

NAME = "openai_responses"


def sent(body: dict[str, Any]) -> dict[str, Any]:
    encoded = encode_request(decode_request(body), Target(provider="p", model=body["model"], dialect=NAME))
    assert encoded.losses == ()
    return msgspec.json.decode(encoded.body)


def asked(*items: Any, **fields: Any) -> dict[str, Any]:
    return {"model": "m", "input": list(items), **fields}


def turns(*items: Any) -> tuple[Turn, ...]:
    return decode_request(asked(*items)).turns


@pytest.mark.parametrize("stream", [True, False, None])
def test_a_request_of_the_codex_cli_comes_out_as_it_went_in(stream: bool | None) -> None:
    body = codex.body(stream=stream)
    assert msgspec.json.encode(sent(body), order="deterministic") == msgspec.json.encode(
        body, order="deterministic"
    )


def test_a_request_of_the_codex_cli_is_understood() -> None:
    request = decode_request(codex.body())
    assert [turn.role for turn in request.turns] == [
        *("system", "developer", "user", "user", "assistant", "tool", "tool", "assistant", "tool"),
        *("assistant", "user"),
    ]
    assert [tool.name for tool in request.tools] == [
        *("shell", "multi_agent_v1__spawn_agent", "multi_agent_v1__wait", "apply_patch", "web_search"),
    ]
    assert request.tool_choice == ToolChoice(mode="auto", parallel=False)
    assert request.thinking == Thinking(effort="medium", summary="auto")
    assert request.stream is True
    assert request.extra == {
        "store": False,
        "include": ["reasoning.encrypted_content"],
        "prompt_cache_key": "0199a213-81c0-7800-8aa1-bbab2a035a53",
        "text": {"verbosity": "low"},
        "client_metadata": {"x-codex-installation-id": "7e6f"},
    }
    thought, text, shell, agent = request.turns[4].parts
    assert isinstance(thought, Reasoning)
    assert (thought.summary, thought.seal, thought.origin) == (("**Looking**", "more"), "gAAAAABsealed", NAME)
    assert isinstance(text, Text)
    assert text.text == "I look first."
    assert isinstance(shell, ToolCall)
    assert (shell.call_id, shell.name, shell.arguments) == ("call_shell", "shell", '{"command":["cat","a.py"]}')
    assert isinstance(agent, ToolCall)
    assert agent.name == "multi_agent_v1__spawn_agent"
    (patch,) = request.turns[7].parts
    assert isinstance(patch, ToolCall)
    assert msgspec.json.decode(patch.arguments) == {"input": codex.PATCH}
    assert isinstance(request.turns[9].parts[0], Unknown)


def test_only_the_model_name_changes_for_another_model() -> None:
    body = codex.body()
    encoded = encode_request(decode_request(body), Target(provider="p", model="other", dialect=NAME))
    assert msgspec.json.decode(encoded.body) == {**body, "model": "other"}


@pytest.mark.parametrize(
    "said",
    [
        "hi",
        {"role": "user", "content": "hi"},
        [{"role": "user", "content": "hi"}],
        [{"type": "message", "role": "user", "content": "hi"}],
        [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}],
    ],
)
def test_input_as_a_string_an_object_or_a_list_says_the_same(said: Any) -> None:  # T19
    (turn,) = decode_request({"model": "m", "input": said}).turns
    assert turn.role == "user"
    (part,) = turn.parts
    assert isinstance(part, Text)
    assert part.text == "hi"


def test_a_string_stays_a_string_and_an_object_becomes_a_list_of_one() -> None:
    assert sent({"model": "m", "input": "hi"})["input"] == "hi"
    item = {"role": "user", "content": "hi"}
    assert sent({"model": "m", "input": item})["input"] == [item]


def test_items_that_the_model_made_are_one_turn() -> None:
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    found = turns(
        {"type": "reasoning", "id": "rs_1", "summary": []},
        {
            "role": "assistant",
            "content": [{"type": "output_text", "text": "a"}, {"type": "refusal", "refusal": "b"}],
        },
        call,
        {**call, "call_id": "d"},
        {"type": "function_call_output", "call_id": "c", "output": "1"},
    )
    assert [turn.role for turn in found] == ["assistant", "tool"]
    assert [type(part) for part in found[0].parts] == [Reasoning, Text, Refusal, ToolCall, ToolCall]


def test_an_image_keeps_its_detail_and_gets_none_without_one() -> None:  # T20
    (turn,) = turns(
        {
            "role": "user",
            "content": [
                {"type": "input_image", "image_url": "https://e.com/a.png", "detail": "low"},
                {"type": "input_image", "image_url": "data:image/png;base64,AAAA"},
                {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"},
                {"type": "input_file", "file_url": "https://e.com/a.pdf"},
                {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}},
            ],
        }
    )
    assert turn.parts == (
        Media(mime="image/*", url="https://e.com/a.png", detail="low", origin=NAME),
        Media(mime="image/png", data="AAAA", origin=NAME),
        Media(mime="application/pdf", data="AAAA", name="a.pdf", origin=NAME),
        Media(mime="application/octet-stream", url="https://e.com/a.pdf", origin=NAME),
        Media(mime="audio/mpeg", data="AAAA", origin=NAME),
    )


def test_a_web_search_tool_needs_no_name() -> None:  # T11
    body = asked({"role": "user", "content": "hi"}, tools=[{"type": "web_search"}])
    assert decode_request(body).tools == (Tool(name="web_search", hosted={"type": "web_search"}, origin=NAME),)
    assert sent(body)["tools"] == [{"type": "web_search"}]


def test_a_call_without_a_name_is_dropped_with_its_result() -> None:  # T10
    found = turns(
        {"type": "function_call", "call_id": "c", "name": "", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "1"},
        {"role": "user", "content": "hi"},
    )
    assert [turn.role for turn in found] == ["user"]


def test_a_namespace_declared_twice_comes_back_as_two() -> None:
    tool = {"type": "function", "name": "f", "parameters": None, "strict": None}
    namespace = {"type": "namespace", "name": "ns", "description": "d", "tools": [tool]}
    body = asked(tools=[namespace, namespace, tool, {"type": "namespace", "name": "ns", "tools": []}])
    assert sent(body)["tools"] == body["tools"]


def test_a_long_name_in_a_namespace_fits_and_comes_back() -> None:
    tool = {"type": "function", "name": "f" * 60, "strict": False, "parameters": {"type": "object"}}
    body = asked(
        {"type": "function_call", "namespace": "long", "name": "f" * 60, "call_id": "c", "arguments": "{}"},
        tools=[{"type": "namespace", "name": "long", "tools": [tool]}],
    )
    request = decode_request(body)
    (call,) = request.turns[0].parts
    assert isinstance(call, ToolCall)
    assert call.name == request.tools[0].name
    assert len(call.name) <= 64
    assert sent(body) == body


def test_settings_are_understood() -> None:
    request = decode_request(
        asked(
            max_output_tokens=9,
            temperature=0.5,
            top_p=1,
            top_logprobs=2,
            include=["message.output_text.logprobs"],
            text={"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": True}},
            user="u",
            metadata={"a": "b"},
        )
    )
    assert request.sampling == Sampling(
        max_output_tokens=9, temperature=0.5, top_p=1, top_logprobs=2, logprobs=True
    )
    assert request.output == OutputFormat(kind="json_schema", name="n", schema={"type": "object"}, strict=True)
    assert (request.user, request.metadata) == ("u", {"a": "b"})


def test_a_schema_nested_as_in_chat_is_understood_too() -> None:
    nested = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": True}}
    request = decode_request(asked(text={"format": nested}))
    assert request.output == OutputFormat(kind="json_schema", name="n", schema={"type": "object"}, strict=True)


@pytest.mark.parametrize(
    ("wire", "choice"),
    [
        ("auto", ToolChoice(mode="auto")),
        ("none", ToolChoice(mode="none")),
        ("required", ToolChoice(mode="required")),
        ({"type": "function", "name": "f"}, ToolChoice(mode="one", names=("f",))),
        (
            {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "f"}]},
            ToolChoice(mode="subset", names=("f",), required=True),
        ),
        (
            {"type": "web_search_preview"},
            ToolChoice(mode="one", names=("web_search_preview",), extra={"type": "web_search_preview"}),
        ),
    ],
)
def test_every_form_of_tool_choice_is_understood(wire: Any, choice: ToolChoice) -> None:  # T4
    assert decode_request(asked(tool_choice=wire)).tool_choice == choice


def test_results_may_hold_images_and_keep_their_form() -> None:
    output = [
        {"type": "input_text", "text": "a"},
        {"type": "input_image", "image_url": "data:image/png;base64,AA"},
    ]
    (turn,) = turns({"type": "function_call_output", "call_id": "c", "output": output})
    assert turn.parts == (
        ToolResult(
            call_id="c",
            content=(Text(text="a", origin=NAME), Media(mime="image/png", data="AA", origin=NAME)),
            origin=NAME,
        ),
    )


def test_arguments_stay_verbatim_even_when_they_are_no_json() -> None:
    (turn,) = turns({"type": "function_call", "call_id": "c", "name": "f", "arguments": '{"a": 1e2, "b": [nope'})
    assert isinstance(turn.parts[0], ToolCall)
    assert turn.parts[0].arguments == RawJson('{"a": 1e2, "b": [nope')


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"input": "hi"}, "model"),
        ({"model": "m"}, "input"),
        ({"model": "m", "input": 7}, "input"),
        (asked("hi"), "input[0]"),
        (asked({"content": "x"}), "input[0].type"),
        (asked({"role": "king", "content": "x"}), "input[0].role"),
        (asked({"role": "user"}), "input[0].content"),
        (asked({"role": "user", "content": [{"type": "input_text"}]}), "input[0].content[0].text"),
        (asked({"type": "function_call", "name": "f"}), "input[0].call_id"),
        (asked({"type": "function_call_output", "output": ""}), "input[0].call_id"),
        (asked(instructions=["x"]), "instructions"),
        (asked(tools={}), "tools"),
        (asked(tool_choice="sometimes"), "tool_choice"),
        (asked(parallel_tool_calls="yes"), "parallel_tool_calls"),
        (asked(max_output_tokens="many"), "max_output_tokens"),
        (asked(temperature="hot"), "temperature"),
        (asked(reasoning="deep"), "reasoning"),
        (asked(text="plain"), "text"),
        (asked(stream="yes"), "stream"),
    ],
)
def test_what_cannot_be_used_is_named(body: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        decode_request(body)
    assert named in refused.value.message
    assert "\n" not in refused.value.message


@pytest.mark.parametrize("context", ["previous_response_id", "prompt", "conversation"])
def test_input_may_be_missing_when_the_server_knows_the_context(context: str) -> None:
    body = {"model": "m", context: "x"}
    assert sent(body) == body
