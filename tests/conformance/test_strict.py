"""The strict check passes what the vendors send and catches any value or key that their types do not know."""

from collections.abc import Callable

import msgspec
import pytest

from tests.conformance.recorded import (
    ASKED,
    RICH,
    Mutation,
    anthropic_bytes,
    anthropic_events,
    openai_bytes,
    openai_events,
)
from tests.support import strict
from tests.support.upstream import anthropic, openai_chat

OPENAI: dict[str, Mutation] = {
    "an extra key": lambda events: events[0].update(x_extra=1),
    "an extra key in a choice": lambda events: events[0]["choices"][0].update(x_extra=1),
    "an extra key in a delta": lambda events: events[0]["choices"][0]["delta"].update(thinking="x"),
    "no id": lambda events: events[0].pop("id"),
    "no object": lambda events: events[0].pop("object"),
    "another object": lambda events: events[0].update(object="chat.completion"),
    "created as text": lambda events: events[0].update(created="1700000000"),
    "created as a float": lambda events: events[0].update(created=1.5),
    "no choices": lambda events: events[0].pop("choices"),
    "null choices": lambda events: events[0].update(choices=None),
    "no delta": lambda events: events[0]["choices"][0].pop("delta"),
    "content as blocks": lambda events: events[0]["choices"][0]["delta"].update(content=[]),
    "an unknown role": lambda events: events[0]["choices"][0]["delta"].update(role="model"),
    "an unknown finish_reason": lambda events: events[-3]["choices"][0].update(finish_reason="end_turn"),
    "usage without a total": lambda events: events[-2]["usage"].pop("total_tokens"),
    "usage as text": lambda events: events[-2]["usage"].update(prompt_tokens="20"),
    "usage marked estimated": lambda events: events[-2]["usage"].update(estimated=True),
    "arguments as an object": lambda events: events[-4]["choices"][0]["delta"]["tool_calls"][0]["function"].update(
        arguments={}
    ),
    "an error without a code": lambda events: events.insert(1, {"error": {"message": "x", "type": "y"}}),
    "an error of many lines": lambda events: events.insert(
        1, {"error": {"message": "x\ny", "type": "y", "param": None, "code": None}}
    ),
}

ANTHROPIC: dict[str, Mutation] = {
    "an extra key": lambda events: events[0].update(x_extra=1),
    "an extra key in the message": lambda events: events[0]["message"].update(x_extra=1),
    "an extra key in the usage": lambda events: events[0]["message"]["usage"].update(estimated=True),
    "an extra key in a ping": lambda events: events[1].update(at=1),
    "no role": lambda events: events[0]["message"].pop("role"),
    "another role": lambda events: events[0]["message"].update(role="model"),
    "no usage": lambda events: events[0]["message"].pop("usage"),
    "null usage": lambda events: events[-2].update(usage={"output_tokens": None}),
    "an unknown type": lambda events: events[0].update(type="message_begin"),
    "an unknown block": lambda events: events[2]["content_block"].update(type="thought"),
    "a thinking block without its signature": lambda events: events[2]["content_block"].pop("signature"),
    "a text delta without text": lambda events: events[3]["delta"].pop("thinking"),
    "an index as text": lambda events: events[2].update(index="0"),
    "an unknown stop_reason": lambda events: events[-2]["delta"].update(stop_reason="tool_calls"),
    "input as text": lambda events: events[-6]["content_block"].update(input="{}"),
    "an unknown error": lambda events: events.append(
        {"type": "error", "error": {"type": "server_error", "message": "x"}}
    ),
    "an error of OpenAI's": lambda events: events.append({"error": {"type": "api_error", "message": "x"}}),
}


def test_good_streams_pass() -> None:
    assert len(strict.chat_stream(openai_bytes(openai_events()))) == len(openai_events()) - 1
    assert len(strict.message_stream(anthropic_bytes(anthropic_events()))) == len(anthropic_events())


@pytest.mark.parametrize("name", OPENAI)
def test_a_wrong_openai_chunk_is_caught(name: str) -> None:
    events = openai_events()
    OPENAI[name](events)
    with pytest.raises(AssertionError):
        strict.chat_stream(openai_bytes(events))


@pytest.mark.parametrize("name", ANTHROPIC)
def test_a_wrong_anthropic_event_is_caught(name: str) -> None:
    events = anthropic_events()
    ANTHROPIC[name](events)
    with pytest.raises(AssertionError):
        strict.message_stream(anthropic_bytes(events))


def _completion() -> dict:
    return openai_chat.whole(ASKED, RICH, 1)


def _message() -> dict:
    return anthropic.whole(ASKED, RICH, 1)


COMPLETION: dict[str, Callable[[dict], object]] = {
    "an extra key": lambda body: body.update(provider="x"),
    "another object": lambda body: body.update(object="chat.completion.chunk"),
    "no finish_reason": lambda body: body["choices"][0].pop("finish_reason"),
    "a null finish_reason": lambda body: body["choices"][0].update(finish_reason=None),
    "a tool call without an id": lambda body: body["choices"][0]["message"]["tool_calls"][0].pop("id"),
    "an index in a tool call": lambda body: body["choices"][0]["message"]["tool_calls"][0].update(index=0),
    "another role": lambda body: body["choices"][0]["message"].update(role="model"),
}

MESSAGE: dict[str, Callable[[dict], object]] = {
    "an extra key": lambda body: body.update(provider="x"),
    "another type": lambda body: body.update(type="completion"),
    "content as text": lambda body: body.update(content="text"),
    "an unknown block": lambda body: body["content"][0].update(type="reasoning"),
    "an extra key in a block": lambda body: body["content"][1].update(index=0),
    "thinking without its signature": lambda body: body["content"][0].pop("signature"),
    "an unknown stop_reason": lambda body: body.update(stop_reason="stop"),
    "no usage": lambda body: body.pop("usage"),
}


def test_good_answers_pass() -> None:
    strict.chat_completion(msgspec.json.encode(_completion()))
    strict.message(msgspec.json.encode(_message()))


@pytest.mark.parametrize("name", COMPLETION)
def test_a_wrong_completion_is_caught(name: str) -> None:
    body = _completion()
    COMPLETION[name](body)
    with pytest.raises(AssertionError):
        strict.chat_completion(msgspec.json.encode(body))


@pytest.mark.parametrize("name", MESSAGE)
def test_a_wrong_message_is_caught(name: str) -> None:
    body = _message()
    MESSAGE[name](body)
    with pytest.raises(AssertionError):
        strict.message(msgspec.json.encode(body))
