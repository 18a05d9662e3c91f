"""Defects that version 3.8.0 of the reference had in the course of a request, each a test named by its symptom.

The numbers are those of the routing specification, section 20; the others are the affair of other rooms, and
tests/unit/regressions/test_routing_defects.py says where.
"""

import asyncio
from datetime import UTC, datetime

import pytest

from omniroute.access.grant import Grant
from omniroute.accounts.connection import Connection, Secret
from omniroute.routing.classify import classify
from omniroute.routing.combo import Combo, ModelStep
from omniroute.routing.selection.rules import Rule
from omniroute.upstream.scripted import Answer, Gate
from tests.support.playbook import failure
from tests.support.virtual_time import virtually
from tests.unit.pipeline.stage import Exchange, Stage, provider, stage
from tests.unit.pipeline.test_account_choice import JSON, asked_claude, chat, good, message, several, used
from tests.unit.pipeline.test_account_places import begun, narrow, queued
from tests.unit.pipeline.test_cached import KEYS, by, keyed

BOTH = Combo(
    id="both", name="both", steps=(ModelStep(id="one", model="up/m"), ModelStep(id="two", model="claude/c"))
)

LIMITED = Grant(key_id="k", name="k", models=("claude/*",))


def limited(seconds: int, before: Gate | None = None) -> Answer:
    return Answer(
        status=429, headers=JSON | {"retry-after": str(seconds)}, chunks=(b'{"error":{}}',), before=before
    )


def both(*script: object) -> Stage:
    return stage(*script, combos=(BOTH,))


async def test_1_answers_without_content_open_the_breaker() -> None:
    """A soft failure counted as a success, and the breaker never opened."""
    nothing = Answer(headers=JSON, chunks=(b"",))
    on = both(lambda request: nothing if "up.test" in request.url else message())
    for _ in range(20):
        on.clock.time += 1.0
        assert (await on.ask(chat(model="both"))).status == 200
    before = len(on.transport.requests)
    assert (await on.ask(chat(model="both"))).status == 200
    assert len(on.transport.requests) == before + 1, "the one that says nothing is left out"
    assert on.choose._pulse.standing(_target(on, "up/m"), on.clock.time).health == "open"


async def test_2_a_retry_after_is_how_long_the_account_rests() -> None:
    """It was read, and the cooldown was the usual one all the same."""
    on = stage(limited(77), good())
    assert (await on.ask(chat())).status == 429
    on.clock.time += 76
    resting = await on.ask(chat())
    assert (resting.status, int(resting.reply_headers[b"retry-after"])) == (429, pytest.approx(1, abs=1))
    assert len(on.transport.requests) == 1
    on.clock.time += 3
    assert (await on.ask(chat())).status == 200


async def test_3_a_combo_that_is_limited_everywhere_says_when_to_come_back() -> None:
    """A combo's 429 had no Retry-After."""
    exchange = await both(limited(60), limited(30)).ask(chat(model="both"))
    assert (exchange.status, exchange.reply_headers[b"retry-after"]) == (429, b"30")


async def test_4_whoever_steps_in_is_shown_its_own_credential() -> None:
    """An emergency fallback sent the first provider's key to the second one."""
    on = both(Answer(status=402, headers=JSON, chunks=(b'{"error":{"message":"no credit"}}',)), message())
    assert (await on.ask(chat(model="both"))).status == 200
    shown = [(one.url.split("/")[2], dict(one.headers)) for one in on.transport.requests]
    assert [(host, "sk-up-0" in str(given), "sk-claude-0" in str(given)) for host, given in shown] == [
        ("up.test", True, False),
        ("claude.test", False, True),
    ]


async def test_5_two_requests_that_differ_in_their_system_prompt_or_tenant_are_two() -> None:
    """The key under which requests were joined knew neither system, nor input, nor tenant."""
    on = keyed(*(good() for _ in range(3)))

    def asking(system: str, key: str) -> Exchange:
        turns = [{"role": "system", "content": system}, {"role": "user", "content": "hi"}]
        return Exchange({"model": "up/m", "temperature": 0, "messages": turns}, by(key))

    for system, key in (("be kind", KEYS[0]), ("be rude", KEYS[0]), ("be kind", KEYS[1]), ("be kind", KEYS[0])):
        assert (await on.ask(asking(system, key))).status == 200
    assert len(on.transport.requests) == 3, "only the last one was asked before"


async def test_6_a_conversation_stays_with_its_account() -> None:
    """Session affinity was a stub that never remembered."""
    on = several(lambda request: message())
    for _ in range(4):
        await on.ask(asked_claude("one", x_claude_code_session_id="a"), "anthropic")
        await on.ask(asked_claude("two", x_claude_code_session_id="b"), "anthropic")
    assert len(set(used(on)[::2])) == len(set(used(on)[1::2])) == 1


async def test_7_a_stream_through_a_combo_is_the_providers_own_bytes() -> None:
    """A tag was written into answers to pin conversations, and cut out of streams again with its neighbours."""
    frames = b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"<omniModel>x"}}]}\n\ndata: [DONE]\n\n'
    on = both(Answer(headers={"content-type": "text/event-stream"}, chunks=(frames,)))
    body = {"model": "both", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
    assert (await on.ask(Exchange(body))).received == frames


async def test_8_a_target_is_not_blamed_for_the_time_that_others_took_and_a_request_counts_once() -> None:
    """The latency of a combo's answer held the failures before it, and each attempt was counted as a request."""

    def slow(request: object) -> Answer:
        on.clock.time += 30
        return Answer(status=500, headers=JSON, chunks=(b"{}",))

    def quick(request: object) -> Answer:
        on.clock.time += 1
        return message()

    on = both(slow, quick)
    assert (await on.ask(chat(model="both"))).status == 200
    assert on.choose._pulse.standing(_target(on, "claude/c"), on.clock.time).first_event_s == 1.0
    assert sum(on.counters.requests.values()) == 1
    assert sum(on.counters.attempts.values()) == 2


async def test_9_a_limiter_that_says_no_is_asked_once() -> None:
    """The same address was asked three times, two seconds apart, whatever Retry-After said."""
    on = stage(limited(5), good())
    assert (await on.ask(chat())).status == 429
    assert len(on.transport.requests) == 1


@pytest.mark.parametrize(
    ("header", "value", "seconds"),
    [
        ("x-ratelimit-reset-tokens", "2m59.56s", b"180"),
        ("anthropic-ratelimit-requests-reset", "2026-09-21T13:14:40Z", b"80"),
    ],
)
async def test_10_a_reset_is_a_duration_or_a_date_to_its_end(header: str, value: str, seconds: bytes) -> None:
    """`2m59.56s` was two seconds, and a date was the 2026 seconds of its year."""
    on = stage(Answer(status=429, headers=JSON | {header: value}, chunks=(b'{"error":{}}',)))
    on.clock.time = datetime(2026, 9, 21, 13, 13, 20, tzinfo=UTC).timestamp()
    assert (await on.ask(chat())).reply_headers[b"retry-after"] == seconds


def test_11_waiting_for_a_place_has_an_end_and_working_in_it_has_none() -> None:
    """The wait in the queue was unbounded, and the work behind it was cut off instead."""

    async def main() -> None:
        gate = Gate()
        on = narrow(good(gate))
        first = await begun(on, gate)
        waited = await on.ask(chat("second"))
        assert (waited.status, waited.json["error"]["code"]) == (429, "SEMAPHORE_TIMEOUT")
        await asyncio.sleep(3600)
        gate.open()
        assert (await first).status == 200

    virtually(main())


async def test_12_a_429_does_not_turn_away_who_waits() -> None:
    """A 429 emptied the whole queue."""
    gate = Gate()
    on = narrow(limited(60, gate), good(), good(), accounts=2)
    first = await begun(on, gate)
    second = asyncio.ensure_future(on.ask(chat("second")))
    gate.open()
    assert [(await one).status for one in (first, second)] == [200, 200]
    await queued(on, 0)


async def test_13_an_account_is_spent_when_one_of_its_windows_is() -> None:
    """It was only taken for exhausted when all of its windows were."""
    spent = {
        "anthropic_ratelimit_unified_5h_utilization": "1.0",
        "anthropic_ratelimit_unified_5h_reset": "9000",
        "anthropic_ratelimit_unified_7d_utilization": "0.1",
        "anthropic_ratelimit_unified_7d_reset": "500000",
    }
    on = several(good(**spent), lambda request: good(), usual=Rule(strategy="quota-aware"))
    for _ in range(3):
        await on.ask(chat())
    assert used(on)[0] == 0
    assert 0 not in used(on)[1:]


async def test_15_a_combo_opens_no_model_that_its_key_may_not_use() -> None:
    """Only the name that was asked for was compared, so a combo led past `allowedModels`."""
    on = stage(lambda request: message(), combos=(BOTH,), grants={KEYS[0]: LIMITED})
    exchange = Exchange({"model": "both", "messages": [{"role": "user", "content": "hi"}]}, by(KEYS[0]))
    assert (await on.ask(exchange)).status == 200
    assert [one.url.split("/")[2] for one in on.transport.requests] == ["claude.test"]


def test_20_a_refused_api_key_is_told_at_once_and_asks_for_no_renewal() -> None:
    """A 401 slept for three seconds, and five of them stopped the renewals of the whole provider."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        on = stage(
            *(Answer(status=401, headers=JSON, chunks=(b'{"error":{}}',)) for _ in range(6)), accounts={"up": 6}
        )
        began = loop.time()
        assert (await on.ask(chat())).status == 401
        assert loop.time() == began
        assert [one.url for one in on.transport.requests] == ["https://up.test/v1/chat/completions"] * 6

    virtually(main())


@pytest.mark.parametrize("asked", ["up-other/m", "upper/m", "up"])
async def test_22_a_pattern_of_allowed_models_is_no_prefix(asked: str) -> None:
    """`openai/*` let `openai-other/x` through."""
    pairs = tuple(
        (provider(name), Connection(id=name, provider=name, name=name, secret=Secret("sk-other-1")))
        for name in ("up-other", "upper")
    )
    grant = Grant(key_id="k", name="k", models=("up/*",))
    on = stage(good(), more=pairs, aliases={"up": "upper/m"}, grants={KEYS[0]: grant})

    def question(model: str) -> Exchange:
        return Exchange({"model": model, "messages": [{"role": "user", "content": "hi"}]}, by(KEYS[0]))

    refused = await on.ask(question(asked))
    assert (refused.status, refused.json["error"]["code"]) == (403, "model_not_allowed")
    assert on.transport.requests == []
    assert (await on.ask(question("up/m"))).status == 200


@pytest.mark.parametrize(
    "words", ["max_tokens must be positive", "max_tokens: 0 is less than the minimum of 1", "invalid max_tokens"]
)
def test_21_a_wrong_max_tokens_is_no_long_prompt(words: str) -> None:
    """`max.*token` was read as too long a prompt, and every model was asked."""
    assert classify(failure("invalid_request", 400, message=words)).error == "invalid_request"


def _target(on: Stage, name: str):
    target = on.candidates.target(on.live.current, name)
    assert target is not None
    return target
