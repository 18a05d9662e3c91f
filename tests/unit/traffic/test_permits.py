"""Permits: never more than allowed, never lost, and fair to those who wait."""

import asyncio

import pytest

from omniroute.routing.candidate import Account
from omniroute.routing.dice import Dice
from omniroute.traffic.permits import Crowded, Permits


def account(name: str, limit: int = 1) -> Account:
    return Account(id=name, provider="p", max_concurrent=limit)


A, B = account("a"), account("b")


async def settled() -> None:
    """Everything that can run has run."""
    for _ in range(5):
        await asyncio.sleep(0)


def test_an_account_takes_as_many_as_it_may() -> None:
    permits = Permits()
    two = account("a", 2)
    assert [permits.take(two) for _ in range(3)] == [True, True, False]
    permits.give("a")
    assert permits.take(two) is True


async def test_who_waits_gets_the_first_place_at_any_of_its_accounts() -> None:
    permits = Permits()
    permits.take(A)
    permits.take(B)
    waiting = asyncio.ensure_future(permits.wait([A, B], "k"))
    await settled()
    permits.give("b")
    assert await waiting == "b"
    assert (permits.held("a"), permits.held("b")) == (1, 1)


async def test_the_line_goes_round_between_keys_and_is_in_order_within_one() -> None:
    permits = Permits()
    permits.take(A)
    served: list[str] = []

    async def wait(key_id: str, number: int) -> None:
        await permits.wait([A], key_id)
        served.append(f"{key_id}{number}")

    tasks = [asyncio.ensure_future(wait("k", number)) for number in range(3)]
    await settled()
    tasks.append(asyncio.ensure_future(wait("l", 0)))
    await settled()
    for _ in tasks:
        permits.give("a")
        await settled()
    assert served == ["k0", "l0", "k1", "k2"]


async def test_a_full_line_turns_away_at_once() -> None:
    permits = Permits(waiting=1)
    permits.take(A)
    first = asyncio.ensure_future(permits.wait([A], "k"))
    await settled()
    assert await permits.wait([A], "k") == Crowded(full=True, waited_s=0.0)
    permits.give("a")
    assert await first == "a"


async def test_patience_ends() -> None:
    permits = Permits(patience_s=0.0)
    permits.take(A)
    assert await permits.wait([A], "k") == Crowded(full=False, waited_s=0.0)
    assert permits.waiting("a") == 0
    permits.give("a")
    assert permits.held("a") == 0


async def test_who_leaves_the_line_gives_its_place_back() -> None:
    permits = Permits()
    permits.take(A)
    leaving = asyncio.ensure_future(permits.wait([A], "k"))
    staying = asyncio.ensure_future(permits.wait([A], "k"))
    await settled()
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    permits.give("a")
    assert await staying == "a"


async def test_who_leaves_in_the_moment_of_its_turn_loses_nothing_for_the_others() -> None:
    permits = Permits()
    permits.take(A)
    leaving = asyncio.ensure_future(permits.wait([A], "k"))
    staying = asyncio.ensure_future(permits.wait([A], "k"))
    await settled()
    permits.give("a")  # the place is handed to the first one, whose task has not run yet
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert await staying == "a"
    permits.give("a")
    assert permits.held("a") == 0


@pytest.mark.parametrize("seed", range(5))
async def test_no_permit_is_lost_whatever_comes_and_goes(seed: int) -> None:
    dice = Dice(seed)
    permits = Permits(waiting=50)
    accounts = [account("a", 1), account("b", 2), account("c", 3)]
    limits = {one.id: one.max_concurrent or 0 for one in accounts}
    most: dict[str, int] = dict.fromkeys(limits, 0)

    async def use(key_id: str, wanted: list[Account], turns: int) -> None:
        place = next((one.id for one in wanted if permits.take(one)), None)
        if place is None:
            found = await permits.wait(wanted, key_id)
            if isinstance(found, Crowded):
                return
            place = found
        try:
            most[place] = max(most[place], permits.held(place))
            for _ in range(turns):
                await asyncio.sleep(0)
        finally:
            permits.give(place)

    tasks: list[asyncio.Task[None]] = []
    for number in range(400):
        wanted = dice.shuffled(accounts)[: 1 + dice.below(3)]
        tasks.append(asyncio.ensure_future(use(f"k{number % 7}", wanted, dice.below(6))))
        if dice.random() < 0.4:
            tasks[dice.below(len(tasks))].cancel()
        if dice.random() < 0.5:
            await asyncio.sleep(0)
    await asyncio.gather(*tasks, return_exceptions=True)
    assert all(most[name] <= limit for name, limit in limits.items())
    assert [permits.held(name) for name in limits] == [0, 0, 0]
    assert [permits.waiting(name) for name in limits] == [0, 0, 0]
