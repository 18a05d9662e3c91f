"""A model that is asked for with its longest context: the suffix `[1m]`, which no provider knows."""

import msgspec
import pytest

from omniroute.upstream.scripted import Answer
from tests.unit.pipeline.stage import CHAT, Exchange, stage
from tests.unit.pipeline.test_clouds import MESSAGE

BETA = "context-1m-2025-08-07"
ASK = {"max_tokens": 10, "messages": [{"role": "user", "content": "hi"}]}


def _json(body: object) -> Answer:
    return Answer(headers={"content-type": "application/json"}, chunks=(msgspec.json.encode(body),))


@pytest.mark.parametrize("dialect", ["openai_chat", "anthropic"])
@pytest.mark.parametrize(
    ("betas", "sent"),
    [
        (None, BETA),
        ("tools-2024-04-04", f"tools-2024-04-04,{BETA}"),
        (f"{BETA},tools-2024-04-04", f"{BETA},tools-2024-04-04"),
    ],
)
async def test_t95_the_suffix_for_long_contexts_becomes_the_beta_of_anthropic(
    dialect: str, betas: str | None, sent: str
) -> None:
    scene = stage(_json(MESSAGE))
    headers = {} if betas is None else {"anthropic-beta": betas}
    exchange = await scene.ask(Exchange({"model": "claude/claude-sonnet-4-5[1m]", **ASK}, headers), dialect)
    assert exchange.status == 200
    (request,) = scene.transport.requests
    assert msgspec.json.decode(request.body)["model"] == "claude-sonnet-4-5"
    # What a client of another dialect says about Anthropic's betas concerns nobody (T30).
    assert dict(request.headers)["anthropic-beta"] == (sent if dialect == "anthropic" else BETA)


async def test_elsewhere_it_is_only_taken_off() -> None:
    scene = stage(_json(CHAT))
    await scene.ask(Exchange({"model": "up/gpt-4o[1m]", **ASK}))
    (request,) = scene.transport.requests
    assert msgspec.json.decode(request.body)["model"] == "gpt-4o"
    assert "anthropic-beta" not in dict(request.headers)
