"""The engine's course over candidates, as a dialogue: attempt, report, attempt, report ..."""

from hypothesis import given
from hypothesis import strategies as st

from omniroute.ir.failure import Failure
from omniroute.ir.target import Target
from omniroute.routing.blocks import Block
from omniroute.routing.candidate import Account, Candidate
from omniroute.routing.engine import Attempt, Done, GiveUp, Route, Succeeded


def candidate(name: str, version: int = 0) -> Candidate:
    return Candidate(
        target=Target(provider="p", model="m", dialect="openai_chat"),
        account=Account(id=name, provider="p", version=version),
    )


def failure(kind: str = "server", status: int = 500, **more: object) -> Failure:
    return Failure(kind=kind, status=status, message=f"{kind} happened", **more)


A, B, C = candidate("a"), candidate("b"), candidate("c")


def test_the_first_candidate_is_tried_first_and_success_ends_the_route() -> None:
    route = Route([A, B], {}, max_attempts=6)
    assert route.start(0.0) == Attempt(number=1, candidate=A)
    assert route.report(Succeeded(), 1.0) == Done()


def test_a_server_error_goes_to_the_next_account() -> None:
    route = Route([A, B], {}, max_attempts=6)
    route.start(0.0)
    assert route.report(failure(), 1.0) == Attempt(number=2, candidate=B)


def test_a_bad_request_returns_at_once() -> None:
    bad = failure("invalid_request", 400)
    route = Route([A, B], {}, max_attempts=6)
    route.start(0.0)
    assert route.report(bad, 1.0) == GiveUp(failure=bad)


def test_when_all_fail_the_last_failure_is_told() -> None:
    last = failure("overloaded", 529)
    route = Route([A, B], {}, max_attempts=6)
    route.start(0.0)
    route.report(failure(), 1.0)
    assert route.report(last, 2.0) == GiveUp(failure=last)


def test_of_several_rate_limits_the_one_that_ends_soonest_is_told() -> None:
    soon, late = failure("rate_limit", 429, retry_after=3.0), failure("rate_limit", 429, retry_after=60.0)
    route = Route([A, B], {}, max_attempts=6)
    route.start(0.0)
    route.report(soon, 1.0)
    assert route.report(late, 2.0) == GiveUp(failure=soon)


def test_a_resting_account_is_left_out_with_its_reason() -> None:
    blocks = {"a": Block(until=10.0, failure=failure("rate_limit", 429), version=0)}
    route = Route([A, B], blocks, max_attempts=6)
    assert route.start(0.0) == Attempt(number=1, candidate=B)
    assert [(e.candidate, e.reason) for e in route.exclusions] == [
        (A, "resting for 10 s after rate_limit: rate_limit happened")
    ]


def test_a_rest_ends_by_itself() -> None:
    blocks = {"a": Block(until=10.0, failure=failure("rate_limit", 429), version=0)}
    assert Route([A], blocks, max_attempts=6).start(10.0) == Attempt(number=1, candidate=A)


def test_an_edited_connection_is_no_longer_resting() -> None:
    blocks = {"a": Block(until=10.0, failure=failure("authentication", 401), version=1)}
    edited = candidate("a", version=2)
    assert Route([edited, B], blocks, max_attempts=6).start(0.0) == Attempt(number=1, candidate=edited)


def test_when_every_account_rests_after_a_rate_limit_the_caller_hears_when_to_come_back() -> None:
    blocks = {
        "a": Block(until=40.0, failure=failure("rate_limit", 429), version=0),
        "b": Block(until=20.0, failure=failure("rate_limit", 429), version=0),
    }
    step = Route([A, B], blocks, max_attempts=6).start(0.0)
    assert isinstance(step, GiveUp)
    assert (step.failure.status, step.failure.code, step.failure.retry_after) == (429, "model_cooldown", 20.0)


def test_when_all_rest_after_trouble_that_may_be_over_they_are_tried_soonest_first() -> None:
    blocks = {
        "a": Block(until=40.0, failure=failure("server"), version=0),
        "b": Block(until=20.0, failure=failure("connect", 502), version=0),
        "c": Block(until=5.0, failure=failure("rate_limit", 429), version=0),
    }
    route = Route([A, B, C], blocks, max_attempts=6)
    assert route.start(0.0) == Attempt(number=1, candidate=B)
    assert route.report(failure(), 1.0) == Attempt(number=2, candidate=A)


KINDS = """invalid_request authentication payment permission not_found timeout rate_limit overloaded server
connect cut protocol empty cancelled"""
kinds = st.sampled_from(KINDS.split())
outcomes = st.one_of(
    st.just(Succeeded()),
    kinds.map(lambda kind: failure(kind)),
    st.floats(0, 1e9).map(lambda wait: failure("rate_limit", 429, retry_after=wait)),
)


@given(st.lists(outcomes, max_size=40), st.integers(1, 12), st.integers(1, 8))
def test_any_sequence_of_outcomes_ends_within_the_cap_and_tries_no_candidate_twice(
    script: list[object], count: int, cap: int
) -> None:
    candidates = [candidate(str(number)) for number in range(count)]
    route = Route(candidates, {}, max_attempts=cap)
    step = route.start(0.0)
    tried: list[str] = []
    remaining = iter(script)
    while isinstance(step, Attempt):
        tried.append(step.candidate.account.id)
        step = route.report(next(remaining, failure()), float(len(tried)))
    assert len(tried) <= min(cap, count)
    assert len(set(tried)) == len(tried)
    assert isinstance(step, (Done, GiveUp))


@given(st.dictionaries(st.sampled_from("abc"), st.tuples(st.floats(0, 100), kinds)), st.floats(0, 100))
def test_a_resting_account_is_never_chosen_while_another_is_free(
    rests: dict[str, tuple[float, str]], now: float
) -> None:
    blocks = {name: Block(until=until, failure=failure(kind), version=0) for name, (until, kind) in rests.items()}
    resting = {name for name, block in blocks.items() if block.until > now}
    step = Route([A, B, C], blocks, max_attempts=6).start(now)
    if len(resting) < 3:
        assert isinstance(step, Attempt)
        assert step.candidate.account.id not in resting
