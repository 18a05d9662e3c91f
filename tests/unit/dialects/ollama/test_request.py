"""Requests of the Ollama dialect: what its clients really send, and what other dialects become."""

import base64
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from omniroute.dialects.ollama.dialect import Ollama
from omniroute.errors import InvalidRequest
from omniroute.ir.json import RawJson
from omniroute.ir.parts import CacheMark, Media, Reasoning, Refusal, Text, ToolCall, ToolResult, Unknown
from omniroute.ir.request import GenerateRequest, OutputFormat, Role, Sampling, Thinking, Tool, ToolChoice, Turn
from omniroute.ir.target import ModelFacts, Target

OLLAMA = Ollama()
TARGET = Target(provider="p", model="qwen3", dialect="ollama")
HI = Turn(role="user", parts=(Text(text="hi"),))
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}


def decode(**body: Any) -> GenerateRequest:
    return OLLAMA.decode_request({"model": "m", "messages": [{"role": "user", "content": "hi"}], **body})


def foreign(*turns: Turn, **controls: Any) -> GenerateRequest:
    return GenerateRequest(model="m", turns=turns or (HI,), dialect="openai_chat", **controls)


def turn(role: Role, *parts: Any, **more: Any) -> Turn:
    return Turn(role=role, parts=parts, **more)


def encode(
    request: GenerateRequest, target: Target = TARGET
) -> tuple[dict[str, Any], set[tuple[str, str, str, str]]]:
    encoded = OLLAMA.encode_request(request, target)
    return msgspec.json.decode(encoded.body), {
        (loss.path, loss.what, loss.how, loss.weight) for loss in encoded.losses
    }


def again(**body: Any) -> dict[str, Any]:
    return encode(decode(**body), replace(TARGET, model="m"))[0]


# What an Ollama client says


def test_options_are_read_and_unknown_ones_kept() -> None:
    request = decode(
        options={"num_predict": 9, "temperature": 0.5, "top_k": 4, "stop": ["x"], "seed": 1, "num_ctx": 8192},
        keep_alive="5m",
    )
    assert request.sampling == Sampling(max_output_tokens=9, temperature=0.5, top_k=4, stop=("x",), seed=1)
    assert request.extra == {"keep_alive": "5m", "options": {"num_ctx": 8192}}


@pytest.mark.parametrize("limit", [-1, -2, 0])
def test_no_limit_is_no_limit_for_anybody(limit: int) -> None:
    assert decode(options={"num_predict": limit}).sampling.max_output_tokens is None
    assert again(options={"num_predict": limit})["options"] == {"num_predict": limit}


def test_an_absent_stream_is_left_to_the_surface() -> None:
    assert decode().stream is None
    assert "stream" not in again()
    assert again(stream=False)["stream"] is False


@pytest.mark.parametrize(
    ("think", "thinking"),
    [
        (True, Thinking(mode="enabled", effort="medium")),
        (False, Thinking(effort="none")),
        ("low", Thinking(effort="low")),
        (None, None),
    ],
)
def test_think_is_a_switch_or_a_word(think: Any, thinking: Thinking | None) -> None:
    assert decode(think=think).thinking == thinking
    assert again(think=think).get("think") == think


def test_format_is_json_or_a_schema() -> None:
    assert decode(format="json").output == OutputFormat(kind="json_object")
    assert decode(format=SCHEMA).output == OutputFormat(kind="json_schema", schema=SCHEMA)
    assert decode(format="").output is None
    assert again(format=SCHEMA)["format"] == SCHEMA


def test_what_the_sdk_always_sends_says_nothing() -> None:
    body = again(tools=[], stream=True, options=None, format=None)
    assert body == {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": True}


def test_loading_a_model_is_a_conversation_without_turns() -> None:
    assert OLLAMA.decode_request({"model": "m"}).turns == ()
    assert again(messages=[]) == {"model": "m", "messages": []}


@pytest.mark.parametrize(
    ("head", "mime"),
    [
        (b"\x89PNG\r\n\x1a\n0000", "image/png"),
        (b"\xff\xd8\xff\xe0JFIF0000", "image/jpeg"),
        (b"GIF89a000000", "image/gif"),
        (b"RIFF\x00\x00\x00\x00WEBP", "image/webp"),
        (b"BM0000000000", "image/bmp"),
        (b"nothing known", "image/png"),
        (b"x", "image/png"),
    ],
)
def test_the_kind_of_an_image_is_told_by_its_first_bytes(head: bytes, mime: str) -> None:
    data = base64.b64encode(head).decode()
    (only,) = decode(messages=[{"role": "user", "content": "", "images": [data]}]).turns
    assert only.parts == (Media(mime=mime, data=data, origin="ollama"),)


def test_an_image_that_is_no_base64_or_a_data_url_is_understood() -> None:
    images = ["data:image/webp;base64,UklG", "???"]
    (only,) = decode(messages=[{"role": "user", "content": "see", "images": images}]).turns
    assert only.parts == (
        Media(mime="image/webp", data="UklG", origin="ollama"),
        Media(mime="image/png", data="???", origin="ollama"),
        Text(text="see"),
    )


def call(name: str, **arguments: Any) -> dict[str, Any]:
    return {"function": {"name": name, "arguments": arguments}}


def results(*messages: dict[str, Any]) -> list[tuple[str, str]]:
    """Id and text of every result of a conversation in which f, g and f again were called."""
    calls = [call("f", a=1), call("g"), call("f", a=2)]
    asked = {"role": "assistant", "content": "", "tool_calls": calls}
    turns = decode(messages=[asked, *({"role": "tool", **message} for message in messages)]).turns
    assert [part.call_id for part in turns[0].parts] == ["call_0", "call_1", "call_2"]  # type: ignore[union-attr]
    parts = [part for turn in turns[1:] for part in turn.parts]
    return [(part.call_id, part.content[0].text) for part in parts if isinstance(part, ToolResult)]  # type: ignore[union-attr]


def test_results_belong_to_calls_by_name_and_order() -> None:
    said = results(
        {"tool_name": "g", "content": "of g"},
        {"tool_name": "f", "content": "of f"},
        {"tool_name": "f", "content": "of f again"},
    )
    assert said == [("call_1", "of g"), ("call_0", "of f"), ("call_2", "of f again")]


def test_results_without_a_name_belong_to_calls_by_order() -> None:
    assert results({"content": "1"}, {"content": "2"}) == [("call_0", "1"), ("call_1", "2")]


def test_a_result_of_nothing_gets_an_id_that_no_call_has() -> None:
    assert results({"tool_name": "h", "content": "?"}) == [("call_3", "?")]
    assert results({"tool_call_id": "call_2", "content": "!"}) == [("call_2", "!")]


def test_ids_that_a_client_sends_are_kept() -> None:
    calls = [{"id": "call_abc", **call("f")}, {"id": "call_0", **call("g")}, call("h")]
    messages = [
        {"role": "assistant", "content": "", "tool_calls": calls},
        {"role": "tool", "content": "r", "tool_call_id": "call_abc"},
        {"role": "tool", "content": "s", "tool_call_id": "call_0"},
        {"role": "tool", "content": "t", "tool_name": "h"},
    ]
    turns = decode(messages=messages).turns
    assert [part.call_id for part in turns[0].parts] == ["call_abc", "call_0", "call_1"]  # type: ignore[union-attr]
    assert [turn.parts[0].call_id for turn in turns[1:]] == ["call_abc", "call_0", "call_1"]  # type: ignore[union-attr]
    assert again(messages=messages)["messages"] == messages


def test_a_call_without_a_name_goes_with_its_result() -> None:
    messages = [
        {"role": "assistant", "content": "", "tool_calls": [{"id": "c", **call("")}, call("f")]},
        {"role": "tool", "content": "nobody", "tool_call_id": "c"},
        {"role": "tool", "content": "r", "tool_name": "f"},
    ]
    turns = decode(messages=messages).turns
    assert [part.name for part in turns[0].parts] == ["f"]  # type: ignore[union-attr]
    assert len(turns) == 2


def test_arguments_given_as_text_become_an_object() -> None:
    message = {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"type": "function", "function": {"name": "f", "index": 0, "arguments": '{"a": 1}'}}],
    }
    (only,) = decode(messages=[message]).turns
    assert only.parts == (ToolCall(call_id="call_0", name="f", arguments=RawJson('{"a": 1}'), origin="ollama"),)
    assert again(messages=[message])["messages"] == [
        {"role": "assistant", "content": "", "tool_calls": [call("f", a=1)]}
    ]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"model": " "}, "Missing model"),
        ({"messages": {}}, "messages: expected an array, got an object"),
        ({"messages": ["hi"]}, r"messages\[0\]: expected an object, got a string"),
        ({"messages": [{"role": "boss"}]}, r"messages\[0\].role: expected .*, got 'boss'"),
        ({"messages": [{"role": "user", "content": [{}]}]}, r"\[0\].content: expected a string, got an array"),
        ({"messages": [{"role": "user", "images": "x"}]}, r"\[0\].images: expected an array, got a string"),
        ({"messages": [{"role": "user", "images": [1]}]}, r"images\[0\]: expected a string, got a number"),
        ({"messages": [{"role": "assistant", "tool_calls": [{}]}]}, r"tool_calls\[0\]: expected an object with"),
        ({"stream": "yes"}, "stream: expected true or false, got a string"),
        ({"format": "xml"}, "format: expected .*, got 'xml'"),
        ({"format": 1}, "format: expected .*, got a number"),
        ({"think": 1}, "think: expected true, false"),
        ({"tools": {}}, "tools: expected an array"),
        ({"tools": ["f"]}, r"tools\[0\]: expected an object"),
        ({"tools": [{"type": "function"}]}, r"tools\[0\].function: expected an object, got nothing"),
        ({"options": []}, "options: expected an object"),
        ({"options": {"temperature": "hot"}}, "options.temperature: expected a number"),
        ({"options": {"top_k": 1.5}}, "options.top_k: expected a whole number"),
        ({"options": {"stop": [1]}}, "options.stop: expected an array of strings"),
        ({"logprobs": 1}, "logprobs: expected true or false"),
        ({"top_logprobs": "1"}, "top_logprobs: expected a whole number"),
    ],
)
def test_a_member_that_cannot_be_used_is_named(body: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidRequest, match=message) as caught:
        decode(**body)
    assert caught.value.status == 400


# What other dialects become


def test_a_foreign_request_says_whether_it_wants_a_stream() -> None:
    assert encode(foreign())[0]["stream"] is False
    assert encode(foreign(stream=True))[0]["stream"] is True


def test_a_tool_round_is_written_without_ids_in_the_order_of_the_calls() -> None:
    def asks(number: int, name: str) -> ToolCall:
        return ToolCall(call_id=f"id{number}", name=name, arguments=RawJson(f'{{"n":{number}}}'))

    def answers(number: int) -> ToolResult:
        return ToolResult(call_id=f"id{number}", content=(Text(text=f"r{number}"),))

    body, losses = encode(
        foreign(
            HI,
            turn("assistant", Reasoning(text="hm"), Text(text="so"), asks(1, "f"), asks(2, "g"), asks(3, "f")),
            turn("tool", answers(3)),
            turn("tool", answers(1)),
            turn("tool", answers(9)),
            turn("user", Text(text="go on")),
        )
    )
    assert body["messages"][1:] == [
        {
            "role": "assistant",
            "content": "so",
            "thinking": "hm",
            "tool_calls": [call("f", n=1), call("g", n=2), call("f", n=3)],
        },
        {"role": "tool", "content": "r1", "tool_name": "f"},
        {"role": "tool", "content": "[No response received]", "tool_name": "g"},
        {"role": "tool", "content": "r3", "tool_name": "f"},
        {"role": "user", "content": "go on"},
    ]
    assert losses == {
        ("turns[3].parts[0]", "tool result", "moved", "quality"),
        ("turns[4].parts[0]", "result without a call", "dropped", "quality"),
        ("turns[5]", "missing tool result", "added", "quality"),
    }


def test_results_at_the_start_of_a_user_turn_come_before_what_it_says() -> None:
    result = ToolResult(call_id="c", content=(Text(text="r"),), is_error=True)
    body, losses = encode(
        foreign(turn("assistant", ToolCall(call_id="c", name="f")), turn("user", result, Text(text="and?")))
    )
    assert body["messages"] == [
        {"role": "assistant", "content": "", "tool_calls": [call("f")]},
        {"role": "tool", "content": "r", "tool_name": "f"},
        {"role": "user", "content": "and?"},
    ]
    assert losses == {("turns[1].parts[0].is_error", "error flag", "dropped", "quality")}


def test_images_in_results_stay_with_the_result() -> None:
    shot = Media(mime="image/png", data="AAAA")
    result = ToolResult(call_id="c", content=(Text(text="see"), shot))
    body, losses = encode(foreign(turn("assistant", ToolCall(call_id="c", name="f")), turn("tool", result)))
    assert body["messages"][1] == {"role": "tool", "content": "see", "images": ["AAAA"], "tool_name": "f"}
    assert losses == set()


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (Media(mime="image/*", url="https://x/a.png?key=secret"), "'https://x/a.png' cannot be sent .* base64"),
        (Media(mime="image/png", file_id="file-1"), "stored file 'file-1'"),
        (Media(mime="application/pdf", data="AAAA"), "application/pdf content cannot be sent"),
        (Media(mime="audio/wav", data="AAAA"), "audio/wav content cannot be sent"),
    ],
)
def test_content_that_nobody_would_miss_until_it_is_too_late_is_refused(part: Media, message: str) -> None:
    for place in (part, ToolResult(call_id="c", content=(part,))):
        turns = (turn("assistant", ToolCall(call_id="c", name="f")), turn("user", place))
        with pytest.raises(InvalidRequest, match=message) as caught:
            OLLAMA.encode_request(foreign(*turns), TARGET)
        assert (caught.value.status, caught.value.code) == (400, "unsupported_feature")
        assert "secret" not in caught.value.message


def test_what_a_message_cannot_carry_is_named() -> None:
    marked = Text(text="a", cache=CacheMark(), citations=({"url": "u"},), seal="s", origin="x", extra={"x_f": 1})
    image = Media(mime="image/png", data="AAAA", detail="high", name="a.png")
    body, losses = encode(
        foreign(
            turn("developer", Text(text="be brief"), cache=CacheMark()),
            turn("user", marked, image, Unknown(origin="x", data={}), name="bob", extra={"x_t": 1}),
            turn(
                "assistant",
                ToolCall(call_id="c", name="f"),
                Refusal(text="no"),
                Reasoning(redacted=True, seal="s"),
            ),
            turn("assistant", ToolCall(call_id="w", name="web", executor="provider")),
        )
    )
    assert body["messages"] == [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": "a", "images": ["AAAA"]},
        {"role": "assistant", "content": "no", "tool_calls": [call("f")]},
        {"role": "tool", "content": "[No response received]", "tool_name": "f"},
    ]
    assert losses == {
        ("turns[0].cache", "cache mark", "dropped", "cost"),
        ("turns[1].name", "name of the speaker", "dropped", "quality"),
        ("turns[1].extra.x_t", "x_t", "dropped", "quality"),
        ("turns[1].parts[0].cache", "cache mark", "dropped", "cost"),
        ("turns[1].parts[0].seal", "seal", "dropped", "quality"),
        ("turns[1].parts[0].citations", "citations", "dropped", "quality"),
        ("turns[1].parts[0].extra.x_f", "x_f", "dropped", "quality"),
        ("turns[1].parts[1].detail", "image detail", "dropped", "quality"),
        ("turns[1].parts[1].name", "file name", "dropped", "quality"),
        ("turns[1].parts[1]", "image after the text", "moved", "quality"),
        ("turns[1].parts[2]", "unknown block", "dropped", "meaning"),
        ("turns[2].parts[1]", "text after a tool call", "moved", "quality"),
        ("turns[2].parts[1]", "refusal as text", "approximated", "quality"),
        ("turns[2].parts[2]", "redacted reasoning", "dropped", "quality"),
        ("turns[2].parts[2]", "reasoning after the text", "moved", "quality"),
        ("turns[2].parts[2].seal", "seal", "dropped", "quality"),
        ("turns[3]", "missing tool result", "added", "quality"),
        ("turns[3].parts[0]", "hosted tool use", "dropped", "quality"),
    }


def test_arguments_that_are_no_object_are_kept_as_text() -> None:
    for text in ('{"cut": "of', "[1]", "[" * 100_000):
        call_part = ToolCall(call_id="c", name="f", arguments=RawJson(text))
        body, losses = encode(foreign(turn("assistant", call_part)))
        assert body["messages"][0]["tool_calls"] == [call("f", _raw_arguments=text)]
        path = "turns[0].parts[0].arguments"
        assert losses == {(path, "arguments that are not a JSON object", "approximated", "quality")}


def test_big_numbers_in_arguments_stay_exact() -> None:
    call_part = ToolCall(call_id="c", name="f", arguments=RawJson('{"n":1180591620717411303424}'))
    assert (
        b'{"n":1180591620717411303424}'
        in OLLAMA.encode_request(foreign(turn("assistant", call_part)), TARGET).body
    )


F = Tool(name="f", schema=SCHEMA, description="d")
G = Tool(name="g", strict=True, cache=CacheMark())
WIRE_F = {"type": "function", "function": {"name": "f", "description": "d", "parameters": SCHEMA}}
WIRE_G = {
    "type": "function",
    "function": {"name": "g", "description": "", "parameters": {"type": "object", "properties": {}}},
}
G_LOSSES = {
    ("tools[1].strict", "strict schema", "dropped", "quality"),
    ("tools[1].cache", "cache mark", "dropped", "cost"),
}
FORCED = ("tool_choice", "forced tool call", "approximated", "meaning")


@pytest.mark.parametrize(
    ("choice", "tools", "losses"),
    [
        (None, [WIRE_F, WIRE_G], G_LOSSES),
        (ToolChoice(mode="auto", parallel=True), [WIRE_F, WIRE_G], G_LOSSES),
        (
            ToolChoice(mode="required", parallel=False),
            [WIRE_F, WIRE_G],
            {
                *G_LOSSES,
                ("tool_choice", "forced tool call", "dropped", "meaning"),
                ("tool_choice.parallel", "one tool call at a time", "dropped", "quality"),
            },
        ),
        (ToolChoice(mode="none"), None, {("tools", "tools that must not be called", "dropped", "quality")}),
        (
            ToolChoice(mode="one", names=("f",)),
            [WIRE_F],
            {FORCED, ("tools[1]", "tool outside the allowed ones", "dropped", "quality")},
        ),
        (
            ToolChoice(mode="subset", names=("f", "h")),
            [WIRE_F],
            {
                ("tools[1]", "tool outside the allowed ones", "dropped", "quality"),
                ("tool_choice.names[1]", "tool that is not offered", "dropped", "quality"),
            },
        ),
    ],
)
def test_a_choice_of_tools_is_kept_as_far_as_the_offer_can(choice: Any, tools: Any, losses: Any) -> None:
    body, lost = encode(foreign(tools=(F, G), tool_choice=choice))
    assert body.get("tools") == tools
    assert "tool_choice" not in body
    assert lost == losses


def test_hosted_and_nameless_tools_are_not_offered() -> None:
    hosted = Tool(name="web_search", hosted={"type": "web_search"}, origin="openai_responses")
    body, losses = encode(foreign(tools=(hosted, Tool(name=" "))))
    assert "tools" not in body
    assert losses == {
        ("tools[0]", "hosted tool", "dropped", "meaning"),
        ("tools[1]", "tool without a name", "dropped", "quality"),
    }


def test_a_schema_of_the_answer_is_the_format() -> None:
    schema = OutputFormat(kind="json_schema", name="n", schema=SCHEMA, strict=True)
    body, losses = encode(foreign(output=schema))
    assert body["format"] == SCHEMA
    assert losses == {("output.name", "name of the schema", "dropped", "cost")}
    assert encode(foreign(output=OutputFormat(kind="json_object")))[0]["format"] == "json"
    assert "format" not in encode(foreign(output=OutputFormat(kind="text")))[0]
    body, losses = encode(foreign(output=OutputFormat(kind="json_schema")))
    assert body["format"] == "json"
    assert losses == {("output.schema", "schema of the answer", "approximated", "quality")}


GPT_OSS = replace(TARGET, model="gpt-oss:20b")
SWITCH = ("thinking.effort", "thinking effort as a switch", "approximated", "quality")
LEVEL = ("thinking.effort", "thinking effort", "approximated", "quality")
BUDGET = ("thinking.budget_tokens", "thinking effort", "approximated", "quality")


@pytest.mark.parametrize(
    ("thinking", "target", "think", "losses"),
    [
        (Thinking(effort="high"), TARGET, True, {SWITCH}),
        (Thinking(effort="high"), GPT_OSS, "high", set()),
        (Thinking(effort="max"), GPT_OSS, "high", {LEVEL}),
        (Thinking(effort="minimal"), GPT_OSS, "low", {LEVEL}),
        (Thinking(effort="none"), TARGET, False, set()),
        (Thinking(mode="disabled"), TARGET, False, set()),
        (Thinking(mode="enabled"), TARGET, True, set()),
        (
            Thinking(mode="adaptive"),
            TARGET,
            True,
            {("thinking.mode", "thinking effort as a switch", "approximated", "quality")},
        ),
        (Thinking(mode="enabled", budget_tokens=1024), GPT_OSS, "low", {BUDGET}),
        (Thinking(mode="enabled", budget_tokens=10_240), GPT_OSS, "medium", {BUDGET}),
        (Thinking(mode="enabled", budget_tokens=50_000), GPT_OSS, "high", {BUDGET}),
        (
            Thinking(summary="auto"),
            TARGET,
            None,
            {("thinking.summary", "reasoning summary", "dropped", "quality")},
        ),
    ],
)
def test_thinking_is_a_switch_but_for_the_family_that_wants_a_word(
    thinking: Thinking, target: Target, think: Any, losses: Any
) -> None:
    body, lost = encode(foreign(thinking=thinking), target)
    assert body.get("think") == think
    assert lost == losses


def test_a_model_that_cannot_think_is_not_asked_to() -> None:
    target = replace(TARGET, facts=ModelFacts(reasoning=False))
    body, losses = encode(foreign(thinking=Thinking(effort="high")), target)
    assert "think" not in body
    assert losses == {("thinking", "thinking", "dropped", "quality")}
    assert encode(foreign(thinking=Thinking(effort="none")), target) == (encode(foreign())[0], set())


def test_sampling_is_options_and_the_rest_is_named() -> None:
    sampling = Sampling(
        max_output_tokens=9,
        temperature=1.5,
        top_p=0.9,
        top_k=4,
        stop=("x",),
        seed=1,
        presence_penalty=0.1,
        frequency_penalty=0.2,
        n=2,
        logit_bias={"1": 2},
        logprobs=True,
        top_logprobs=3,
    )
    body, losses = encode(foreign(sampling=sampling, user="u", metadata={"k": "v"}, extra={"store": True}))
    assert body["options"] == {
        "num_predict": 9,
        "temperature": 1.5,
        "top_p": 0.9,
        "top_k": 4,
        "stop": ["x"],
        "seed": 1,
        "presence_penalty": 0.1,
        "frequency_penalty": 0.2,
    }
    assert body.keys() == {"model", "messages", "options", "stream"}
    assert losses == {
        ("sampling.n", "number of answers", "dropped", "meaning"),
        ("sampling.logit_bias", "logit_bias", "dropped", "quality"),
        ("sampling.logprobs", "logprobs", "dropped", "meaning"),
        ("sampling.top_logprobs", "top_logprobs", "dropped", "meaning"),
        ("user", "user id", "dropped", "cost"),
        ("metadata.k", "k", "dropped", "cost"),
        ("extra.store", "store", "dropped", "quality"),
    }
