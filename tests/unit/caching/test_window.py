"""Replies are remembered for a moment, and only so many of them."""

import pytest

from omniroute.caching import window as module
from omniroute.caching.tape import Tape
from omniroute.caching.window import Window


class Hand:
    """A clock that is moved by hand."""

    time = 0.0

    def now(self) -> float:
        return self.time

    monotonic = now


def tape(size: int = 1) -> Tape:
    made = Tape()
    made.begin(200, [], whole=True)
    made.add(b"x" * size)
    made.end()
    return made


def test_a_reply_is_remembered_for_its_time() -> None:
    clock = Hand()
    window = Window(clock, length_s=5)
    reply = tape()
    window.keep(b"n", reply)
    clock.time = 4.9
    found = window.find(b"n")
    assert found is not None
    assert (found.tape, window.active) == (reply, 1)
    clock.time = 5
    assert (window.find(b"n"), window.active) == (None, 0)


def test_large_replies_leave_before_their_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BYTES", 10)
    window = Window(Hand(), length_s=5)
    for number in range(4):
        window.keep(bytes([number]), tape(4))
    assert [window.find(bytes([number])) is None for number in range(4)] == [True, True, False, False]


def test_clearing_forgets_everything() -> None:
    window = Window(Hand(), length_s=5)
    window.keep(b"n", tape())
    window.clear()
    assert (window.find(b"n"), window.active) == (None, 0)
