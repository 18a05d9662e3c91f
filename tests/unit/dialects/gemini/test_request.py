"""Requests towards Gemini, and Gemini's own: the cases that broke other gateways."""

from typing import Any

import msgspec
import pytest

from omniroute.dialects.anthropic.dialect import Anthropic
from omniroute.dialects.base import Loss
from omniroute.dialects.gemini.dialect import Gemini
from omniroute.dialects.gemini.names import restoring
from omniroute.dialects.openai_chat.dialect import OpenAIChat
from omniroute.dialects.renamed import restored_response
from omniroute.errors import InvalidRequest
from omniroute.ir.json import RawJson
from omniroute.ir.parts import Media, Reasoning, Text, ToolCall, ToolResult
from omniroute.ir.request import GenerateRequest, Thinking, Tool, ToolChoice, Turn
from omniroute.ir.result import GenerateResponse
from omniroute.ir.target import ModelFacts, Target
from tests.unit.dialects.gemini.rules import check_request

GEMINI, CHAT, ANTHROPIC = Gemini(), OpenAIChat(), Anthropic()
Json = dict[str, Any]


def target(model: str = "gemini-2.5-flash", **facts: Any) -> Target:
    return Target(provider="p", model=model, dialect="gemini", facts=ModelFacts(**facts))


def sent(request: GenerateRequest, model: str = "gemini-2.5-flash", **facts: Any) -> tuple[Json, tuple[Loss, ...]]:
    encoded = GEMINI.encode_request(request, target(model, **facts))
    body = msgspec.json.decode(encoded.body)
    check_request(body)
    return body, encoded.losses


def from_chat(*messages: Json, **fields: Any) -> tuple[Json, tuple[Loss, ...]]:
    body = {"model": "m", "messages": list(messages or ({"role": "user", "content": "hi"},)), **fields}
    return sent(CHAT.decode_request(body))


def asked(*parts: Any, **fields: Any) -> GenerateRequest:
    return GenerateRequest(model="m", turns=(Turn(role="user", parts=parts or (Text(text="hi"),)),), **fields)


def function(schema: Json, name: str = "f") -> Json:
    return {"type": "function", "function": {"name": name, "parameters": schema}}


def test_the_path_names_the_model_and_the_verb() -> None:
    assert GEMINI.path(target("gemini-2.5-pro"), stream=False) == "/models/gemini-2.5-pro:generateContent"
    assert GEMINI.path(target("models/x y"), stream=True) == "/models/x%20y:streamGenerateContent?alt=sse"
    assert GEMINI.path(target("tunedModels/a"), stream=False) == "/tunedModels/a:generateContent"


def test_the_body_of_a_gemini_client_never_names_model_or_stream() -> None:
    request = GEMINI.decode_request({"model": "a", "stream": True, "contents": "hi"})
    assert (request.model, request.stream) == ("a", True)
    assert sent(request)[0] == {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}


def test_t14_a_schema_keeps_only_what_the_api_knows() -> None:
    schema = {
        "$schema": "x",
        "type": "object",
        "title": "T",
        "x-foo": 1,
        "additionalProperties": False,
        "$defs": {"leaf": {"type": "object", "properties": {"n": {"type": "integer", "enum": [1, 2]}}}},
        "properties": {
            "leaf": {"$ref": "#/$defs/leaf"},
            "kind": {"const": "only"},
            "maybe": {"anyOf": [{"type": "null"}, {"type": "string", "format": "uri"}]},
            "many": {"type": ["string", "null"]},
            "number": {"type": "string", "enum": ["1", 2]},
            "all": {"allOf": [{"properties": {"a": {"type": "string"}}, "required": ["a"]}, {"type": "object"}]},
        },
        "required": ["leaf", "gone"],
    }
    body, losses = from_chat(tools=[function(schema)])
    assert body["tools"][0]["functionDeclarations"][0]["parameters"] == {
        "type": "object",
        "properties": {
            "leaf": {"type": "object", "properties": {"n": {"type": "integer"}}},
            "kind": {"type": "string", "enum": ["only"]},
            "maybe": {"type": "string", "nullable": True},
            "many": {"type": "string", "nullable": True},
            "number": {"type": "string", "enum": ["1", "2"]},
            "all": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
        },
        "required": ["leaf"],
    }
    assert {loss.what for loss in losses if loss.path == "tools[0].schema"} == {
        f"schema keyword {name}"
        for name in ("$schema", "title", "x-foo", "additionalProperties", "enum", "format")
    }


def test_t14_a_circular_schema_ends() -> None:
    schema = {"type": "object", "properties": {"child": {"$ref": "#"}, "n": {"type": "string"}}}
    body, losses = from_chat(tools=[function(schema)])
    child = body["tools"][0]["functionDeclarations"][0]["parameters"]["properties"]["child"]
    assert child["properties"]["child"] == {"type": "object"}
    assert any(loss.what == "schema keyword $ref" for loss in losses)


def test_t14_a_schema_that_explodes_is_cut() -> None:
    levels = {f"l{n}": {"properties": {k: {"$ref": f"#/$defs/l{n + 1}"} for k in "ab"}} for n in range(30)}
    schema = {"type": "object", "properties": {"a": {"$ref": "#/$defs/l0"}}, "$defs": levels}
    body, _ = from_chat(tools=[function(schema)])
    assert len(msgspec.json.encode(body)) < 1_000_000


def test_t14_a_long_tool_name_is_shortened_and_restored_in_the_answer() -> None:
    name = "n" * 80
    history = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": {"name": name}}]},
        {"role": "tool", "tool_call_id": "c", "content": "ok"},
    ]
    choice = {"type": "function", "function": {"name": name}}
    fields: Json = {"tools": [function({}, name), function({}, "a.b"), function({}, "a_b")], "tool_choice": choice}
    body, losses = from_chat(*history, **fields)
    short, dotted, plain = (one["name"] for one in body["tools"][0]["functionDeclarations"])
    assert (len(short), plain == dotted, dotted) == (64, False, "a_b")
    assert plain.startswith("a_b_")
    assert body["contents"][1]["parts"][0]["functionCall"]["name"] == short
    assert body["contents"][2]["parts"][0]["functionResponse"]["name"] == short
    assert body["toolConfig"]["functionCallingConfig"] == {"mode": "ANY", "allowedFunctionNames": [short]}
    assert any(loss.path == "tools[0].name" for loss in losses)
    answer = {"candidates": [{"content": {"parts": [{"functionCall": {"name": short, "args": {}}}]}}]}
    response = GEMINI.decode_response(msgspec.json.encode(answer))
    assert isinstance(response, GenerateResponse)
    names = restoring(CHAT.decode_request({"model": "m", "messages": history, **fields}))
    (call,) = restored_response(response, names).parts
    assert isinstance(call, ToolCall)
    assert call.name == name


def test_t15_only_the_first_call_of_a_turn_carries_its_seal() -> None:
    calls = tuple(
        ToolCall(call_id=f"c{n}", name="f", arguments=RawJson("{}"), origin="gemini", seal="c2VhbA==")
        for n in (0, 1)
    )
    results = tuple(ToolResult(call_id=f"c{n}", content=(Text(text="ok"),)) for n in (0, 1))
    turns = (Turn(role="user", parts=(Text(text="go"),)), Turn(role="assistant", parts=calls))
    request = GenerateRequest(model="m", turns=(*turns, Turn(role="tool", parts=results)), dialect="openai_chat")
    body, losses = sent(request)
    assert ["thoughtSignature" in part for part in body["contents"][1]["parts"]] == [True, False]
    assert [loss.path for loss in losses] == ["turns[1].parts[1].seal"]


def test_a_seal_of_another_vendor_is_named_and_not_sent() -> None:
    thought = Reasoning(text="hm", seal="sig", origin="anthropic")
    turns = (Turn(role="user", parts=(Text(text="a"),)), Turn(role="assistant", parts=(thought,)))
    body, losses = sent(GenerateRequest(model="m", turns=turns, dialect="anthropic"))
    assert body["contents"][1]["parts"] == [{"text": "hm", "thought": True}]
    assert [(loss.path, loss.what) for loss in losses] == [("turns[1].parts[0].seal", "seal")]


def test_t21_a_pdf_of_a_messages_client_becomes_inline_data() -> None:
    source = {"type": "base64", "media_type": "application/pdf", "data": "JVBERg=="}
    message = {"role": "user", "content": [{"type": "document", "source": source}]}
    request = ANTHROPIC.decode_request({"model": "m", "max_tokens": 9, "messages": [message]})
    body, losses = sent(request)
    assert body["contents"][0]["parts"] == [{"inlineData": {"mimeType": "application/pdf", "data": "JVBERg=="}}]
    assert losses == ()


@pytest.mark.parametrize("mime", ["image/png", "audio/wav", "video/mp4"])
def test_media_by_content_become_inline_data(mime: str) -> None:
    body, losses = sent(asked(Media(mime=mime, data="AAAA")))
    assert body["contents"][0]["parts"] == [{"inlineData": {"mimeType": mime, "data": "AAAA"}}]
    assert losses == ()


def test_a_picture_by_address_is_refused_with_what_to_do() -> None:
    with pytest.raises(InvalidRequest, match=r"turns\[0\].parts\[0\].*base64") as refused:
        sent(asked(Media(mime="image/*", url="https://example.com/a.png")))
    assert (refused.value.status, refused.value.code) == (400, "unsupported_feature")


@pytest.mark.parametrize("uri", ["gs://b/a.png", "https://generativelanguage.googleapis.com/v1beta/files/x"])
def test_files_that_google_stores_go_by_address(uri: str) -> None:
    body, _ = sent(asked(Media(mime="image/png", url=uri)))
    assert body["contents"][0]["parts"] == [{"fileData": {"mimeType": "image/png", "fileUri": uri}}]


def test_t34_a_json_schema_becomes_a_response_schema() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False}
    described = {"name": "n", "schema": schema, "strict": True}
    body, losses = from_chat(response_format={"type": "json_schema", "json_schema": described})
    assert body["generationConfig"] == {
        "responseMimeType": "application/json",
        "responseSchema": {"type": "object", "properties": {"a": {"type": "string"}}},
    }
    assert {loss.path for loss in losses} == {"output.name", "output.schema"}
    body, _ = from_chat(response_format={"type": "json_object"})
    assert body["generationConfig"] == {"responseMimeType": "application/json"}


def test_t34_a_response_schema_reaches_other_dialects_as_json_schema() -> None:
    schema = {"type": "OBJECT", "properties": {"a": {"type": "STRING", "nullable": True}}}
    config = {"response_mime_type": "application/json", "response_schema": schema}
    request = GEMINI.decode_request({"model": "m", "contents": "hi", "generation_config": config})
    encoded = CHAT.encode_request(request, Target(provider="p", model="m", dialect="openai_chat"))
    wire = msgspec.json.decode(encoded.body)
    assert wire["response_format"]["json_schema"]["schema"] == {
        "type": "object",
        "properties": {"a": {"type": ["string", "null"]}},
    }
    assert encoded.losses == ()


def test_t35_instructions_alone_become_the_user_turn() -> None:
    body, losses = from_chat({"role": "system", "content": "be kind"})
    assert body == {"contents": [{"role": "user", "parts": [{"text": "be kind"}]}]}
    assert [(loss.path, loss.how) for loss in losses] == [("turns[0]", "moved")]


def test_t36_snake_case_means_the_same() -> None:
    snake = {
        "model": "m",
        "system_instruction": {"parts": [{"text": "s"}]},
        "contents": [
            {"role": "user", "parts": [{"inline_data": {"mime_type": "image/png", "data": "AA=="}}]},
            {"role": "model", "parts": [{"function_call": {"name": "f"}, "thought_signature": "c2VhbA=="}]},
            {"role": "user", "parts": [{"function_response": {"name": "f", "response": {"snake_key": 1}}}]},
        ],
        "tools": [{"function_declarations": [{"name": "f", "parameters_json_schema": {"snake_key": 1}}]}],
        "tool_config": {"function_calling_config": {"mode": "ANY", "allowed_function_names": ["f"]}},
        "generation_config": {"max_output_tokens": 5, "thinking_config": {"thinking_budget": 7}},
        "safety_settings": [{"category": "c", "threshold": "t"}],
    }
    camel = {
        "model": "m",
        "systemInstruction": {"parts": [{"text": "s"}]},
        "contents": [
            {"role": "user", "parts": [{"inlineData": {"mimeType": "image/png", "data": "AA=="}}]},
            {"role": "model", "parts": [{"functionCall": {"name": "f"}, "thoughtSignature": "c2VhbA=="}]},
            {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"snake_key": 1}}}]},
        ],
        "tools": [{"functionDeclarations": [{"name": "f", "parametersJsonSchema": {"snake_key": 1}}]}],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
        "generationConfig": {"maxOutputTokens": 5, "thinkingConfig": {"thinkingBudget": 7}},
        "safetySettings": [{"category": "c", "threshold": "t"}],
    }
    request = GEMINI.decode_request(snake)
    assert request == GEMINI.decode_request(camel)
    assert request.sampling.max_output_tokens == 5
    assert request.tool_choice == ToolChoice(mode="one", names=("f",))
    again = msgspec.json.decode(GEMINI.encode_request(request, target()).body)
    assert again == {name: value for name, value in camel.items() if name != "model"}


def test_tool_calls_and_results_are_matched_merged_and_answered() -> None:
    def call(call_id: str, name: str) -> Json:
        return {"id": call_id, "type": "function", "function": {"name": name, "arguments": '{"a":1}'}}

    body, losses = from_chat(
        {"role": "user", "content": "one"},
        {"role": "user", "content": "two"},
        {"role": "assistant", "content": "", "tool_calls": [call("c1", "f"), call("c2", "g")]},
        {"role": "tool", "tool_call_id": "c2", "content": "second"},
        {"role": "tool", "tool_call_id": "gone", "content": "orphan"},
        {"role": "user", "content": "go on"},
    )
    assert body["contents"] == [
        {"role": "user", "parts": [{"text": "one"}, {"text": "two"}]},
        {
            "role": "model",
            "parts": [
                {"functionCall": {"id": "c1", "name": "f", "args": {"a": 1}}},
                {"functionCall": {"id": "c2", "name": "g", "args": {"a": 1}}},
            ],
        },
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"id": "c1", "name": "f", "response": {"output": "[No response received]"}}},
                {"functionResponse": {"id": "c2", "name": "g", "response": {"output": "second"}}},
                {"text": "go on"},
            ],
        },
    ]
    assert {(loss.how, loss.weight) for loss in losses} == {("added", "meaning"), ("dropped", "meaning")}


def test_a_failed_result_with_a_picture_keeps_both() -> None:
    failed = ToolResult(
        call_id="c", is_error=True, content=(Text(text="no"), Media(mime="image/png", data="AAAA"))
    )
    turns = (
        Turn(role="user", parts=(Text(text="a"),)),
        Turn(role="assistant", parts=(ToolCall(call_id="c", name="f", arguments=RawJson("not json")),)),
        Turn(role="tool", parts=(failed,)),
    )
    body, losses = sent(GenerateRequest(model="m", turns=turns))
    assert body["contents"][1]["parts"][0]["functionCall"]["args"] == {"_raw_arguments": "not json"}
    assert body["contents"][2]["parts"] == [
        {"functionResponse": {"id": "c", "name": "f", "response": {"error": "no"}}},
        {"inlineData": {"mimeType": "image/png", "data": "AAAA"}},
    ]
    assert {loss.what for loss in losses} == {"arguments that are not a JSON object", "media of a tool result"}


@pytest.mark.parametrize(
    ("response", "failed", "text"),
    [
        ({"output": "ok"}, False, "ok"),
        ({"result": "ok"}, False, "ok"),
        ({"error": "bad"}, True, "bad"),
        ({"temperature": 3}, False, '{"temperature":3}'),
        ({"error": {"code": 1}}, True, '{"error":{"code":1}}'),
    ],
)
def test_every_shape_of_a_result_is_understood(response: Json, failed: bool, text: str) -> None:
    contents = [
        {"role": "model", "parts": [{"functionCall": {"name": "f"}}, {"functionCall": {"name": "f"}}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": response}}] * 2},
    ]
    turns = GEMINI.decode_request({"model": "m", "contents": contents}).turns
    calls = [part.call_id for part in turns[0].parts if isinstance(part, ToolCall)]
    results = [part for part in turns[1].parts if isinstance(part, ToolResult)]
    assert calls == ["call_0", "call_1"]
    assert [result.call_id for result in results] == calls
    assert [result.is_error for result in results] == [failed, failed]
    assert [piece.text for piece in results[0].content if isinstance(piece, Text)] == [text]


@pytest.mark.parametrize(
    ("choice", "config"),
    [
        (ToolChoice(mode="auto"), {"mode": "AUTO"}),
        (ToolChoice(mode="none"), {"mode": "NONE"}),
        (ToolChoice(mode="required"), {"mode": "ANY"}),
        (ToolChoice(mode="one", names=("f",)), {"mode": "ANY", "allowedFunctionNames": ["f"]}),
        (ToolChoice(mode="subset", names=("f", "g")), {"mode": "AUTO", "allowedFunctionNames": ["f", "g"]}),
        (
            ToolChoice(mode="subset", names=("f", "x"), required=True),
            {"mode": "ANY", "allowedFunctionNames": ["f"]},
        ),
        (ToolChoice(parallel=False, explicit=False), None),
    ],
)
def test_a_tool_choice_is_said_in_google_s_words(choice: ToolChoice, config: Json | None) -> None:
    body, losses = sent(asked(tools=(Tool(name="f"), Tool(name="g")), tool_choice=choice))
    assert body.get("toolConfig", {}).get("functionCallingConfig") == config
    assert bool(losses) == (choice.parallel is False or "x" in choice.names)


def test_search_is_kept_alone_and_dropped_beside_functions() -> None:
    search = Tool(
        name="web_search", hosted={"type": "web_search_20250305", "name": "web_search"}, origin="anthropic"
    )
    body, losses = sent(asked(tools=(search,)))
    assert body["tools"] == [{"googleSearch": {}}]
    assert [loss.how for loss in losses] == ["approximated"]
    body, losses = sent(asked(tools=(search, Tool(name="f"))))
    assert list(body["tools"][0]) == ["functionDeclarations"]
    assert [(loss.path, loss.weight) for loss in losses] == [("tools[0]", "meaning")]


@pytest.mark.parametrize(
    ("thinking", "dialect", "model", "config"),
    [
        (Thinking(effort="low"), "openai_chat", "gemini-2.5-flash", 1024),
        (Thinking(effort="medium"), "openai_chat", "gemini-2.5-flash", 8192),
        (Thinking(effort="medium"), "anthropic", "gemini-2.5-flash", 10_240),
        (Thinking(effort="high"), "openai_chat", "gemini-2.5-flash", 24_576),
        (Thinking(effort="high"), "openai_chat", "gemini-2.5-pro", 32_768),
        (Thinking(effort="none"), "openai_chat", "gemini-2.5-flash", 0),
        (Thinking(mode="disabled"), "anthropic", "gemini-2.5-pro", 128),
        (Thinking(mode="enabled", budget_tokens=5000), "anthropic", "gemini-2.5-pro", 5000),
        (Thinking(mode="adaptive"), "anthropic", "gemini-2.5-pro", -1),
        (Thinking(effort="high"), "openai_chat", "gemma-3-27b-it", None),
    ],
)
def test_thinking_is_fitted_to_the_model(thinking: Thinking, dialect: str, model: str, config: int | None) -> None:
    body, _ = sent(asked(thinking=thinking, dialect=dialect), model)
    said = body.get("generationConfig", {}).get("thinkingConfig", {})
    assert said.get("thinkingBudget") == config
    thinks = config not in (None, 0) and thinking.mode != "disabled"
    assert said.get("includeThoughts") == (True if thinks else None)


def test_more_than_five_stop_sequences_are_cut_with_a_loss() -> None:
    request = asked()
    stops = tuple("abcdef")
    body, losses = sent(
        msgspec.structs.replace(request, sampling=msgspec.structs.replace(request.sampling, stop=stops))
    )
    assert body["generationConfig"]["stopSequences"] == list("abcde")
    assert [(loss.path, loss.weight) for loss in losses] == [("sampling.stop[5]", "meaning")]


def test_the_output_limit_never_exceeds_the_model_s_own() -> None:
    request = CHAT.decode_request({"model": "m", "messages": [], "max_tokens": 9000})
    body, losses = sent(request, max_output_tokens=4096)
    assert body["generationConfig"]["maxOutputTokens"] == 4096
    assert any(loss.path == "sampling.max_output_tokens" for loss in losses)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "model"),
        ({"model": "m", "contents": 7}, "contents"),
        ({"model": "m", "contents": [7]}, r"contents\[0\]"),
        ({"model": "m", "contents": [{"role": "robot"}]}, r"contents\[0\].role"),
        ({"model": "m", "contents": [{"parts": [{"text": 7}]}]}, r"contents\[0\].parts\[0\].text"),
        ({"model": "m", "contents": [{"parts": [{"inlineData": {}}]}]}, "mimeType"),
        ({"model": "m", "tools": 7}, "tools"),
        ({"model": "m", "tools": [{"functionDeclarations": [{}]}]}, "name"),
        ({"model": "m", "generationConfig": {"topK": "many"}}, "generationConfig.topK"),
        ({"model": "m", "generationConfig": []}, "generationConfig"),
    ],
)
def test_a_body_that_cannot_be_used_names_its_field(body: Json, field: str) -> None:
    with pytest.raises(InvalidRequest, match=f"{field}"):
        GEMINI.decode_request(body)


def test_a_deep_body_is_read_to_a_limit_and_never_breaks() -> None:
    deep: Json = {}
    for _ in range(900):
        deep = {"some_key": deep}
    request = GEMINI.decode_request({"model": "m", "contents": [], "x_deep": deep})
    assert request.extra is not None
    assert "xDeep" in request.extra
