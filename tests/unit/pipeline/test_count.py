"""Counting tokens: who is asked, in what words, and what follows when nobody says."""

from typing import Any

import msgspec
import pytest

from omniroute.accounts.connection import Connection, Secret
from omniroute.catalog.provider import Auth, Operation, Provider
from omniroute.dialects.registry import COUNTERS, COUNTINGS, DIALECTS
from omniroute.pipeline.admit import Admit
from omniroute.pipeline.count import CountTokens
from omniroute.upstream.scripted import Answer, Fault, Script
from tests.unit.pipeline.stage import Exchange, Stage, stage

JSON = {"content-type": "application/json"}
ASKED: dict[str, Any] = {"messages": [{"role": "user", "content": "hello there"}]}
ROCK = Provider(
    id="rock",
    alias="rock",
    name="Rock",
    base_url="https://bedrock-runtime.us-east-1.amazonaws.com",
    auth=Auth(kind="aws", name="bedrock"),
    operations={"chat": Operation(codec="bedrock_converse")},
)
KEYS = Connection(
    id="rock-0",
    provider="rock",
    name="keys",
    secret=Secret("AKIAIOSFODNN7EXAMPLE:wJalrXUtnFEMI"),
    parameters={"region": "us-east-1"},
)
VERTEX = Provider(
    id="vertexed",
    alias="vertexed",
    name="Vertexed",
    base_url="https://vertex.test/v1/publishers/anthropic",
    quirks=("vertex_anthropic",),
    operations={
        "chat": Operation(
            codec="anthropic",
            path="/models/{model}:rawPredict",
            count_path="/models/count-tokens:rawPredict",
            bare=True,
        )
    },
)
TOKEN = Connection(id="vertexed-0", provider="vertexed", name="token", secret=Secret("sk-v"))


def counted(body: object, status: int = 200) -> Answer:
    return Answer(status=status, headers=JSON, chunks=(msgspec.json.encode(body),))


def played(*script: Script, aliases: dict[str, str] | None = None) -> Stage:
    return stage(
        *script,
        accounts={"claude": 3, "up": 1},
        codecs={"claude": "anthropic", "up": "openai_chat"},
        aliases=aliases,
        more=((ROCK, KEYS), (VERTEX, TOKEN)),
    )


async def count(on: Stage, model: str, query: bytes = b"") -> dict[str, Any]:
    counting = CountTokens(
        live=on.live,  # type: ignore[arg-type]  # stands in for the real one
        admit=Admit(on.rules, on.keyring, on.clock),
        candidates=on.candidates,
        transport=on.transport,
        countings=COUNTINGS,
        counters=COUNTERS,
        threads=on.threads,
        clock=on.clock,
        user_agent="test",
        proxy=None,
        log=on.log,  # type: ignore[arg-type]  # stands in for the real one
    )
    exchange = Exchange({"model": model, **ASKED}, query=query)
    await counting(exchange, DIALECTS["anthropic"])
    assert exchange.status == 200, exchange.received
    return exchange.json


@pytest.mark.parametrize("trouble", [counted({}, 429), counted({}, 401), counted({}, 500), Fault("connect", "no")])
async def test_when_one_account_cannot_say_the_next_one_is_asked(trouble: Script) -> None:
    on = played(trouble, counted({"input_tokens": 7}))
    said = await count(on, "claude/m")
    assert (said["input_tokens"], said["source"]) == (7, "provider")
    assert len(on.transport.requests) == 2
    assert on.transport.requests[0].headers != on.transport.requests[1].headers


async def test_nobody_else_is_asked_about_a_request_that_was_refused() -> None:
    on = played(counted({"error": {}}, 400))
    assert (await count(on, "claude/m"))["source"] == "estimated"
    assert len(on.transport.requests) == 1


async def test_nobody_else_is_asked_when_there_is_no_more_time() -> None:
    def slow(request: object) -> Answer:
        on.clock.time += 7
        return counted({}, 503)

    on = played(slow)
    assert (await count(on, "claude/m"))["source"] == "estimated"
    assert len(on.transport.requests) == 1


async def test_bedrock_is_asked_with_a_signature_in_its_own_words() -> None:
    on = played(counted({"inputTokens": 11}))
    assert (await count(on, "rock/anthropic.claude"))["input_tokens"] == 11
    (asked,) = on.transport.requests
    assert asked.url.endswith("/model/anthropic.claude/count-tokens")
    assert dict(asked.headers)["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/")
    body = msgspec.json.decode(asked.body)["input"]["converse"]
    assert body["messages"] == [{"role": "user", "content": [{"text": "hello there"}]}]
    assert "inferenceConfig" not in body


async def test_claude_on_vertex_is_asked_at_a_path_of_its_own_with_the_model_in_the_body() -> None:
    on = played(counted({"input_tokens": 5}))
    assert (await count(on, "vertexed/claude-x", query=b"beta=true"))["input_tokens"] == 5
    (asked,) = on.transport.requests
    assert asked.url == "https://vertex.test/v1/publishers/anthropic/models/count-tokens:rawPredict"
    body = msgspec.json.decode(asked.body)
    assert (body["model"], body["messages"][0]["role"]) == ("claude-x", "user")


async def test_an_alias_is_the_model_that_it_means() -> None:
    on = played(counted({"input_tokens": 3}), aliases={"short": "claude/m"})
    said = await count(on, "short")
    assert (said["input_tokens"], said["model"]) == (3, "m")


async def test_a_provider_that_cannot_count_is_not_asked() -> None:
    on = played()
    assert (await count(on, "up/m"))["source"] == "estimated"
    assert on.transport.requests == []
