"""Answers to questions that mean the same: to whom, and when only counted."""

from typing import Any

import pytest

from tests.unit.pipeline.stage import Exchange, Stage
from tests.unit.pipeline.test_cached import KEYS, by, cache, keyed
from tests.unit.pipeline.test_generate import good

FIRST = "How do I reset my password?"
SECOND = "Please tell me how to reset my password"


def asking(text: str, **more: object) -> dict[str, Any]:
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": text}]
    return {"model": "up/m", "messages": messages, "temperature": 0} | more


async def on_stage(*script: object, use: str = "on") -> Stage:
    on = keyed(*script, semantic_cache=use)
    await on.cache.meanings.loaded()
    return on


async def test_a_question_that_means_the_same_gets_the_kept_answer() -> None:
    on = await on_stage(good())
    await on.ask(Exchange(asking(FIRST), headers=by(KEYS[0])))
    again = await on.ask(Exchange(asking(SECOND), headers=by(KEYS[0])))
    assert cache(again) == b"HIT"
    assert float(again.reply_headers[b"x-omniroute-cache-similarity"]) > 0.75
    assert again.json["choices"][0]["message"]["content"] == "hello"
    assert len(on.transport.requests) == 1
    assert (on.cache.counted.hits, on.cache.counted.similar) == (1, 1)


async def test_in_shadow_it_is_only_counted() -> None:
    on = await on_stage(good(), good(), use="shadow")
    await on.ask(Exchange(asking(FIRST), headers=by(KEYS[0])))
    again = await on.ask(Exchange(asking(SECOND), headers=by(KEYS[0])))
    assert cache(again) == b"MISS"
    assert float(again.reply_headers[b"x-omniroute-cache-similarity"]) > 0.75
    assert (len(on.transport.requests), on.cache.counted.shadowed, on.cache.counted.hits) == (2, 1, 0)


async def test_without_the_setting_nothing_is_compared() -> None:
    on = await on_stage(good(), good(), use="off")
    for text in (FIRST, SECOND):
        assert cache(await on.ask(Exchange(asking(text), headers=by(KEYS[0])))) == b"MISS"
    assert len(on.cache.meanings) == 0


async def test_another_key_never_gets_it() -> None:
    on = await on_stage(good(), good())
    await on.ask(Exchange(asking(FIRST), headers=by(KEYS[0])))
    assert cache(await on.ask(Exchange(asking(SECOND), headers=by(KEYS[1])))) == b"MISS"


@pytest.mark.parametrize(
    "other",
    [
        asking(SECOND, max_tokens=5),
        asking(SECOND, seed=1),
        asking(SECOND, model="up/other"),
        asking(SECOND, tools=[{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]),
        asking(SECOND) | {"messages": [{"role": "user", "content": SECOND}]},
        asking(SECOND)
        | {
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "hi"},
                {"role": "assistant", "content": "hi"},
                {"role": "user", "content": SECOND},
            ]
        },
    ],
    ids=["limit", "seed", "model", "tools", "system", "history"],
)
async def test_a_request_that_differs_in_anything_else_does_not_get_it(other: dict[str, Any]) -> None:
    on = await on_stage(good(), good())
    await on.ask(Exchange(asking(FIRST), headers=by(KEYS[0])))
    assert cache(await on.ask(Exchange(other, headers=by(KEYS[0])))) == b"MISS"


async def test_clearing_the_cache_forgets_the_questions_too() -> None:
    on = await on_stage(good(), good())
    await on.ask(Exchange(asking(FIRST), headers=by(KEYS[0])))
    assert len(on.cache.meanings) == 1
    on.cache.clear()
    assert len(on.cache.meanings) == 0
    assert cache(await on.ask(Exchange(asking(SECOND), headers=by(KEYS[0])))) == b"MISS"
