"""What operators let accounts and providers take: passed over, waited for, and given back."""

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec

from omniroute.access.grant import Grant
from omniroute.access.keys import mint
from omniroute.routing.bounds import Limits, ProviderLimits
from omniroute.routing.combo import Combo, ModelStep
from omniroute.traffic.buckets import minutes
from omniroute.upstream.scripted import Answer, Gate, ScriptedTransport
from omniroute.upstream.transport import UpstreamRequest
from tests.sim.world import LoopClock
from tests.support.virtual_time import virtually
from tests.unit.pipeline.stage import Clock, Exchange, Stage
from tests.unit.pipeline.test_account_choice import JSON, error, good, message, used

ASKED: dict[str, Any] = {"model": "up/m", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 50}
BOTH = Combo(
    id="both",
    name="both",
    steps=(ModelStep(id="one", model="up/m"), ModelStep(id="two", model="claude/c")),
)
CODECS = {"up": "openai_chat", "claude": "anthropic"}


def limited(
    *script: object,
    accounts: int = 1,
    provider: ProviderLimits | None = None,
    places: int | None = None,
    clock: Clock | None = None,
    grants: dict[str, Grant] | None = None,
    **limits: int,
) -> Stage:
    """Every account of `up` has the limits; `provider` are those of all of them together."""
    on = Stage(
        ScriptedTransport(*script), {"up": accounts, "claude": 1}, CODECS, (BOTH,), grants=grants, clock=clock
    )
    snapshot = on.live.current
    given = {
        one.id: msgspec.structs.replace(one, parameters={**one.parameters, **limits}, max_concurrent=places)
        for one in snapshot.connections["up"]
    }
    on.live.current = msgspec.structs.replace(
        snapshot,
        connections={**snapshot.connections, "up": tuple(given.values())},
        by_id={**snapshot.by_id, **given},
        limits=Limits(providers={} if provider is None else {"up": provider}),
    )
    return on


async def asked(on: Stage, model: str = "up/m", headers: Mapping[str, str] | None = None) -> Exchange:
    return await on.ask(Exchange({**ASKED, "model": model}, headers))


def reasons(on: Stage) -> list[str]:
    trace = on.traces.find("req_1")
    assert trace is not None
    return [one.reason for one in trace.exclusions]


def nothing_is_held(on: Stage) -> bool:
    line = on.accounts.line
    return not line.gate.permits.total and not len(line) and not on.counters.active


async def test_an_account_without_limits_has_no_bounds() -> None:
    on = limited(good())
    assert (await asked(on)).status == 200
    (candidate,) = on.candidates.of(on.live.current, "up/m", None, Grant(key_id="k", name="k"))
    assert candidate.account.bounds == ()


async def test_who_would_wait_too_long_is_refused_with_the_time_to_come_back() -> None:
    on = limited(good(), good(), requestsPerMinute=1)
    assert (await asked(on)).status == 200
    refused = await asked(on)
    assert (refused.status, refused.json["error"]["code"]) == (429, "connection_rate_limited")
    assert refused.json["error"]["message"] == (
        "every account for up/m has had its 1 requests of this minute; send the request again in 60 s"
    )
    assert refused.reply_headers[b"retry-after"] == b"60"
    assert reasons(on) == ["limited: it has had its 1 requests of this minute; there is room in 60.0 s"]
    assert len(on.transport.requests) == 1
    assert nothing_is_held(on)


async def test_another_account_takes_over() -> None:
    on = limited(good(), good(), accounts=2, requestsPerMinute=1)
    for _ in range(2):
        assert (await asked(on)).status == 200
    assert (await asked(on)).status == 429


async def test_a_minute_later_there_is_room_again() -> None:
    on = limited(good(), good(), requestsPerMinute=1)
    await asked(on)
    on.clock.time += 60
    assert (await asked(on)).status == 200


async def test_tokens_that_were_set_aside_and_not_used_come_back() -> None:
    on = limited(good(), good(), good(), tokensPerMinute=100)
    for _ in range(3):
        assert (await asked(on)).status == 200


def test_a_hundred_tokens_a_minute_let_no_more_through() -> None:
    async def main() -> None:
        usage = {"prompt_tokens": 10, "completion_tokens": 50, "total_tokens": 60}
        reply = good()
        body = msgspec.json.decode(reply.chunks[0]) | {"usage": usage}
        replies = [msgspec.structs.replace(reply, chunks=(msgspec.json.encode(body),)) for _ in range(5)]
        on = limited(*replies, clock=LoopClock(), tokensPerMinute=100)
        loop = asyncio.get_running_loop()
        began = loop.time()
        statuses = [(await asked(on)).status for _ in range(5)]
        assert statuses == [200, 200, 429, 429, 429]
        assert 100 + (loop.time() - began) * 100 / 60 >= 2 * 60

    virtually(main())


async def test_what_another_account_did_not_use_is_given_back() -> None:
    on = limited(error(500), good(), good(), accounts=2, tokensPerMinute=100)
    assert (await asked(on)).status == 200
    meters, now = on.accounts.line.gate.meters, on.clock.monotonic()
    first = on.live.current.connections["up"][0].id
    (level,) = meters.levels(first, minutes((("tokens", 100),)), now)
    assert level.remaining == 100


async def test_a_provider_takes_no_more_than_its_limit_over_all_accounts_and_the_combo_goes_on() -> None:
    limits = ProviderLimits(requests_per_minute=3)
    on = limited(good(), good(), good(), message(), message(), accounts=2, provider=limits, requestsPerMinute=2)
    answered = [(await asked(on, "both")).reply_headers[b"x-omniroute-provider"] for _ in range(5)]
    assert answered == [b"up", b"up", b"up", b"claude", b"claude"]
    assert used(on) == [0, 0, 1, 0, 0]
    assert reasons(on)[-1] == (
        "limited: its provider has had its 3 requests of this minute; there is room in 20.0 s"
    )


async def test_a_provider_that_has_had_its_minute_is_named_in_the_refusal() -> None:
    on = limited(good(), accounts=2, provider=ProviderLimits(requests_per_minute=1))
    await asked(on)
    refused = await asked(on)
    assert (refused.status, refused.json["error"]["code"]) == (429, "provider_rate_limited")
    assert "the provider 'up' has had its 1 requests of this minute" in refused.json["error"]["message"]


async def test_a_provider_does_so_many_at_a_time_over_all_accounts() -> None:
    gate = Gate()
    on = limited(good(gate), message(), accounts=2, provider=ProviderLimits(concurrent_requests=1))
    first = asyncio.ensure_future(asked(on))
    await gate.reached.wait()
    assert (await asked(on, "both")).reply_headers[b"x-omniroute-provider"] == b"claude"
    assert reasons(on) == ["busy: all of the 1 places of its provider are taken"] * 2
    gate.open()
    assert (await first).status == 200
    assert nothing_is_held(on)


async def test_a_failed_attempt_counts_as_a_request_of_the_provider_and_its_tokens_come_back() -> None:
    limits = ProviderLimits(requests_per_minute=2, tokens_per_minute=100)
    on = limited(error(500), good(), accounts=2, provider=limits)
    assert (await asked(on)).status == 200
    levels = on.accounts.line.gate.meters.levels(
        "provider:up", minutes((("requests", 2), ("tokens", 100))), on.clock.monotonic()
    )
    assert [level.remaining for level in levels] == [0, 93]


def test_requests_wait_for_their_minute_and_the_trace_says_so() -> None:
    async def main() -> None:
        limits = ProviderLimits(requests_per_minute=6)
        on = limited(lambda request: good(), clock=LoopClock(), provider=limits)
        for _ in range(6):
            await asked(on)
        loop = asyncio.get_running_loop()
        began = loop.time()
        assert (await asked(on)).status == 200
        assert 9.9 < loop.time() - began < 10.1
        (reason,) = reasons(on)
        assert reason.endswith("; its turn came after 10.0 s")
        assert nothing_is_held(on)

    virtually(main())


def test_a_gap_is_kept_between_the_requests_to_a_provider_and_to_an_account() -> None:
    async def main() -> None:
        times: list[float] = []

        def reply(request: object) -> Answer:
            times.append(asyncio.get_running_loop().time() - began)
            return good()

        on = limited(
            reply,
            clock=LoopClock(),
            accounts=2,
            provider=ProviderLimits(min_gap_ms=200),
            minTimeBetweenRequestsMs=1000,
        )
        began = asyncio.get_running_loop().time()
        answers = await asyncio.gather(*(asked(on) for _ in range(5)))
        assert [one.status for one in answers] == [200] * 5
        assert [round(at, 1) for at in times] == [0.0, 0.2, 1.0, 1.2, 2.0]

    virtually(main())


def test_two_keys_that_wait_for_the_same_minute_take_turns() -> None:
    async def main() -> None:
        keys = {name: mint(name.encode() * 32).text for name in "ab"}
        grants = {key: Grant(key_id=name, name=name) for name, key in keys.items()}
        on = limited(
            lambda request: good(),
            clock=LoopClock(),
            grants=grants,
            provider=ProviderLimits(requests_per_minute=30),
        )
        for _ in range(30):
            await asked(on)
        served: list[str] = []

        async def ask(name: str) -> None:
            exchange = await asked(on, headers={"authorization": f"Bearer {keys[name]}"})
            served.append(name if exchange.status == 200 else "-")

        await asyncio.gather(*(ask(name) for name in "aaaaaabb"))
        assert served == list("abababaa") or served == list("ababaaaa")

    virtually(main())


def test_background_requests_wait_until_nobody_else_does() -> None:
    async def main() -> None:
        on = limited(lambda request: good(), clock=LoopClock(), requestsPerMinute=30)
        for _ in range(30):
            await asked(on)
        served: list[str] = []

        async def ask(name: str, headers: Mapping[str, str]) -> None:
            await asked(on, headers=headers)
            served.append(name)

        later = [{"x-request-priority": "background"}, {"x-task-type": "Background"}]
        tasks = [asyncio.ensure_future(ask("later", one)) for one in later]
        await asyncio.sleep(1)
        tasks += [asyncio.ensure_future(ask("now", {})) for _ in range(3)]
        await asyncio.gather(*tasks)
        assert served == ["now", "now", "now", "later", "later"]

    virtually(main())


def test_who_waits_for_an_account_that_must_rest_meanwhile_goes_to_another() -> None:
    async def main() -> None:
        gate = Gate()
        limit = Answer(
            status=429,
            headers={**JSON, "retry-after": "70"},
            chunks=(b'{"error":{"message":"slow down","type":"x","code":null}}',),
            before=gate,
        )
        script = iter([limit])

        def reply(request: UpstreamRequest) -> Answer:
            return message() if "claude" in request.url else next(script, good())

        on = limited(reply, clock=LoopClock(), accounts=2, requestsPerMinute=3)
        failing = asyncio.ensure_future(asked(on, "both"))
        await gate.reached.wait()
        for _ in range(2):
            await asked(on)
        await asyncio.sleep(5)
        for _ in range(3):
            await asked(on)
        assert used(on) == [0, 0, 0, 1, 1, 1]
        began = asyncio.get_running_loop().time()
        waiting = asyncio.ensure_future(asked(on))
        await asyncio.sleep(1)
        assert on.accounts.line.waiting("up-0") == 1
        gate.open()
        assert (await failing).reply_headers[b"x-omniroute-provider"] == b"claude"
        assert (await waiting).status == 200
        assert used(on)[-1] == 1, "the other one would have had room sooner"
        assert 19 < asyncio.get_running_loop().time() - began < 21
        assert nothing_is_held(on)

    virtually(main())


def test_who_waits_for_a_minute_takes_a_place_that_becomes_free_sooner() -> None:
    async def main() -> None:
        gate = Gate()
        on = limited(good(), good(gate), good(), clock=LoopClock(), accounts=2, places=1, requestsPerMinute=3)
        connections = on.live.current.connections
        narrow = msgspec.structs.replace(connections["up"][1], parameters={})
        few = msgspec.structs.replace(connections["up"][0], parameters={"requestsPerMinute": 1})
        on.live.current = msgspec.structs.replace(
            on.live.current, connections={**connections, "up": (few, narrow)}
        )
        await asked(on)
        busy = asyncio.ensure_future(asked(on))
        await gate.reached.wait()
        waiting = asyncio.ensure_future(asked(on))
        await asyncio.sleep(3)
        gate.open()
        assert [(await one).status for one in (busy, waiting)] == [200, 200]
        assert used(on) == [0, 1, 1]
        assert nothing_is_held(on)

    virtually(main())


def test_a_client_that_leaves_the_line_takes_nothing_with_it() -> None:
    async def main() -> None:
        on = limited(
            lambda request: good(), clock=LoopClock(), places=1, requestsPerMinute=6, tokensPerMinute=100_000
        )
        for _ in range(6):
            await asked(on)
        waiting = [asyncio.ensure_future(asked(on)) for _ in range(3)]
        await asyncio.sleep(4)
        for one in waiting[:2]:
            one.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        assert (await waiting[2]).status == 200
        assert nothing_is_held(on)
        await asyncio.sleep(60)
        levels = on.accounts.line.gate.meters.levels(
            "up-0", minutes((("requests", 6), ("tokens", 100_000))), on.clock.monotonic()
        )
        assert [round(level.remaining, 3) for level in levels] == [6, 100_000]

    virtually(main())


def test_a_wait_beyond_the_deadline_is_a_refusal_at_once_and_not_a_timeout() -> None:
    async def main() -> None:
        on = limited(lambda request: good(), clock=LoopClock(), requestsPerMinute=3)
        for _ in range(3):
            await asked(on)
        began = asyncio.get_running_loop().time()
        refused = await asked(on, headers={"x-omniroute-timeout-ms": "5000"})
        assert (refused.status, refused.json["error"]["code"]) == (429, "connection_rate_limited")
        assert asyncio.get_running_loop().time() == began
        assert refused.reply_headers[b"retry-after"] == b"20"

    virtually(main())
