"""A combo's own rules for classes of failure, as plays of the engine."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniroute.ir.failure import FailureKind
from omniroute.routing.actions import Action, faults
from omniroute.routing.classify import ErrorClass
from omniroute.routing.engine import Attempt, Done, Full, GiveUp, Pause, Route, Succeeded
from tests.support.playbook import (
    answers,
    ends_well,
    fails,
    failure,
    gives_up,
    pauses,
    playbook,
    the_pause_is_over,
    tries,
    who,
)


def test_next_goes_on_after_what_is_usually_told_at_once() -> None:
    (
        playbook("a", "b", on={"invalid_request": "next"})
        >> tries("a")
        << fails("invalid_request", 400)
        >> tries("b")
        << answers()
        >> ends_well()
    )


def test_return_tells_at_once_what_usually_goes_on() -> None:
    (
        playbook("a", "b", on={"server": "return"})
        >> tries("a")
        << fails("server", 502)
        >> gives_up("server", status=502)
    )


def test_same_asks_once_more_and_then_goes_on() -> None:
    (
        playbook("a", "b", on={"server": "same"})
        >> tries("a")
        << fails("server")
        >> tries("a")
        << fails("server")
        >> tries("b")
        << fails("server")
        >> tries("b")
        << answers()
        >> ends_well()
    )


def test_wait_asks_again_after_the_time_that_the_provider_named() -> None:
    (
        playbook("a", "b", on={"rate_limit": "wait"})
        >> tries("a")
        << fails("rate_limit", 429, retry_after=7.0)
        >> pauses(7.0, "a")
        << the_pause_is_over()
        >> tries("a")
        << answers()
        >> ends_well()
    )


def test_nobody_waits_for_longer_than_half_a_minute() -> None:
    (
        playbook("a", "b", on={"rate_limit": "wait"})
        >> tries("a")
        << fails("rate_limit", 429, retry_after=31.0)
        >> tries("b")
        << answers()
        >> ends_well()
    )


def test_sibling_prefers_another_model_of_the_same_provider() -> None:
    (
        playbook("p/m@a", "q/x", "p/n@a", on={"capacity": "sibling"})
        >> tries("p/m@a")
        << fails("overloaded", 529)
        >> tries("p/n@a")
        << fails("server")
        >> tries("q/x")
        << answers()
        >> ends_well()
    )


def test_a_class_without_a_rule_means_what_it_usually_means() -> None:
    rules = {"server": "return"}
    playbook("a", "b", on=rules) >> tries("a") << fails("connect", 502) >> tries("b") << answers() >> ends_well()


def test_a_repetition_counts_as_an_attempt() -> None:
    (
        playbook("a", "b", on={"server": "same"}, max_attempts=2)
        >> tries("a")
        << fails()
        >> tries("a")
        << fails()
        >> gives_up("server")
    )


def test_nothing_can_follow_a_client_that_has_left() -> None:
    assert faults({"cancelled": "next"}) == [
        "on: nothing follows a client that has left; take out the rule for 'cancelled'"
    ]
    assert not faults({"server": "same"})


ACTIONS: tuple[Action, ...] = ("next", "same", "return", "sibling", "wait")
KINDS: tuple[FailureKind, ...] = get_args(FailureKind)
CLASSES: tuple[ErrorClass, ...] = tuple(one for one in get_args(ErrorClass) if one != "cancelled")


@given(
    st.dictionaries(st.sampled_from(CLASSES), st.sampled_from(ACTIONS)),
    st.lists(st.tuples(st.sampled_from(KINDS), st.none() | st.floats(0, 60)), max_size=40),
    st.lists(st.sampled_from(["a", "b", "p/n@a", "q/x", "q/y"]), min_size=1, max_size=5, unique=True),
    st.integers(1, 30),
)
def test_whatever_the_rules_and_the_outcomes_the_engine_ends_within_the_cap_and_tries_nobody_a_third_time(
    rules: dict, script: list[tuple[str, float | None]], names: list[str], cap: int
) -> None:
    route = Route([who(name) for name in names], {}, max_attempts=cap, on=rules)
    step, now = route.start(0.0), 0.0
    remaining = iter(script)
    tried = []
    while not isinstance(step, (Done, GiveUp)):
        now += 1
        assert not isinstance(step, Full)
        if isinstance(step, Pause):
            assert step.seconds <= 30
            step = route.resumed(now)
            continue
        assert isinstance(step, Attempt)
        tried.append(step.candidate)
        assert step.number == len(tried) <= cap
        kind, hint = next(remaining, (None, None))
        outcome = Succeeded() if kind is None else failure(kind, 500, retry_after=hint)
        step = route.report(outcome, now)
    assert max(tried.count(one) for one in tried) <= 2


@pytest.mark.parametrize("action", ACTIONS)
def test_a_rule_never_asks_after_a_success(action: Action) -> None:
    playbook("a", "b", on={"server": action}) >> tries("a") << answers() >> ends_well()
