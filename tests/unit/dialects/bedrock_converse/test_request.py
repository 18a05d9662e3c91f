"""What a request becomes for the Converse API, case by case."""

from typing import Any

import msgspec
import pytest

from omniroute.dialects.base import Encoded
from omniroute.dialects.bedrock_converse.dialect import BedrockConverse
from omniroute.ir.json import RawJson
from omniroute.ir.parts import CacheMark, Media, Reasoning, Text, ToolCall, ToolResult
from omniroute.ir.request import GenerateRequest, OutputFormat, Sampling, Thinking, Tool, ToolChoice, Turn
from omniroute.ir.target import ModelFacts, Target
from tests.support.converse_rules import check_request

SONNET = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
LLAMA = "meta.llama3-3-70b-instruct-v1:0"
HI = Turn(role="user", parts=(Text(text="hi"),))


def _encoded(request: GenerateRequest, model: str = SONNET, **facts: Any) -> Encoded:
    target = Target(provider="p", model=model, dialect="bedrock_converse", facts=ModelFacts(**facts))
    return BedrockConverse().encode_request(request, target)


def _body(request: GenerateRequest, model: str = SONNET, **facts: Any) -> dict[str, Any]:
    body: dict[str, Any] = msgspec.json.decode(_encoded(request, model, **facts).body)
    check_request(body)
    return body


def _ask(*turns: Turn, **more: Any) -> GenerateRequest:
    return GenerateRequest(model="m", turns=turns or (HI,), **more)


@pytest.mark.parametrize(
    ("model", "path"),
    [
        (SONNET, "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse"),
        (
            "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.x",
            "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2Fus.x/converse",
        ),
    ],
)
def test_the_model_is_in_the_path(model: str, path: str) -> None:
    target = Target(provider="p", model=model, dialect="bedrock_converse")
    assert BedrockConverse().path(target, stream=False) == path
    assert BedrockConverse().path(target, stream=True) == f"{path}-stream"


def test_cache_marks_become_points_where_the_model_takes_them() -> None:
    system = Turn(role="system", parts=(Text(text="S", cache=CacheMark(ttl="1h")),))
    turn = Turn(role="user", parts=(Text(text="hi"),), cache=CacheMark())
    tool = Tool(name="look", cache=CacheMark(ttl="2d"))
    body = _body(_ask(system, turn, tools=(tool,)))
    assert body["system"][1] == {"cachePoint": {"type": "default", "ttl": "1h"}}
    assert body["messages"][0]["content"][1] == {"cachePoint": {"type": "default"}}
    assert body["toolConfig"]["tools"][1] == {"cachePoint": {"type": "default"}}
    encoded = _encoded(_ask(system, turn, tools=(tool,)), LLAMA)
    assert b"cachePoint" not in encoded.body
    assert [loss.what for loss in encoded.losses].count("cache mark") == 3


def test_a_tool_round_survives_with_its_picture_and_its_failure() -> None:
    call = ToolCall(call_id="c 1", name="look.up", arguments=RawJson('{"a": 1}'))
    result = ToolResult(
        call_id="c 1", content=(Text(text="no"), Media(mime="image/png", data="AAAA")), is_error=True
    )
    turns = (HI, Turn(role="assistant", parts=(call,)), Turn(role="tool", parts=(result,)))
    encoded = _encoded(_ask(*turns, tools=(Tool(name="look.up"),)))
    assert encoded.renamed == {"look_up": "look.up"}
    body = msgspec.json.decode(encoded.body)
    use = {"toolUseId": "c_1", "name": "look_up", "input": {"a": 1}}
    assert body["messages"][1]["content"] == [{"toolUse": use}]
    picture = {"image": {"format": "png", "source": {"bytes": "AAAA"}}}
    answer = {"toolUseId": "c_1", "content": [{"text": "no"}, picture], "status": "error"}
    assert body["messages"][2]["content"] == [{"toolResult": answer}]


def test_a_call_that_nobody_answered_is_answered_and_said_so() -> None:
    call = ToolCall(call_id="c1", name="look", arguments=RawJson("{}"))
    encoded = _encoded(_ask(HI, Turn(role="assistant", parts=(call,)), HI))
    check_request(msgspec.json.decode(encoded.body))
    assert any(loss.how == "added" and loss.weight == "meaning" for loss in encoded.losses)


def test_tools_that_were_called_are_declared_even_when_none_is_offered() -> None:
    call = ToolCall(call_id="c1", name="look", arguments=RawJson("{}"))
    result = ToolResult(call_id="c1", content=(Text(text="x"),))
    body = _body(_ask(HI, Turn(role="assistant", parts=(call,)), Turn(role="tool", parts=(result,))))
    assert [tool["toolSpec"]["name"] for tool in body["toolConfig"]["tools"]] == ["look"]


@pytest.mark.parametrize(
    ("choice", "wire"),
    [
        (ToolChoice(mode="auto"), {"auto": {}}),
        (ToolChoice(mode="required"), {"any": {}}),
        (ToolChoice(mode="one", names=("look",)), {"tool": {"name": "look"}}),
        (ToolChoice(mode="subset", names=("look",), required=True), {"any": {}}),
    ],
)
def test_the_choice_of_tools(choice: ToolChoice, wire: dict[str, Any]) -> None:
    body = _body(_ask(tools=(Tool(name="look"),), tool_choice=choice))
    assert body["toolConfig"]["toolChoice"] == wire


def test_a_ban_on_tools_offers_none() -> None:
    body = _body(_ask(tools=(Tool(name="look"),), tool_choice=ToolChoice(mode="none")))
    assert "toolConfig" not in body


@pytest.mark.parametrize(
    ("model", "thinking", "fields", "limit"),
    [
        (SONNET, Thinking(effort="low"), {"thinking": {"type": "enabled", "budget_tokens": 1024}}, 2048),
        (
            SONNET,
            Thinking(mode="enabled", budget_tokens=5000),
            {"thinking": {"type": "enabled", "budget_tokens": 5000}},
            6024,
        ),
        (
            "anthropic.claude-opus-4-6-v1",
            Thinking(effort="max"),
            {"output_config": {"effort": "max"}, "thinking": {"type": "adaptive"}},
            100,
        ),
        (LLAMA, Thinking(effort="high"), None, 100),
        (SONNET, Thinking(mode="disabled"), None, 100),
    ],
)
def test_thinking_is_asked_for_in_the_words_of_the_model(
    model: str, thinking: Thinking, fields: dict[str, Any] | None, limit: int
) -> None:
    body = _body(_ask(thinking=thinking, sampling=Sampling(max_output_tokens=100)), model)
    assert body.get("additionalModelRequestFields") == fields
    assert body["inferenceConfig"]["maxTokens"] == limit


def test_thinking_of_this_dialect_goes_back_and_of_others_does_not() -> None:
    own = Reasoning(text="hm", seal="sig", origin="bedrock_converse")
    foreign = Reasoning(text="hm", seal="other", origin="anthropic")
    body = _body(_ask(HI, Turn(role="assistant", parts=(own, foreign, Text(text="yes"))), HI))
    assert body["messages"][1]["content"] == [
        {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "sig"}}},
        {"text": "yes"},
    ]


def test_documents_have_names_of_their_own_and_a_text_beside_them() -> None:
    pdf = Media(mime="application/pdf", data="AAAA", name="a_b.pdf")
    body = _body(_ask(Turn(role="user", parts=(pdf, pdf))))
    content = body["messages"][0]["content"]
    assert content[0] == {"text": "."}
    assert [block["document"]["name"] for block in content[1:]] == ["a b pdf", "a b pdf 0 1"]


def test_a_picture_by_address_is_lost_with_its_meaning() -> None:
    picture = Media(mime="image/*", url="https://example.com/a.png")
    encoded = _encoded(_ask(Turn(role="user", parts=(Text(text="what?"), picture))))
    (loss,) = encoded.losses
    assert (loss.path, loss.how, loss.weight) == ("turns[0].parts[1]", "dropped", "meaning")


def test_a_schema_of_the_answer_is_sent_as_text() -> None:
    schema = {"type": "object", "properties": {"b": {}, "a": {}}}
    output = OutputFormat(kind="json_schema", name="n", schema=schema)
    definition = {"schema": msgspec.json.encode(schema).decode(), "name": "n"}
    wire = {"type": "json_schema", "structure": {"jsonSchema": definition}}
    assert _body(_ask(output=output))["outputConfig"] == {"textFormat": wire}
    assert "outputConfig" not in _body(_ask(output=output), structured_output=False)


@pytest.mark.parametrize(
    ("sampling", "model", "config", "fields"),
    [
        (Sampling(temperature=1.5), SONNET, {"temperature": 1}, None),
        (Sampling(temperature=0.5, top_p=0.9), SONNET, {"temperature": 0.5}, None),
        (Sampling(temperature=0.5, top_p=0.9), LLAMA, {"temperature": 0.5, "topP": 0.9}, None),
        (Sampling(top_k=5), SONNET, None, {"top_k": 5}),
        (Sampling(top_k=5), "amazon.nova-pro-v1:0", None, {"inferenceConfig": {"topK": 5}}),
        (Sampling(top_k=5), LLAMA, None, None),
        (Sampling(stop=("a", " ")), LLAMA, {"stopSequences": ["a"]}, None),
    ],
)
def test_sampling(
    sampling: Sampling, model: str, config: dict[str, Any] | None, fields: dict[str, Any] | None
) -> None:
    body = _body(_ask(sampling=sampling), model)
    assert body.get("inferenceConfig") == config
    assert body.get("additionalModelRequestFields") == fields
