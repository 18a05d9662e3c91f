"""What is remembered of the use of accounts."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniroute.routing.candidate import Account
from omniroute.traffic.accounts import Accounts, Seat

A = Account(id="a", provider="p")
B = Account(id="b", provider="p")


def seat(accounts: Accounts, account: Account, now: float = 0.0) -> Seat:
    found = accounts.seat(account, now)
    assert found is not None
    return found


def test_uses_in_a_row_are_counted_until_another_account_of_the_provider_is_used() -> None:
    accounts = Accounts(lambda: 0.0)
    for _ in range(2):
        seat(accounts, A).leave()
    assert accounts.standing("a", 0.0).in_row == 2
    seat(accounts, B).leave()
    assert (accounts.standing("b", 0.0).in_row, accounts.standing("b", 0.0).last_used) == (1, 3)
    seat(accounts, A).leave()
    assert accounts.standing("a", 0.0).in_row == 1


def test_a_seat_is_left_once_however_often_it_is_said() -> None:
    accounts = Accounts(lambda: 0.0)
    first, second = seat(accounts, A), seat(accounts, A)
    first.leave()
    first.leave()
    assert accounts.standing("a", 0.0).in_flight == 1
    second.leave()
    assert accounts.standing("a", 0.0).in_flight == 0


def test_errors_fade_and_a_failure_ends_the_row() -> None:
    accounts = Accounts(lambda: 0.0)
    one = seat(accounts, A)
    one.failed()
    one.leave()
    standing = accounts.standing("a", 0.0)
    assert (standing.in_row, standing.errors) == (0, 0.2)
    assert accounts.standing("a", 300.0).errors < 0.001


def test_a_slow_first_event_counts_at_once_and_a_quick_one_little_by_little() -> None:
    accounts = Accounts(lambda: 0.0)
    one = seat(accounts, A)
    one.answered(1.0)
    one.answered(9.0)
    assert accounts.standing("a", 0.0).first_event_s == 9.0
    one.answered(1.0)
    assert accounts.standing("a", 0.0).first_event_s == 7.4


def test_of_an_account_that_is_alone_nothing_is_kept() -> None:
    accounts = Accounts(lambda: 0.0)
    alone = Account(id="a", provider="p", alone=True)
    assert accounts.seat(alone, 0.0) is None


def test_the_share_left_of_the_tightest_limit_is_known_until_it_was_reset() -> None:
    accounts = Accounts(lambda: 0.0)
    headers = {
        "x-ratelimit-limit-requests": "100",
        "x-ratelimit-remaining-requests": "10",
        "x-ratelimit-reset-requests": "30s",
        "x-ratelimit-limit-tokens": "100",
        "x-ratelimit-remaining-tokens": "90",
        "x-ratelimit-reset-tokens": "5s",
    }
    accounts.learned.hear("a", headers, at=0.0, now=50.0)
    assert accounts.standing("a", 60.0).remaining == 0.1
    assert accounts.standing("a", 80.0).remaining == 1.0
    assert accounts.standing("b", 80.0).remaining is None


@given(
    st.lists(
        st.tuples(
            st.sampled_from([A, B]), st.sampled_from(["answered", "failed", "left", "asked"]), st.floats(0, 0.4)
        ),
        max_size=40,
    )
)
def test_what_is_told_of_several_is_as_it_is_now_but_for_what_fades(
    events: list[tuple[Account, str, float]],
) -> None:
    accounts, now = Accounts(lambda: 0.0), 0.0
    seats = {one.id: [seat(accounts, one)] for one in (A, B)}
    for account, event, later in events:
        now += later
        match event:
            case "answered":
                seats[account.id][-1].answered(later)
            case "failed":
                seats[account.id][-1].failed()
            case "left":
                seats[account.id].pop(0).leave()
                seats[account.id].append(seat(accounts, account, now))
            case _:
                pass
        for account_id, told in accounts.standings(["a", "b"], now).items():
            exact = accounts.standing(account_id, now)
            assert msgspec.structs.replace(told, errors=0.0) == msgspec.structs.replace(exact, errors=0.0)
            assert told.errors == pytest.approx(exact.errors, rel=0.035)
