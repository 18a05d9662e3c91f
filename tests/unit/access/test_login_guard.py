"""Guessing passwords is slow."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniroute.access.login_guard import FAILURES, WINDOW_MS, counted, locked_for_s, peer_of
from omniroute.storage.repos.sessions import FailureRow


def attempts(*at: int) -> FailureRow | None:
    row = None
    for now in at:
        row = counted(row, "p", now)
    return row


def test_the_fifth_attempt_locks_for_fifteen_minutes() -> None:
    four = attempts(0, 1, 2, 3)
    assert locked_for_s(four, 4) is None
    five = counted(four, "p", 4)
    assert five == FailureRow(peer="p", count=5, locked_until=4 + WINDOW_MS, updated_at=4)
    assert locked_for_s(five, 4) == 900
    assert locked_for_s(five, 3 + WINDOW_MS) == 1
    assert locked_for_s(five, 4 + WINDOW_MS) is None


def test_after_the_lock_counting_starts_anew() -> None:
    row = counted(attempts(0, 0, 0, 0, 0), "p", WINDOW_MS)
    assert (row.count, row.locked_until) == (1, None)


def test_old_failures_do_not_count() -> None:
    row = counted(attempts(0, 0, 0, 0), "p", WINDOW_MS)
    assert (row.count, row.locked_until) == (1, None)


@given(st.lists(st.integers(0, WINDOW_MS // 2), max_size=60))
def test_no_rhythm_allows_more_than_five_attempts_in_a_window(gaps: list[int]) -> None:
    row, now = None, 0
    made: list[int] = []
    for gap in gaps:
        now += gap
        if locked_for_s(row, now) is None:
            made.append(now)
            row = counted(row, "p", now)
    for start in made:
        assert sum(start <= at < start + WINDOW_MS for at in made) <= FAILURES


@pytest.mark.parametrize(
    ("address", "peer"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("unknown", "unknown"),
        ("x" * 100, "x" * 64),
    ],
)
def test_one_attacker_is_one_peer(address: str, peer: str) -> None:
    assert peer_of(address) == peer
