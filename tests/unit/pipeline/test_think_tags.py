"""A provider that thinks between tags is heard thinking by clients of every dialect, its own included."""

import msgspec
import pytest

from omniroute.upstream.scripted import Answer
from tests.unit.pipeline.stage import CHAT, Exchange, stage

QUESTION = {"model": "up/deepseek-r1", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 9}


def whole(content: str, choices: int = 1) -> Answer:
    said = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}
    body = CHAT | {"choices": [said] * choices}
    return Answer(headers={"content-type": "application/json"}, chunks=(msgspec.json.encode(body),))


def stream(*pieces: str) -> Answer:
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    choices = [{"index": 0, "delta": {"content": piece}, "finish_reason": None} for piece in pieces]
    choices.append({"index": 0, "delta": {}, "finish_reason": "stop"})
    frames = [b"data: " + msgspec.json.encode(head | {"choices": [one]}) + b"\n\n" for one in choices]
    return Answer(headers={"content-type": "text/event-stream"}, chunks=(*frames, b"data: [DONE]\n\n"))


async def test_a_chat_client_gets_reasoning_content() -> None:
    on = stage(whole("<think>why</think>because"))
    message = (await on.ask(Exchange(QUESTION))).json["choices"][0]["message"]
    assert (message["reasoning_content"], message["content"]) == ("why", "because")


@pytest.mark.parametrize("dialect", ["openai_chat", "anthropic"])
async def test_a_stream_is_told_apart_across_its_chunks(dialect: str) -> None:
    on = stage(stream("<thi", "nk>why</th", "ink>because"))
    received = (await on.ask(Exchange(QUESTION | {"stream": True}), dialect)).received
    assert b"think>" not in received
    assert b"why" in received
    assert b"because" in received


async def test_several_choices_are_passed_on_as_they_are() -> None:
    on = stage(whole("<think>why</think>because", choices=2))
    answer = (await on.ask(Exchange(QUESTION | {"n": 2}))).json
    assert [one["message"]["content"] for one in answer["choices"]] == ["<think>why</think>because"] * 2


async def test_other_models_are_passed_on_untouched() -> None:
    on = stage(whole("<think>why</think>because"))
    answer = (await on.ask(Exchange(QUESTION | {"model": "up/gpt-4o"}))).json
    assert answer["choices"][0]["message"]["content"] == "<think>why</think>because"
