"""Requests of the chat dialect: what clients really send, and what other dialects become."""

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from omniroute.dialects.openai_chat.dialect import OpenAIChat
from omniroute.errors import InvalidRequest
from omniroute.ir.json import RawJson
from omniroute.ir.parts import AnyPart, CacheMark, Media, Reasoning, Refusal, Text, ToolCall, ToolResult, Unknown
from omniroute.ir.request import GenerateRequest, OutputFormat, Role, Sampling, Thinking, Tool, ToolChoice, Turn
from omniroute.ir.target import ModelFacts, Target

CHAT = OpenAIChat()
TARGET = Target(provider="p", model="m", dialect="openai_chat")
THINKER = replace(TARGET, quirks=("replay_reasoning_content",))
HI = Turn(role="user", parts=(Text(text="hi"),))


def decode(**body: Any) -> GenerateRequest:
    return CHAT.decode_request({"model": "m", "messages": [{"role": "user", "content": "hi"}], **body})


def foreign(*turns: Turn, **controls: Any) -> GenerateRequest:
    return GenerateRequest(model="m", turns=turns, dialect="anthropic", **controls)


def turn(role: Role, *parts: AnyPart) -> Turn:
    return Turn(role=role, parts=parts, origin="anthropic")


def encode(
    request: GenerateRequest, target: Target = TARGET
) -> tuple[dict[str, Any], set[tuple[str, str, str, str]]]:
    encoded = CHAT.encode_request(request, target)
    return msgspec.json.decode(encoded.body), {
        (loss.path, loss.what, loss.how, loss.weight) for loss in encoded.losses
    }


def again(target: Target = TARGET, **body: Any) -> dict[str, Any]:
    return encode(decode(**body), target)[0]


def call(call_id: str, name: str = "f", arguments: str = "{}") -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


# What a chat client says


@pytest.mark.parametrize(
    ("said", "choice"),
    [
        ("auto", ToolChoice(mode="auto")),
        ("none", ToolChoice(mode="none")),
        ("required", ToolChoice(mode="required")),
        ("any", ToolChoice(mode="required")),
        ({"type": "any"}, ToolChoice(mode="required")),
        ({"type": "auto"}, ToolChoice(mode="auto")),
        ({"type": "function", "function": {"name": "f"}}, ToolChoice(mode="one", names=("f",))),
        ({"type": "function", "name": "f"}, ToolChoice(mode="one", names=("f",))),
        (
            {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [call("", "f")]}},
            ToolChoice(mode="subset", names=("f",), required=True),
        ),
        (
            {"type": "allowed_tools", "mode": "auto", "tools": [{"name": "f"}]},
            ToolChoice(mode="subset", names=("f",)),
        ),
        ({"type": "x_new"}, ToolChoice(mode="auto", extra={"type": "x_new"})),
    ],
)
def test_every_form_of_tool_choice_is_understood(said: Any, choice: ToolChoice) -> None:
    assert decode(tool_choice=said).tool_choice == choice


def test_parallel_calls_without_a_choice_leave_the_choice_to_the_provider() -> None:
    assert decode(parallel_tool_calls=False).tool_choice == ToolChoice(parallel=False, explicit=False)
    assert again(parallel_tool_calls=False)["parallel_tool_calls"] is False
    assert "tool_choice" not in again(parallel_tool_calls=False)


def test_legacy_functions_become_tools() -> None:
    messages = [
        {"role": "user", "content": "q"},
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": '{"a":1}'}},
        {"role": "function", "name": "f", "content": "r"},
    ]
    request = decode(messages=messages, functions=[{"name": "f"}], function_call={"name": "f"})
    assert request.turns[1].parts == (
        ToolCall(call_id="call_f", name="f", arguments=RawJson('{"a":1}'), origin="openai_chat"),
    )
    assert request.turns[2].parts == (
        ToolResult(call_id="call_f", name="f", content=(Text(text="r"),), origin="openai_chat"),
    )
    assert [tool.name for tool in request.tools] == ["f"]
    assert request.tool_choice == ToolChoice(mode="one", names=("f",))


def test_the_newer_output_limit_wins() -> None:
    assert decode(max_tokens=5, max_completion_tokens=7).sampling.max_output_tokens == 7
    assert decode(max_output_tokens=3).sampling.max_output_tokens == 3


@pytest.mark.parametrize(
    ("model", "quirks", "name"),
    [
        ("gpt-4o", (), "max_tokens"),
        ("o3", (), "max_completion_tokens"),
        ("openai/gpt-5-mini", (), "max_completion_tokens"),
        ("deployment", ("max_completion_tokens",), "max_completion_tokens"),
    ],
)
def test_the_output_limit_has_the_name_the_target_wants(model: str, quirks: tuple[str, ...], name: str) -> None:
    body = again(replace(TARGET, model=model, quirks=quirks), max_completion_tokens=7)
    assert {member: value for member, value in body.items() if member.startswith("max_")} == {name: 7}


def test_a_reasoning_model_gets_no_temperature_and_the_client_is_told() -> None:
    body, losses = encode(decode(temperature=0.3, top_p=0.9), replace(TARGET, model="o3-mini"))
    assert body.keys() == {"model", "messages"}
    assert losses == {(name, name, "dropped", "quality") for name in ("temperature", "top_p")}


@pytest.mark.parametrize(
    ("element", "part"),
    [
        (
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}},
            Media(mime="image/png", data="AAAA", detail="low", origin="openai_chat"),
        ),
        (
            {"type": "image_url", "image_url": "https://x/y"},
            Media(mime="image/*", url="https://x/y", origin="openai_chat"),
        ),
        (
            {"type": "image", "image": "data:image/gif;base64,AA"},
            Media(mime="image/gif", data="AA", origin="openai_chat"),
        ),
        (
            {"type": "file", "file": {"file_data": "data:application/pdf;base64,AA", "filename": "a.pdf"}},
            Media(mime="application/pdf", data="AA", name="a.pdf", origin="openai_chat"),
        ),
        (
            {"type": "file", "file": {"file_id": "file-1"}},
            Media(mime="application/octet-stream", file_id="file-1", origin="openai_chat"),
        ),
        (
            {"type": "input_audio", "input_audio": {"data": "AA", "format": "mp3"}},
            Media(mime="audio/mpeg", data="AA", origin="openai_chat"),
        ),
        ({"type": "x_new", "x": 1}, Unknown(data={"type": "x_new", "x": 1}, origin="openai_chat")),
        (
            {"type": "text", "text": "t", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
            Text(text="t", cache=CacheMark(ttl="1h"), origin="openai_chat"),
        ),
    ],
)
def test_every_kind_of_content_becomes_its_part(element: dict[str, Any], part: AnyPart) -> None:
    request = decode(messages=[{"role": "user", "content": [element]}])
    assert request.turns[0].parts == (part,)


@pytest.mark.parametrize("spelling", ["reasoning_content", "reasoning"])
def test_thinking_is_found_under_each_of_its_names(spelling: str) -> None:
    message = {"role": "assistant", "content": "a", spelling: "th"}
    (thought, said) = decode(messages=[message]).turns[0].parts
    assert isinstance(thought, Reasoning)
    assert (thought.text, said) == ("th", Text(text="a"))


def test_thinking_goes_back_only_to_a_target_that_wants_it() -> None:
    message = {"role": "assistant", "content": "a", "reasoning_content": "th"}
    body, losses = encode(decode(messages=[message]))
    assert body["messages"] == [{"role": "assistant", "content": "a"}]
    assert losses == {("turns[0].parts[0]", "reasoning", "dropped", "quality")}
    assert again(THINKER, messages=[message])["messages"] == [message]


def test_a_message_dumped_by_the_sdk_leaves_no_nulls() -> None:
    dumped = {
        "role": "assistant",
        "content": "a",
        "refusal": None,
        "audio": None,
        "tool_calls": None,
        "annotations": [],
    }
    assert again(messages=[{**dumped, "name": ""}])["messages"] == [{"role": "assistant", "content": "a"}]


def test_a_call_without_a_name_goes_with_its_result() -> None:
    messages = [
        {"role": "assistant", "content": None, "tool_calls": [call("a", ""), call("b")]},
        {"role": "tool", "tool_call_id": "a", "content": "?"},
        {"role": "tool", "tool_call_id": "b", "content": "r"},
    ]
    kept = again(messages=messages)["messages"]
    assert [made["id"] for made in kept[0]["tool_calls"]] == ["b"]
    assert [message.get("tool_call_id") for message in kept] == [None, "b"]


def test_arguments_stay_the_text_the_model_wrote() -> None:
    messages = [{"role": "assistant", "content": None, "tool_calls": [call("a", arguments='{"cut": "of')]}]
    assert again(messages=messages)["messages"] == messages


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"messages": None}, "messages: expected an array, got nothing"),
        ({"messages": "hi"}, "messages: expected an array, got a string"),
        ({"messages": ["hi"]}, "messages[0]: expected an object, got a string"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role: expected"),
        (
            {"messages": [{"role": "user", "content": 3}]},
            "messages[0].content: expected a string or an array, got a number",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "text"}]}]},
            "messages[0].content[0].text: expected a string",
        ),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id"),
        ({"messages": [{"role": "assistant", "tool_calls": [{"id": "a"}]}]}, "messages[0].tool_calls[0].function"),
        ({"temperature": "hot"}, "temperature: expected a number, got a string"),
        ({"max_tokens": 1.5}, "max_tokens: expected a whole number"),
        ({"stop": [1]}, "stop: expected a string or an array of strings"),
        ({"stream": 1}, "stream: expected true or false"),
        ({"tools": {}}, "tools: expected an array, got an object"),
        ({"tools": [{"type": "function"}]}, "tools[0].function: expected an object, got nothing"),
        ({"tool_choice": "sometimes"}, "tool_choice: expected auto, none, required or an object"),
        ({"response_format": "json"}, "response_format: expected an object"),
        ({"reasoning_effort": 3}, "reasoning_effort: expected a string"),
        ({"model": ""}, "Missing model"),
    ],
)
def test_what_cannot_be_used_is_named(body: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        decode(**body)
    assert message in caught.value.message


def test_more_tools_than_a_provider_takes_are_refused() -> None:
    tools = tuple(Tool(name=f"f{number}") for number in range(129))
    with pytest.raises(InvalidRequest, match="129 tools"):
        CHAT.encode_request(foreign(HI, tools=tools), TARGET)


# What becomes of other dialects


def test_the_texts_of_a_foreign_system_are_joined() -> None:
    body, losses = encode(foreign(turn("system", Text(text="a"), Text(text=""), Text(text="b")), HI))
    assert body["messages"][0] == {"role": "system", "content": "a\nb"}
    assert not losses


def test_developer_and_system_stay_apart() -> None:
    messages = [{"role": "system", "content": "s"}, {"role": "developer", "content": "d"}]
    assert again(messages=messages)["messages"] == messages
    quirky = replace(TARGET, quirks=("developer_role_is_system",))
    assert [message["role"] for message in again(quirky, messages=messages)["messages"]] == ["system", "system"]


def test_images_of_tool_results_follow_all_results() -> None:
    image = Media(mime="image/png", data="AA", origin="anthropic")
    request = foreign(
        HI,
        turn("assistant", ToolCall(call_id="a", name="f"), ToolCall(call_id="b", name="f")),
        turn(
            "tool",
            ToolResult(call_id="a", content=(Text(text="x"), image, Text(text="y"))),
            ToolResult(call_id="b", content=(Text(text="z"),), is_error=True),
        ),
    )
    body, losses = encode(request)
    assert body["messages"][2:] == [
        {"role": "tool", "tool_call_id": "a", "content": "x\ny"},
        {"role": "tool", "tool_call_id": "b", "content": "z"},
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}]},
    ]
    assert losses == {
        ("turns[2].parts[0].content[1]", "image in a tool result", "moved", "quality"),
        ("turns[2].parts[1].is_error", "error flag", "dropped", "quality"),
    }


def test_unanswered_calls_are_answered_and_orphans_dropped() -> None:
    request = foreign(
        HI,
        turn(
            "assistant", Text(text="let me see"), ToolCall(call_id="a", name="f"), ToolCall(call_id="b", name="f")
        ),
        turn("tool", ToolResult(call_id="b", content=(Text(text="r"),)), ToolResult(call_id="ghost")),
        HI,
    )
    body, losses = encode(request)
    assert [
        (message["role"], message.get("tool_call_id"), message["content"]) for message in body["messages"]
    ] == [
        ("user", None, "hi"),
        ("assistant", None, "let me see"),
        ("tool", "b", "r"),
        ("tool", "a", "[No response received]"),
        ("user", None, "hi"),
    ]
    assert losses == {
        ("turns[2].parts[1]", "result without a call", "dropped", "quality"),
        ("turns[3]", "missing tool result", "added", "quality"),
    }


def test_an_id_too_long_for_the_provider_is_shortened_in_call_and_result() -> None:
    long = "toolu_" + "x" * 60
    request = foreign(
        HI, turn("assistant", ToolCall(call_id=long, name="f")), turn("tool", ToolResult(call_id=long))
    )
    messages = encode(request)[0]["messages"]
    assert messages[1]["tool_calls"][0]["id"] == messages[2]["tool_call_id"]
    assert len(messages[2]["tool_call_id"]) <= 40


def test_text_behind_a_call_moves_before_it() -> None:
    request = foreign(HI, turn("assistant", ToolCall(call_id="a", name="f"), Text(text="done")))
    body, losses = encode(request)
    assert body["messages"][1]["content"] == "done"
    assert losses == {("turns[1].parts[1]", "text after a tool call", "moved", "quality")}


def test_what_chat_cannot_carry_is_listed() -> None:
    request = foreign(
        turn(
            "user",
            Text(text="look", cache=CacheMark(), origin="anthropic", extra={"x": 1}),
            Media(mime="application/pdf", url="https://x/a.pdf", origin="anthropic"),
            Media(mime="application/pdf", file_id="file_1", origin="anthropic"),
            Unknown(data={"type": "x"}, origin="anthropic"),
        ),
        turn(
            "assistant",
            Reasoning(text="th", seal="secret", origin="anthropic"),
            Text(text="ok", citations=({"url": "u"},)),
            ToolCall(call_id="s", name="web_search", executor="provider"),
        ),
        tools=(Tool(name="web_search", hosted={"type": "web_search_20250305"}, origin="anthropic"),),
        tool_choice=ToolChoice(mode="one", names=("web_search",)),
        sampling=Sampling(top_k=5, stop=("a", "b", "c", "d", "e")),
        user="u" * 65,
        metadata={"k": "v"},
        extra={"container": "c"},
    )
    body, losses = encode(request)
    assert body == {
        "model": "m",
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "look"}]},
            {"role": "assistant", "content": "ok"},
        ],
        "stop": ["a", "b", "c", "d"],
    }
    assert losses == {
        ("turns[0].parts[0].cache", "cache mark", "dropped", "cost"),
        ("turns[0].parts[0].extra.x", "x", "dropped", "quality"),
        ("turns[0].parts[1]", "application by address", "dropped", "meaning"),
        ("turns[0].parts[2]", "file at another vendor", "dropped", "meaning"),
        ("turns[0].parts[3]", "unknown block", "dropped", "meaning"),
        ("turns[1].parts[0]", "reasoning", "dropped", "quality"),
        ("turns[1].parts[1].citations", "citations", "dropped", "quality"),
        ("turns[1].parts[2]", "hosted tool use", "dropped", "quality"),
        ("tools[0]", "hosted tool", "dropped", "meaning"),
        ("tool_choice", "forced tool", "dropped", "meaning"),
        ("sampling.top_k", "top_k", "dropped", "quality"),
        ("sampling.stop", "stop sequences", "approximated", "meaning"),
        ("user", "user id", "dropped", "cost"),
        ("metadata", "metadata", "dropped", "cost"),
        ("extra.container", "container", "dropped", "quality"),
    }


def test_results_in_a_user_turn_answer_their_calls_before_its_text() -> None:
    image = Media(mime="image/png", data="AA", origin="anthropic")
    request = foreign(
        HI,
        turn("assistant", *(ToolCall(call_id=name, name="f") for name in "abc")),
        turn("tool", ToolResult(call_id="a", content=(image,))),
        turn("user", ToolResult(call_id="b", content=(Text(text="sunny"),)), Text(text="and now?")),
    )
    body, losses = encode(request)
    assert body["messages"][2:] == [
        {"role": "tool", "tool_call_id": "a", "content": ""},
        {"role": "tool", "tool_call_id": "b", "content": "sunny"},
        {"role": "tool", "tool_call_id": "c", "content": "[No response received]"},
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}]},
        {"role": "user", "content": "and now?"},
    ]
    assert losses == {
        ("turns[2].parts[0].content[0]", "image in a tool result", "moved", "quality"),
        ("turns[3]", "missing tool result", "added", "quality"),
    }


@pytest.mark.parametrize("role", ["system", "developer", "user", "assistant"])
def test_what_stood_on_a_turn_of_which_nothing_is_left_is_listed(role: Role) -> None:
    empty = Turn(role=role, parts=(), name="n", cache=CacheMark(), origin="anthropic", extra={"x": 1})
    body, losses = encode(foreign(empty, HI))
    assert body["messages"] == [{"role": "user", "content": "hi"}]
    assert losses == {
        ("turns[0].name", "name", "dropped", "quality"),
        ("turns[0].cache", "cache mark", "dropped", "cost"),
        ("turns[0].extra.x", "x", "dropped", "quality"),
    }


@pytest.mark.parametrize("role", ["tool", "user"])
def test_what_stood_on_a_turn_of_results_is_listed_once_under_the_turn(role: Role) -> None:
    results = (ToolResult(call_id="a"), ToolResult(call_id="b"))
    request = foreign(
        HI,
        turn("assistant", ToolCall(call_id="a", name="f"), ToolCall(call_id="b", name="f")),
        Turn(role=role, parts=results, name="n", cache=CacheMark(), origin="anthropic", extra={"x": 1}),
    )
    assert sorted(loss.path for loss in CHAT.encode_request(request, TARGET).losses) == [
        "turns[2].cache",
        "turns[2].extra.x",
        "turns[2].name",
    ]


LADEN: dict[str, Any] = {
    "cache": CacheMark(),
    "seal": "s",
    "origin": "anthropic",
    "extra": {"x": 1},
}


@pytest.mark.parametrize(
    ("parts", "path"),
    [
        ((Text(text="", **LADEN), Text(text="said")), "parts[0]"),
        ((Text(text="said"), Refusal(text="", **LADEN)), "parts[1]"),
    ],
)
@pytest.mark.parametrize("role", ["system", "user", "assistant"])
def test_what_stood_on_a_blank_text_is_listed(role: Role, parts: tuple[AnyPart, ...], path: str) -> None:
    body, losses = encode(foreign(turn(role, *parts)))
    assert body["messages"][0]["content"] == "said"
    assert losses == {
        (f"turns[0].{path}.cache", "cache mark", "dropped", "cost"),
        (f"turns[0].{path}.seal", "seal", "dropped", "quality"),
        (f"turns[0].{path}.extra.x", "x", "dropped", "quality"),
    }


@pytest.mark.parametrize("text", ["", "said"])
def test_what_stood_on_a_text_of_a_result_is_listed_where_it_stood(text: str) -> None:
    cited = Text(text=text, citations=({"url": "u"},), **LADEN)
    request = foreign(
        HI,
        turn("assistant", ToolCall(call_id="a", name="f")),
        turn("tool", ToolResult(call_id="a", content=(Text(text="r"), cited))),
    )
    assert encode(request)[1] == {
        ("turns[2].parts[0].content[1].cache", "cache mark", "dropped", "cost"),
        ("turns[2].parts[0].content[1].seal", "seal", "dropped", "quality"),
        ("turns[2].parts[0].content[1].citations", "citations", "dropped", "quality"),
        ("turns[2].parts[0].content[1].extra.x", "x", "dropped", "quality"),
    }


@pytest.mark.parametrize("role", ["system", "developer"])
def test_a_result_in_a_system_turn_is_listed(role: Role) -> None:
    misplaced = ToolResult(call_id="a", content=(Text(text="r"),))
    body, losses = encode(foreign(turn(role, Text(text="be brief"), misplaced), HI))
    assert [message["content"] for message in body["messages"]] == ["be brief", "hi"]
    assert losses == {("turns[0].parts[1]", "misplaced block", "dropped", "quality")}


def test_foreign_thinking_reaches_a_target_that_wants_it_without_its_seal() -> None:
    thought = Reasoning(text="th", seal="secret", origin="anthropic")
    body, losses = encode(foreign(turn("assistant", thought, Text(text="a"))), THINKER)
    assert body["messages"] == [{"role": "assistant", "content": "a", "reasoning_content": "th"}]
    assert losses == {("turns[0].parts[0].seal", "seal", "dropped", "quality")}


def test_foreign_tools_are_cleaned() -> None:
    schema = {
        "type": "object",
        "properties": {
            "a": {"enum": ["x", None], "minimum": "1"},
            "b": {"type": "array", "items": [{"type": "string"}]},
        },
        "required": ["a", "ghost"],
    }
    tools = (Tool(name="f", schema=schema), Tool(name="g"), Tool(name="h", schema={"type": "object"}, strict=True))
    assert [tool["function"] for tool in encode(foreign(HI, tools=tools))[0]["tools"]] == [
        {
            "name": "f",
            "description": "",
            "parameters": {
                "type": "object",
                "properties": {
                    "a": {"enum": ["x"], "minimum": 1},
                    "b": {"type": "array", "items": {"type": "string"}},
                },
                "required": ["a"],
            },
        },
        {"name": "g", "description": "", "parameters": {"type": "object", "properties": {}}},
        {"name": "h", "description": "", "parameters": {"type": "object", "properties": {}}, "strict": True},
    ]


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        (ToolChoice(mode="auto"), "auto"),
        (ToolChoice(mode="none"), "none"),
        (ToolChoice(mode="required"), "required"),
        (ToolChoice(mode="one", names=("f",)), {"type": "function", "function": {"name": "f"}}),
    ],
)
def test_a_foreign_tool_choice_has_the_chat_form(choice: ToolChoice, said: Any) -> None:
    body, losses = encode(foreign(HI, tools=(Tool(name="f"),), tool_choice=choice))
    assert body["tool_choice"] == said
    assert not losses


@pytest.mark.parametrize("tools", [(), (Tool(name="f", schema={"type": "object"}),)])
def test_what_stood_on_a_foreign_tool_choice_is_listed(tools: tuple[Tool, ...]) -> None:
    choice = ToolChoice(mode="auto", extra={"x": 1})
    assert encode(foreign(HI, tools=tools, tool_choice=choice))[1] == {
        ("tool_choice.extra.x", "x", "dropped", "quality")
    }


def test_a_choice_without_tools_is_not_sent() -> None:
    body, losses = encode(foreign(HI, tool_choice=ToolChoice(mode="auto", parallel=False)))
    assert body.keys() == {"model", "messages"}
    assert not losses


@pytest.mark.parametrize(
    ("thinking", "effort"),
    [
        (Thinking(mode="enabled", budget_tokens=1024), "low"),
        (Thinking(mode="enabled", budget_tokens=10_240), "medium"),
        (Thinking(mode="enabled", budget_tokens=50_000), "high"),
        (Thinking(mode="enabled", budget_tokens=131_072), "xhigh"),
        (Thinking(mode="adaptive", effort="High"), "high"),
        (Thinking(effort="max"), "xhigh"),
        (Thinking(mode="adaptive"), None),
        (Thinking(mode="disabled"), None),
    ],
)
def test_thinking_budgets_become_words(thinking: Thinking, effort: str | None) -> None:
    assert encode(foreign(HI, thinking=thinking))[0].get("reasoning_effort") == effort


def test_a_model_that_does_not_think_is_not_asked_to() -> None:
    plain = replace(TARGET, facts=ModelFacts(reasoning=False))
    body, losses = encode(foreign(HI, thinking=Thinking(mode="enabled", budget_tokens=5000)), plain)
    assert "reasoning_effort" not in body
    assert losses == {("thinking", "thinking", "dropped", "quality")}


def test_a_schema_without_a_name_gets_one() -> None:
    body, _ = encode(foreign(HI, output=OutputFormat(kind="json_schema", schema={"type": "object"})))
    assert body["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "answer", "schema": {"type": "object"}},
    }


def test_a_stream_is_asked_for_usage() -> None:
    silent = CHAT.encode_request(foreign(HI, stream=True), TARGET)
    assert msgspec.json.decode(silent.body)["stream_options"] == {"include_usage": True}
    assert silent.losses == ()
    asked = CHAT.encode_request(decode(stream=True, stream_options={"include_usage": True}), TARGET)
    assert asked.losses == ()
    refused = CHAT.encode_request(foreign(HI, stream=True), replace(TARGET, quirks=("no_stream_options",)))
    assert "stream_options" not in msgspec.json.decode(refused.body)


def test_no_stop_sequences_are_none() -> None:
    assert decode(stop=[]).sampling.stop == ()
    with pytest.raises(InvalidRequest, match="stop"):
        decode(stop=["END", 7])


@pytest.mark.parametrize("mime", ["image/png", "audio/wav"])
def test_the_name_of_a_picture_or_a_sound_is_missed(mime: str) -> None:
    _, losses = encode(foreign(turn("user", Media(mime=mime, data="AA==", name="a"))))
    assert losses == {("turns[0].parts[0].name", "file name", "dropped", "quality")}
