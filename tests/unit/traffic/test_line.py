"""The line before accounts with bounds: never more than allowed, nothing lost, and fair to those who wait."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniroute.routing.bounds import Bound, Queue
from omniroute.routing.candidate import Account
from omniroute.routing.dice import Dice
from omniroute.traffic.buckets import minutes
from omniroute.traffic.gate import Closed, Entry
from omniroute.traffic.line import Crowded, Line, News, Wish
from tests.support.virtual_time import VirtualClock, virtually

CLOCK = VirtualClock()


def account(
    name: str,
    places: int | None = None,
    requests: int | None = None,
    tokens: int | None = None,
    gap_s: float = 0.0,
    provider: Bound | None = None,
) -> Account:
    per_minute = (*([("requests", requests)] if requests else []), *([("tokens", tokens)] if tokens else []))
    own = Bound(id=name, places=places, per_minute=per_minute, gap_s=gap_s)  # type: ignore[arg-type]  # units by name
    bounds = (*([own] if own.holds else []), *([provider] if provider else []))
    return Account(id=name, provider="p", bounds=bounds)


def line(length: int = 20, max_wait_s: float = 30.0) -> Line:
    rules = Queue(length=length, max_wait_s=max_wait_s)
    return Line(CLOCK.monotonic, lambda: rules)


def wish(key_id: str = "k", tokens: int = 0, *, background: bool = False, deadline: float = 1e9) -> Wish:
    return Wish(key_id, tokens, background=background, deadline=deadline)


async def settled() -> None:
    """Everything that can run has run."""
    for _ in range(5):
        await asyncio.sleep(0)


def entered(found: Entry | Closed | Crowded | News) -> Entry:
    assert isinstance(found, Entry), found
    return found


def in_virtual_time(main: Any) -> Any:
    """The test `main`, on a clock that leaps."""

    def test(*given_: object, **named: object) -> None:
        running: Coroutine[Any, Any, None] = main(*given_, **named)
        virtually(running)

    test.__name__, test.__doc__ = main.__name__, main.__doc__
    return test


A, B = account("a", places=1), account("b", places=1)


@in_virtual_time
async def test_an_account_takes_as_many_as_it_may() -> None:
    on, two = line(), account("a", places=2)
    assert [isinstance(on.enter(two, wish()), Entry) for _ in range(3)] == [True, True, False]


@in_virtual_time
async def test_who_waits_gets_the_first_place_at_any_of_its_accounts() -> None:
    on = line()
    entered(on.enter(A, wish()))
    at_b = entered(on.enter(B, wish()))
    waiting = asyncio.ensure_future(on.wait([A, B], wish()))
    await settled()
    at_b.leave()
    assert entered(await waiting).account_id == "b"
    assert (on.gate.permits.held("a"), on.gate.permits.held("b")) == (1, 1)


@in_virtual_time
async def test_the_line_goes_round_between_keys_and_is_in_order_within_one() -> None:
    assert await order_of([("k", False), ("k", False), ("k", False), ("l", False)]) == ["k0", "l3", "k1", "k2"]


@in_virtual_time
async def test_background_requests_let_the_others_go_first() -> None:
    came = [("k", True), ("l", True), ("m", False), ("m", False)]
    assert await order_of(came) == ["m2", "m3", "k0", "l1"]


async def order_of(came: list[tuple[str, bool]]) -> list[str]:
    """Who goes when, of those who came in this order to an account that takes one at a time."""
    on, served = line(), list[str]()
    first = entered(on.enter(A, wish()))

    async def ask(number: int, key_id: str, background: bool) -> None:
        entry = entered(await on.wait([A], wish(key_id, background=background)))
        served.append(f"{key_id}{number}")
        await asyncio.sleep(1)
        entry.leave()

    tasks = [asyncio.ensure_future(ask(number, *one)) for number, one in enumerate(came)]
    await settled()
    first.leave()
    await asyncio.gather(*tasks)
    return served


@in_virtual_time
async def test_who_comes_does_not_overtake_those_that_wait_unless_they_are_in_no_hurry() -> None:
    on, tight = line(), account("a", tokens=100)
    entered(on.enter(tight, wish(tokens=90)))
    waiting = asyncio.ensure_future(on.wait([tight], wish(tokens=30, background=True)))
    await settled()
    refused = on.enter(tight, wish(tokens=5, background=True))
    assert isinstance(refused, Closed)
    assert refused.reason == "busy: others are waiting for it already"
    entered(on.enter(tight, wish(tokens=5)))
    entered(await waiting)


@in_virtual_time
async def test_a_request_with_many_tokens_is_not_overtaken_by_small_ones_for_ever() -> None:
    on, tight = line(max_wait_s=60), account("a", tokens=60)
    entered(on.enter(tight, wish(tokens=60)))
    went: list[str] = []

    async def ask(name: str, tokens: int) -> None:
        entered(await on.wait([tight], wish(tokens=tokens)))
        went.append(name)

    tasks = [asyncio.ensure_future(ask("large", 40))]
    await settled()
    tasks += [asyncio.ensure_future(ask(f"small {number}", 1)) for number in range(10)]
    await asyncio.gather(*tasks)
    assert went[0] == "large"


@in_virtual_time
async def test_a_minute_that_was_had_is_waited_for() -> None:
    on, few = line(), account("a", requests=6)
    for _ in range(6):
        entered(on.enter(few, wish())).leave()
    refused = on.enter(few, wish())
    assert isinstance(refused, Closed)
    assert refused.reason == "limited: it has had its 6 requests of this minute; there is room in 10.0 s"
    began = CLOCK.monotonic()
    entered(await on.wait([few], wish()))
    assert CLOCK.monotonic() - began == pytest.approx(10.0, abs=0.01)
    assert not len(on)


@in_virtual_time
async def test_a_wait_that_would_be_too_long_is_not_begun() -> None:
    on, few = line(max_wait_s=35), account("a", requests=1)
    entered(on.enter(few, wish()))
    began = CLOCK.monotonic()
    for wanted in (wish(), wish(deadline=began + 10)):
        crowded = await on.wait([few], wanted)
        assert isinstance(crowded, Crowded)
        assert (crowded.full, crowded.waited_s, crowded.expected_s) == (False, 0.0, 60.0)
    six = account("b", requests=6)
    for _ in range(6):
        entered(on.enter(six, wish()))
    waiting = [asyncio.ensure_future(on.wait([six], wish())) for _ in range(4)]
    found = await asyncio.gather(*waiting)
    assert [type(one).__name__ for one in found] == ["Entry", "Entry", "Entry", "Crowded"], "10, 20, 30 and 40 s"
    assert CLOCK.monotonic() - began == pytest.approx(30.0, abs=0.01)


@in_virtual_time
async def test_a_gap_is_kept_between_two_requests() -> None:
    on, slow = line(), account("a", gap_s=0.5)
    began, went = CLOCK.monotonic(), list[float]()

    async def ask() -> None:
        found = on.enter(slow, wish())
        if isinstance(found, Closed):
            found = entered(await on.wait([slow], wish()))
        went.append(CLOCK.monotonic() - began)
        found.leave()

    await asyncio.gather(*(ask() for _ in range(4)))
    assert went == pytest.approx([0.0, 0.5, 1.0, 1.5], abs=0.01)


@in_virtual_time
async def test_a_provider_bounds_all_of_its_accounts_together() -> None:
    on = line()
    house = Bound(id="provider:p", whose="provider", name="p", places=3, per_minute=(("requests", 4),))
    one, two = account("a", places=2, provider=house), account("b", provider=house)
    first = [entered(on.enter(one, wish())), entered(on.enter(one, wish())), entered(on.enter(two, wish()))]
    refused = on.enter(two, wish())
    assert isinstance(refused, Closed)
    assert refused.reason == "busy: all of the 3 places of its provider are taken"
    for entry in first:
        entry.leave()
    entered(on.enter(two, wish())).leave()
    refused = on.enter(one, wish())
    assert isinstance(refused, Closed)
    assert refused.reason == "limited: its provider has had its 4 requests of this minute; there is room in 15.0 s"
    assert on.gate.permits.total == 0


@in_virtual_time
async def test_a_refusal_takes_nothing_anywhere() -> None:
    on = line()
    house = Bound(id="provider:p", whose="provider", name="p", per_minute=(("requests", 1),))
    both = account("a", places=1, requests=5, tokens=100, gap_s=1, provider=house)
    entered(on.enter(account("b", provider=house), wish()))
    assert isinstance(on.enter(both, wish(tokens=50)), Closed)
    levels = on.gate.meters.levels("a", minutes(both.bounds[0].per_minute), CLOCK.monotonic())
    assert [level.remaining for level in levels] == [5, 100]
    assert on.gate.permits.held("a") == 0
    assert on.gate.closed(account("a", gap_s=1), 0, CLOCK.monotonic()) is None


@in_virtual_time
async def test_what_was_not_sent_leaves_no_trace() -> None:
    on = line()
    whole = account("a", places=1, requests=1, tokens=100, gap_s=5)
    for _ in range(3):
        entered(on.enter(whole, wish(tokens=100))).withdraw()
    entered(on.enter(whole, wish(tokens=100)))


@in_virtual_time
async def test_tokens_that_come_back_let_the_next_one_go_at_once() -> None:
    on, tight = line(), account("a", tokens=100)
    first = entered(on.enter(tight, wish(tokens=100)))
    began = CLOCK.monotonic()
    waiting = asyncio.ensure_future(on.wait([tight], wish(tokens=40)))
    await settled()
    first.settle(10)
    entered(await waiting)
    assert CLOCK.monotonic() == began


@in_virtual_time
async def test_who_waits_hears_of_news_and_keeps_its_place() -> None:
    on = line()
    held = entered(on.enter(A, wish()))
    mine, later = wish(), wish()
    first = asyncio.ensure_future(on.wait([A], mine))
    await settled()
    behind = asyncio.ensure_future(on.wait([A], later))
    await settled()
    on.reroute("p")
    assert (await first, await behind) == (News(), News())
    behind = asyncio.ensure_future(on.wait([A], later))
    first = asyncio.ensure_future(on.wait([A], mine))
    await settled()
    held.leave()
    entered(await first).leave()
    entered(await behind)


@in_virtual_time
async def test_news_come_in_time_by_themselves() -> None:
    on = line()
    entered(on.enter(A, wish()))
    began = CLOCK.monotonic()
    assert await on.wait([A], wish(), news_in_s=7) == News()
    assert CLOCK.monotonic() - began == 7
    assert len(on) == 0


@in_virtual_time
async def test_a_full_line_turns_away_at_once() -> None:
    on = line(length=1)
    held = entered(on.enter(A, wish()))
    first = asyncio.ensure_future(on.wait([A], wish()))
    await settled()
    crowded = await on.wait([A], wish())
    assert isinstance(crowded, Crowded)
    assert crowded.full
    held.leave()
    entered(await first)


@in_virtual_time
async def test_patience_ends() -> None:
    on = line()
    held = entered(on.enter(A, wish()))
    crowded = await on.wait([A], wish())
    assert isinstance(crowded, Crowded)
    assert (crowded.full, crowded.waited_s) == (False, 30.0)
    assert on.waiting("a") == 0
    held.leave()
    assert on.gate.permits.held("a") == 0


@in_virtual_time
async def test_who_leaves_the_line_gives_its_place_back() -> None:
    on = line()
    held = entered(on.enter(A, wish()))
    leaving = asyncio.ensure_future(on.wait([A], wish()))
    staying = asyncio.ensure_future(on.wait([A], wish()))
    await settled()
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    held.leave()
    assert entered(await staying).account_id == "a"


@in_virtual_time
async def test_who_leaves_in_the_moment_of_its_turn_loses_nothing_for_the_others() -> None:
    on = line()
    held = entered(on.enter(A, wish()))
    leaving = asyncio.ensure_future(on.wait([A], wish()))
    staying = asyncio.ensure_future(on.wait([A], wish()))
    await settled()
    held.leave()  # the first one is let in, and its task has not run yet
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    entered(await staying).leave()
    assert on.gate.permits.held("a") == 0


@pytest.mark.parametrize("seed", range(5))
def test_nothing_is_lost_whatever_comes_and_goes(seed: int) -> None:
    virtually(_many(seed))


async def _many(seed: int) -> None:
    """Hundreds of requests with all kinds of bounds, of which some are cancelled at any moment."""
    dice, on = Dice(seed), line(length=50)
    house = Bound(id="provider:p", whose="provider", name="p", places=5, per_minute=(("tokens", 5_000),))
    accounts = [
        account("a", places=1, provider=house),
        account("b", places=2, requests=200, provider=house),
        account("c", places=3, tokens=3_000, gap_s=0.05, provider=house),
    ]
    most = dict.fromkeys(["a", "b", "c", house.id], 0)

    async def use(wanted: list[Account], what: Wish, seconds: float) -> None:
        entry = next((one for each in wanted if isinstance(one := on.enter(each, what), Entry)), None)
        if entry is None:
            found = await on.wait(wanted, what)
            if not isinstance(found, Entry):
                return
            entry = found
        try:
            for name in most:
                most[name] = max(most[name], on.gate.permits.held(name))
            await asyncio.sleep(seconds)
        finally:
            entry.settle(dice.below(60))
            entry.leave()

    tasks: list[asyncio.Task[None]] = []
    for number in range(400):
        wanted = dice.shuffled(accounts)[: 1 + dice.below(3)]
        what = wish(f"k{number % 7}", dice.below(200), background=dice.random() < 0.2)
        tasks.append(asyncio.ensure_future(use(wanted, what, dice.random())))
        if dice.random() < 0.4:
            tasks[dice.below(len(tasks))].cancel()
        if dice.random() < 0.5:
            await asyncio.sleep(dice.random() * 0.3)
        if dice.random() < 0.05:
            on.reroute("p")
    await asyncio.gather(*tasks, return_exceptions=True)
    assert most == {"a": 1, "b": 2, "c": 3, house.id: 5}
    assert on.gate.permits.total == 0
    assert len(on) == 0
    await asyncio.sleep(120)
    now = CLOCK.monotonic()
    assert [on.gate.closed(one, 3_000, now) for one in accounts] == [None, None, None]


@given(
    limit=st.integers(1, 10),
    arrivals=st.lists(st.tuples(st.floats(0, 8), st.sampled_from("kl")), min_size=1, max_size=40),
)
def test_in_no_minute_more_goes_than_the_limit_and_what_came_back(
    limit: int, arrivals: list[tuple[float, str]]
) -> None:
    went = virtually(_arriving(limit, arrivals))
    for number, first in enumerate(went):
        for count, last in enumerate(went[number:], start=1):
            assert count <= limit + (last - first) * limit / 60 + 1e-6


async def _arriving(limit: int, arrivals: list[tuple[float, str]]) -> list[float]:
    """When requests go that come so long after each other, to an account with so many requests a minute."""
    on, one, went = line(length=100, max_wait_s=10_000), account("a", requests=limit), list[float]()

    async def ask(key_id: str) -> None:
        what = wish(key_id)
        found = on.enter(one, what)
        if isinstance(found, Closed):
            found = entered(await on.wait([one], what))
        went.append(CLOCK.monotonic())
        found.leave()

    tasks = []
    for pause, key_id in arrivals:
        await asyncio.sleep(pause)
        tasks.append(asyncio.ensure_future(ask(key_id)))
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert [one for one in found if one is not None] == [], "whoever waits goes"
    assert len(on) == 0
    return went
