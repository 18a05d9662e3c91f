"""Whoever listens to a tape hears all of it, from whenever on."""

import asyncio

import pytest

from omniroute.caching.tape import Tape


async def heard(tape: Tape) -> list[bytes]:
    while not tape.ended:
        await tape.news()
    return tape.pieces


async def test_listeners_are_woken_by_everything_that_comes() -> None:
    tape = Tape()
    listening = asyncio.ensure_future(tape.news())
    await asyncio.sleep(0)
    tape.begin(200, [], whole=False)
    await listening
    assert tape.begun


async def test_all_listeners_hear_the_same() -> None:
    tape = Tape()
    early = asyncio.ensure_future(heard(tape))
    tape.begin(200, [], whole=False)
    tape.add(b"one")
    await asyncio.sleep(0)
    late = asyncio.ensure_future(heard(tape))
    tape.add(b"two")
    tape.end()
    assert await early == await late == await heard(tape) == [b"one", b"two"]
    assert (tape.size, tape.complete) == (6, True)


async def test_a_listener_that_leaves_is_forgotten() -> None:
    tape = Tape()
    leaving, staying = (asyncio.ensure_future(heard(tape)) for _ in range(2))
    await asyncio.sleep(0)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    tape.close()
    assert await staying == []
    assert not tape.complete
