"""What a request becomes for Cohere's chat API, and what its failures mean, case by case."""

from typing import Any

import msgspec
import pytest

from omniroute.dialects.cohere.dialect import Cohere
from omniroute.ir.events import Failed
from omniroute.ir.failure import Failure
from omniroute.ir.json import RawJson
from omniroute.ir.parts import Media, Reasoning, Text, ToolCall, ToolResult
from omniroute.ir.request import GenerateRequest, OutputFormat, Sampling, Thinking, Tool, ToolChoice, Turn
from omniroute.ir.target import Target
from tests.support.cohere_rules import check_request

COHERE = Cohere()
HI = Turn(role="user", parts=(Text(text="hi"),))
PLAIN, REASONING = "command-a-03-2025", "command-a-reasoning-08-2025"
LOOK = Tool(name="look")
ROUND = (
    HI,
    Turn(
        role="assistant",
        parts=(Reasoning(text="hm"), ToolCall(call_id="c1", name="look", arguments=RawJson("{}"))),
    ),
    Turn(role="tool", parts=(ToolResult(call_id="c1", content=(Text(text="found"),)),)),
)


def _body(*turns: Turn, model: str = PLAIN, **more: Any) -> dict[str, Any]:
    request = GenerateRequest(model="m", turns=turns or (HI,), **more)
    encoded = COHERE.encode_request(request, Target(provider="p", model=model, dialect="cohere"))
    body: dict[str, Any] = msgspec.json.decode(encoded.body)
    check_request(body)
    return body


def test_thinking_before_a_call_goes_back_as_the_plan() -> None:
    messages = _body(*ROUND, tools=(LOOK,))["messages"]
    call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    assert messages[1:] == [
        {"role": "assistant", "tool_plan": "hm", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": "found"}]},
    ]


def test_thinking_goes_back_as_it_is_to_a_model_that_thinks() -> None:
    message = _body(*ROUND, tools=(LOOK,), model=REASONING)["messages"][1]
    assert message["content"] == [{"type": "thinking", "thinking": "hm"}]
    assert "tool_plan" not in message


def test_pictures_travel_by_address_and_as_data() -> None:
    by_url = Media(mime="image/*", url="https://example.com/a.png", detail="low")
    data = Media(mime="image/png", data="AAAA")
    (message,) = _body(Turn(role="user", parts=(Text(text="x"), by_url, data)))["messages"]
    assert message["content"][1:] == [
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
    ]


@pytest.mark.parametrize(
    ("choice", "word", "offered"),
    [
        (ToolChoice(mode="auto"), None, ["look", "other"]),
        (ToolChoice(mode="none"), "NONE", ["look", "other"]),
        (ToolChoice(mode="required"), "REQUIRED", ["look", "other"]),
        (ToolChoice(mode="one", names=("look",)), "REQUIRED", ["look"]),
        (ToolChoice(mode="subset", names=("look",)), None, ["look"]),
    ],
)
def test_the_choice_of_tools(choice: ToolChoice, word: str | None, offered: list[str]) -> None:
    body = _body(tools=(LOOK, Tool(name="other")), tool_choice=choice)
    assert body.get("tool_choice") == word
    assert [tool["function"]["name"] for tool in body["tools"]] == offered


@pytest.mark.parametrize(
    ("thinking", "model", "wire"),
    [
        (Thinking(effort="low"), REASONING, {"type": "enabled", "token_budget": 1024}),
        (Thinking(effort="high"), REASONING, {"type": "enabled"}),
        (Thinking(mode="enabled", budget_tokens=77), REASONING, {"type": "enabled", "token_budget": 77}),
        (Thinking(effort="none"), REASONING, {"type": "disabled"}),
        (Thinking(effort="high"), PLAIN, None),
    ],
)
def test_thinking(thinking: Thinking, model: str, wire: dict[str, Any] | None) -> None:
    assert _body(model=model, thinking=thinking).get("thinking") == wire


def test_sampling_is_brought_into_the_range_of_the_api() -> None:
    sampling = Sampling(top_p=1, top_k=900, presence_penalty=-1, stop=("a", "b", "c", "d", "e", "f"), seed=3)
    body = _body(sampling=sampling, output=OutputFormat(kind="json_schema", schema={"type": "object"}))
    assert (body["p"], body["k"], body["presence_penalty"], body["seed"]) == (0.99, 500, 0, 3)
    assert body["stop_sequences"] == ["a", "b", "c", "d", "e"]
    assert body["response_format"] == {"type": "json_object", "json_schema": {"type": "object"}}


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request"),
        (401, "authentication"),
        (404, "not_found"),
        (422, "invalid_request"),
        (429, "rate_limit"),
        (498, "invalid_request"),
        (500, "server"),
        (503, "overloaded"),
    ],
)
def test_failures(status: int, kind: str) -> None:
    failure = COHERE.decode_failure(status, {}, b'{"id":"x","message":"no"}')
    assert (failure.kind, failure.status, failure.message) == (kind, status, "no")


def test_an_answer_that_the_provider_gave_up_is_a_failure() -> None:
    whole = COHERE.decode_response(b'{"id":"c","finish_reason":"TIMEOUT","message":{"role":"assistant"}}')
    assert isinstance(whole, Failure)
    assert (whole.kind, whole.status) == ("timeout", 504)
    decoder = COHERE.stream_decoder()
    raw = b'data: {"type":"message-end","delta":{"finish_reason":"ERROR","error":"overheated"}}\n\n'
    (_, last) = [*decoder.feed(raw), *decoder.close()]
    assert isinstance(last, Failed)
    assert last.failure.message == "overheated"
