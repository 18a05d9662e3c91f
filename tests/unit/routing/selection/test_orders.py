"""Each way of choosing among a provider's accounts, and what holds for all of them."""

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniroute.ir.target import Target
from omniroute.routing.candidate import Account, Candidate
from omniroute.routing.selection.draw import AccountStanding, Draw
from omniroute.routing.selection.orders import ordered
from omniroute.routing.selection.reasons import because
from omniroute.routing.selection.rules import (
    ACCOUNT_STRATEGIES,
    AccountStrategy,
    OwnRule,
    Rule,
    Selection,
    account_strategy_named,
)

TARGET = Target(provider="p", model="m", dialect="openai_chat")


def accounts(*names: str) -> list[Candidate]:
    return [
        Candidate(target=TARGET, account=Account(id=name, provider="p", priority=number))
        for number, name in enumerate(names, start=1)
    ]


THREE = accounts("a", "b", "c")


def order(strategy: AccountStrategy, **more: object) -> list[str]:
    return [one.account.id for one in ordered(THREE, Draw(strategy=strategy, **more))]  # type: ignore[arg-type]


def standings(**known: AccountStanding) -> dict[str, AccountStanding]:
    return known


@given(
    strategy=st.sampled_from(ACCOUNT_STRATEGIES),
    count=st.integers(2, 12),
    seed=st.integers(0, 2**64 - 1),
    turn=st.integers(0, 1000),
    standing=st.dictionaries(
        st.sampled_from("abcdefghijkl"),
        st.builds(
            AccountStanding,
            in_flight=st.integers(0, 9),
            first_event_s=st.none() | st.floats(0, 60),
            errors=st.floats(0, 1),
            last_used=st.integers(0, 50),
            in_row=st.integers(0, 5),
            remaining=st.none() | st.floats(0, 1),
        ),
    ),
    bound=st.none() | st.sampled_from("abcdefghijkl"),
)
def test_every_account_comes_exactly_once_the_bound_one_first_and_always_in_the_same_order(
    strategy: AccountStrategy,
    count: int,
    seed: int,
    turn: int,
    standing: dict[str, AccountStanding],
    bound: str | None,
) -> None:
    candidates = accounts(*"abcdefghijkl"[:count])
    draw = Draw(strategy=strategy, seed=seed, turn=turn, standings=standing, bound=bound)
    found = ordered(candidates, draw)
    assert sorted(one.account.id for one in found) == sorted(one.account.id for one in candidates)
    assert found == ordered(candidates, draw)
    if bound in {one.account.id for one in candidates}:
        assert found[0].account.id == bound


def test_fill_first_goes_by_priority() -> None:
    assert order("fill-first") == ["a", "b", "c"]


def test_round_robin_stays_for_three_uses_and_goes_on_to_the_one_idle_longest() -> None:
    twice = standings(b=AccountStanding(last_used=7, in_row=2), c=AccountStanding(last_used=3, in_row=3))
    assert order("round-robin", standings=twice) == ["b", "a", "c"]
    thrice = standings(
        a=AccountStanding(last_used=5), b=AccountStanding(last_used=7, in_row=3), c=AccountStanding(last_used=3)
    )
    assert order("round-robin", standings=thrice) == ["c", "a", "b"]
    assert order("round-robin", standings=thrice, sticky=9)[0] == "b"


def test_round_robin_does_not_stay_with_an_account_that_failed() -> None:
    failed = standings(a=AccountStanding(last_used=9, in_row=0), b=AccountStanding(last_used=8))
    assert order("round-robin", standings=failed) == ["c", "b", "a"]


def test_strict_random_uses_every_account_once_per_cycle() -> None:
    drawn = [order("strict-random", turn=turn)[0] for turn in range(60)]
    assert all(sorted(drawn[start : start + 3]) == ["a", "b", "c"] for start in range(0, 60, 3))
    assert all(one != following for one, following in pairwise(drawn))


def test_random_gives_all_accounts_the_same_chance() -> None:
    first = Counter(order("random", seed=seed)[0] for seed in range(3000))
    assert all(abs(count / 3000 - 1 / 3) < 0.04 for count in first.values())


def test_weighted_gives_shares_that_fall_with_priority() -> None:
    first = Counter(order("weighted", seed=seed)[0] for seed in range(4000))
    assert abs(first["a"] / 4000 - 6 / 11) < 0.03
    assert abs(first["b"] / 4000 - 3 / 11) < 0.03


def test_least_used_takes_the_idle_one_that_was_used_longest_ago() -> None:
    known = standings(a=AccountStanding(in_flight=1, last_used=1), b=AccountStanding(last_used=9))
    assert order("least-used", standings=known) == ["c", "b", "a"]


@pytest.mark.parametrize(
    "bad",
    [
        AccountStanding(in_flight=5),
        AccountStanding(errors=0.9),
        AccountStanding(first_event_s=30.0),
    ],
)
def test_p2c_puts_a_burdened_account_first_only_where_it_meets_no_other(bad: AccountStanding) -> None:
    usual = AccountStanding(first_event_s=1.0)
    known = standings(a=bad, b=usual, c=usual)
    assert {order("p2c", standings=known, seed=seed)[-1] for seed in range(50)} == {"a"}


def test_quota_aware_spends_from_the_fullest_and_leaves_the_exhausted_for_last() -> None:
    known = standings(a=AccountStanding(remaining=0.0), c=AccountStanding(remaining=0.8))
    assert order("quota-aware", standings=known) == ["c", "b", "a"]


@pytest.mark.parametrize("strategy", ACCOUNT_STRATEGIES)
def test_every_order_has_a_reason(strategy: AccountStrategy) -> None:
    assert because(Draw(strategy=strategy), "a").startswith("account a: ")
    assert because(Draw(strategy=strategy, bound="a"), "a") == "account a: the conversation is with it"


def test_a_provider_has_its_own_rule_as_far_as_it_says() -> None:
    selection = Selection(
        usual=Rule(strategy="p2c", sticky=5), providers={"openai": OwnRule(strategy="random", affinity="off")}
    )
    assert selection.of("openai") == Rule(strategy="random", sticky=5, affinity="off")
    assert selection.of("anthropic") == Rule(strategy="p2c", sticky=5)


def test_strategies_are_known_by_their_names_and_synonyms() -> None:
    assert account_strategy_named(" Priority ") == account_strategy_named("cost-optimized") == "fill-first"
    assert account_strategy_named("P2C") == "p2c"
    assert account_strategy_named("best") is None
