"""Signs of life for who waits for a stream, in virtual time."""

import asyncio

import msgspec
import pytest

from omniroute.dialects.base import Dialect
from omniroute.dialects.envelope import Address
from omniroute.dialects.gemini.dialect import Gemini, GeminiArray
from omniroute.dialects.registry import DIALECTS
from omniroute.upstream.scripted import Answer, Gate
from tests.support.virtual_time import virtually
from tests.unit.pipeline.stage import CHAT, Exchange, stage

SIGNS = {
    "openai_chat": b": keepalive\n\n",
    "openai_responses": b": keepalive\n\n",
    "anthropic": b'event: ping\ndata: {"type":"ping"}\n\n',
    "gemini": b"\n\n",
}


async def waited(dialect: Dialect, seconds: float) -> Exchange:
    gate = Gate()
    headers = {"content-type": "application/json"}
    on = stage(Answer(headers=headers, chunks=(msgspec.json.encode(CHAT),), before=gate))
    asked = {"role": "user", "content": "hi"}
    body = {"model": "up/m", "stream": True, "max_tokens": 9, "messages": [asked], "input": [asked]}
    if dialect.name == "openai_responses":
        del body["messages"]
    else:
        del body["input"]
    exchange = Exchange(body)
    if dialect.name == "gemini":
        exchange = Exchange({"contents": [{"role": "user", "parts": [{"text": "hi"}]}]})
        life = on.generate(exchange, dialect, address=Address("up/m", stream=True))
    else:
        life = on.generate(exchange, dialect)
    task = asyncio.ensure_future(life)
    await gate.reached.wait()
    await asyncio.sleep(seconds)
    exchange.chunks.append(b"|")
    gate.open()
    await task
    return exchange


@pytest.mark.parametrize("name", SIGNS)
def test_after_twenty_seconds_a_sign_is_given_and_then_every_fifteen(name: str) -> None:
    exchange = virtually(waited(DIALECTS[name], 36))
    before, _, after = exchange.received.partition(b"|")
    assert before == SIGNS[name] * 2
    assert exchange.status == 200
    assert exchange.reply_headers[b"content-type"].startswith(b"text/event-stream")
    assert b"hello" in after


@pytest.mark.parametrize("dialect", [DIALECTS["ollama"], GeminiArray()])
def test_who_would_stumble_over_a_sign_waits_in_silence(dialect: Dialect) -> None:
    exchange = virtually(waited(dialect, 60))
    assert exchange.received.startswith(b"|")


def test_an_answer_in_time_needs_no_sign() -> None:
    assert virtually(waited(Gemini(), 19)).received.startswith(b"|")
