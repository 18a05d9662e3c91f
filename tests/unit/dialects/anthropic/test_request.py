"""Requests of the Messages API: read without loss, written back exactly, refused by field."""

from typing import Any

import msgspec
import pytest

from omniroute.dialects.anthropic.request import decode_request, encode_request
from omniroute.errors import InvalidRequest
from omniroute.ir.json import RawJson
from omniroute.ir.parts import CacheMark, Media, Reasoning, Text, ToolCall, ToolResult, Unknown
from omniroute.ir.request import OutputFormat, Sampling, Thinking, Tool, ToolChoice, Turn
from omniroute.ir.target import Target
from tests.unit.dialects.anthropic import claude_code


def sent(body: dict[str, Any]) -> dict[str, Any]:
    target = Target(provider="p", model=body["model"], dialect="anthropic")
    encoded = encode_request(decode_request(body), target)
    assert encoded.losses == ()
    return msgspec.json.decode(encoded.body)


def content(*blocks: Any) -> dict[str, Any]:
    return {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": list(blocks)}]}


def first_part(block: dict[str, Any]) -> Any:
    return decode_request(content(block)).turns[0].parts[0]


@pytest.mark.parametrize("stream", [True, False, None])
def test_a_request_of_the_claude_cli_comes_out_as_it_went_in(stream: bool | None) -> None:
    body = claude_code.body(stream=stream)
    assert msgspec.json.encode(sent(body), order="deterministic") == msgspec.json.encode(
        body, order="deterministic"
    )


def test_a_request_of_the_claude_cli_is_understood() -> None:
    request = decode_request(claude_code.body())
    assert [turn.role for turn in request.turns] == ["system", "user", "assistant", "tool", "user"]
    assert len(request.tools) == 24
    assert request.user == msgspec.json.encode(claude_code.SESSION).decode()
    assert request.thinking == Thinking(mode="adaptive", effort="medium")
    assert request.extra == {
        "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
    }
    assert request.turns[0].parts[2].cache == CacheMark(ttl="1h", extra={"scope": "global"})
    thinking, redacted, text, call = request.turns[2].parts
    assert thinking == Reasoning(text="A shell call will do.", seal="EqQBCkYIBxgCKkD+/sig==", origin="anthropic")
    assert redacted == Reasoning(redacted=True, seal="EmwKAhgBEgy3va3pzix/LafPsn4a", origin="anthropic")
    assert text == Text(text="I will run it.", origin="anthropic")
    assert isinstance(call, ToolCall)
    assert (call.name, call.executor) == ("Bash", "client")


def test_only_the_model_name_changes_for_another_model() -> None:
    body = claude_code.body()
    target = Target(provider="p", model="claude-other", dialect="anthropic")
    assert msgspec.json.decode(encode_request(decode_request(body), target).body) == {
        **body,
        "model": "claude-other",
    }


def test_a_message_of_results_only_is_a_tool_turn() -> None:
    result = {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "42"}]}
    turn = decode_request(content(result)).turns[0]
    assert turn == Turn(
        role="tool",
        parts=(ToolResult(call_id="t1", content=(Text(text="42", origin="anthropic"),), origin="anthropic"),),
        origin="anthropic",
    )


def test_results_that_share_a_message_with_text_are_a_turn_of_their_own() -> None:
    body = content(
        {"type": "tool_result", "tool_use_id": "t1", "content": "42"}, {"type": "text", "text": "go on"}
    )
    assert decode_request(body).turns == (
        Turn(
            role="tool",
            parts=(ToolResult(call_id="t1", content=(Text(text="42"),), origin="anthropic"),),
        ),
        Turn(role="user", parts=(Text(text="go on", origin="anthropic"),), origin="anthropic"),
    )
    assert sent(body) == body


def test_a_system_message_among_the_messages_stays_where_it_is() -> None:
    body = content({"type": "text", "text": "hi"})
    body["messages"].append({"role": "system", "content": "be brief"})
    assert decode_request(body).turns[1].role == "system"
    assert sent(body) == body


@pytest.mark.parametrize(
    ("block", "part"),
    [
        (
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}},
            Media(mime="image/png", data="aGk=", origin="anthropic"),
        ),
        (
            {"type": "image", "source": {"type": "url", "url": "https://x/a.png"}},
            Media(mime="image/*", url="https://x/a.png", origin="anthropic"),
        ),
        (
            {"type": "document", "title": "a.pdf", "source": {"type": "url", "url": "https://x/a.pdf"}},
            Media(mime="application/pdf", url="https://x/a.pdf", name="a.pdf", origin="anthropic"),
        ),
        (
            {"type": "document", "source": {"type": "file", "file_id": "file_1"}, "context": "c"},
            Media(mime="application/*", file_id="file_1", origin="anthropic", extra={"context": "c"}),
        ),
        (
            {"type": "server_tool_use", "id": "srv_1", "name": "web_search", "input": {"query": "q"}},
            ToolCall(
                call_id="srv_1",
                name="web_search",
                arguments=RawJson('{"query":"q"}'),
                executor="provider",
                origin="anthropic",
            ),
        ),
        (
            {"type": "search_result", "source": "s", "title": "t", "content": [], "cache_control": {}},
            Unknown(
                data={"type": "search_result", "source": "s", "title": "t", "content": [], "cache_control": {}},
                origin="anthropic",
            ),
        ),
    ],
    ids=lambda value: value["type"] if isinstance(value, dict) else "",
)
def test_a_block_becomes_its_part(block: dict[str, Any], part: Any) -> None:
    assert first_part(block) == part
    assert sent(content(block)) == content(block)


def test_a_document_of_plain_text_is_text_for_other_dialects() -> None:
    source = {"type": "text", "media_type": "text/plain", "data": "the text"}
    block = {"type": "document", "source": source, "title": "notes", "citations": {"enabled": True}}
    part = first_part(block)
    assert isinstance(part, Text)
    assert part.text == "the text"
    assert sent(content(block)) == content(block)


@pytest.mark.parametrize(
    ("wire", "choice"),
    [
        ({"type": "auto", "disable_parallel_tool_use": True}, ToolChoice(mode="auto", parallel=False)),
        ({"type": "any", "disable_parallel_tool_use": False}, ToolChoice(mode="required", parallel=True)),
        ({"type": "tool", "name": "f"}, ToolChoice(mode="one", names=("f",))),
        ({"type": "none"}, ToolChoice(mode="none")),
    ],
)
def test_a_tool_choice_is_understood(wire: dict[str, Any], choice: ToolChoice) -> None:
    assert decode_request({**content(), "tool_choice": wire}).tool_choice == choice


def test_limits_and_formats_are_understood() -> None:
    request = decode_request(
        {
            **content(),
            "temperature": 0.5,
            "top_k": 5,
            "stop_sequences": ["END"],
            "thinking": {"type": "enabled", "budget_tokens": 2048, "display": "omitted"},
            "output_config": {"effort": "high", "format": {"type": "json_schema", "schema": {"type": "object"}}},
            "tools": [{"type": "web_search_20250305", "name": "web_search", "max_uses": 2}],
        }
    )
    assert request.sampling == Sampling(max_output_tokens=9, temperature=0.5, top_k=5, stop=("END",))
    assert request.thinking == Thinking(
        mode="enabled", budget_tokens=2048, effort="high", extra={"display": "omitted"}
    )
    assert request.output == OutputFormat(kind="json_schema", schema={"type": "object"})
    assert request.tools == (
        Tool(
            name="web_search",
            hosted={"type": "web_search_20250305", "name": "web_search", "max_uses": 2},
            origin="anthropic",
        ),
    )


def test_the_older_place_of_a_schema_is_understood_and_kept() -> None:
    body = {**content(), "output_format": {"type": "json_schema", "schema": {"type": "object"}}}
    output = decode_request(body).output
    assert output is not None
    assert output.schema == {"type": "object"}
    assert sent(body) == body


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model": None}, "model: expected the name of a model"),
        ({"messages": "hi"}, "messages: expected a list"),
        ({"messages": ["hi"]}, "messages[0]: expected an object"),
        ({"messages": [{"role": "robot", "content": ""}]}, "messages[0].role: expected 'user'"),
        ({"messages": [{"role": "user", "content": None}]}, "messages[0].content: expected a string"),
        ({"messages": [{"role": "user", "content": [{}]}]}, "messages[0].content[0].type"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content[0].text"),
        ({"messages": [{"role": "user", "content": [{"type": "image"}]}]}, "messages[0].content[0].source"),
        ({"max_tokens": "many"}, "max_tokens: expected a whole number, got 'many'"),
        ({"max_tokens": True}, "max_tokens: expected a whole number"),
        ({"temperature": "hot"}, "temperature: expected a number"),
        ({"stream": 1}, "stream: expected true or false"),
        ({"tools": {}}, "tools: expected a list"),
        ({"tools": [{"description": "d"}]}, "tools[0].name"),
        ({"tool_choice": {"type": "tool"}}, "tool_choice.name"),
        ({"system": 1}, "system: expected a string or a list"),
    ],
)
def test_a_field_that_cannot_be_used_is_named(change: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        decode_request({**content(), **change})
    assert refused.value.message.startswith(words)
    assert "\n" not in refused.value.message
