"""The purse of further attempts: a fifth of the first ones, one a second, and never more than fifty."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniroute.ir.failure import Failure, FailureKind
from omniroute.ir.target import Target
from omniroute.routing.candidate import Account, Candidate
from omniroute.routing.retries import MOST, Purse, at, deposited, price, withdrawn

STEPS = st.lists(
    st.tuples(st.integers(0, 30), st.one_of(st.integers(1, 500), st.sampled_from([0.5, 1.0]))), max_size=60
)


def test_a_quiet_gateway_may_try_ten_times_again_in_ten_seconds_and_then_once_a_second() -> None:
    purse = Purse(second=100)
    for _ in range(10):
        purse = withdrawn(purse, 100, 1.0) or pytest.fail("there were ten tokens")
    assert withdrawn(purse, 100, 0.5) is None
    purse = withdrawn(purse, 101, 1.0) or pytest.fail("a second brings one")
    assert withdrawn(purse, 101, 1.0) is None


def test_a_fifth_of_the_first_attempts_may_be_repeated_and_what_is_not_spent_is_gone_after_ten_seconds() -> None:
    purse = deposited(Purse(second=100), 100, 100)
    assert purse.balance == 30
    assert at(purse, 109).balance == 30
    assert at(purse, 110).balance == 10


def test_a_purse_never_holds_more_than_fifty() -> None:
    full = deposited(Purse(second=100), 100, 100_000)
    assert full.balance == MOST
    spent = withdrawn(full, 100, 1.0) or pytest.fail("there were fifty tokens")
    later = at(deposited(spent, 100, 5), 101)
    assert later.balance == pytest.approx(MOST), "a second brings no more than there is room for"


@given(STEPS)
def test_whatever_happens_no_more_is_spent_than_was_given(steps: list[tuple[int, float]]) -> None:
    second, purse = 100, Purse(second=100)
    given_firsts = spent = 0.0
    for passed, what in steps:
        second += passed
        if isinstance(what, int):
            purse = deposited(purse, second, what)
            given_firsts += what
        elif (left := withdrawn(purse, second, what)) is not None:
            assert left.balance == pytest.approx(at(purse, second).balance - what)
            purse, spent = left, spent + what
        assert 0 <= purse.balance <= MOST + 1e-9
        assert min(purse.tokens) >= 0
        assert len(purse.tokens) == 10
    assert spent <= 10 + (second - 100) + 0.2 * given_firsts + 1e-6


def candidate(provider: str, account: str) -> Candidate:
    return Candidate(
        target=Target(provider=provider, model="m", dialect="openai_chat"),
        account=Account(id=account, provider=provider),
    )


@pytest.mark.parametrize(
    ("kind", "following", "cost"),
    [
        ("server", candidate("a", "1"), 1.0),
        ("server", candidate("a", "2"), 1.0),
        ("server", candidate("b", "3"), 0.5),
        ("rate_limit", candidate("a", "1"), 1.0),
        ("rate_limit", candidate("a", "2"), 0.0),
        ("rate_limit", candidate("b", "3"), 0.5),
    ],
)
def test_another_account_of_a_healthy_provider_costs_nothing(
    kind: FailureKind, following: Candidate, cost: float
) -> None:
    failure = Failure(kind=kind, status=500, message="no")
    assert price(failure, candidate("a", "1"), following) == cost
