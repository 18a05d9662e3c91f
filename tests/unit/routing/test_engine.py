"""The engine's course over candidates, as a dialogue: attempt, report, attempt, report ..."""

from hypothesis import given
from hypothesis import strategies as st

from omniroute.ir.failure import Failure
from omniroute.ir.target import Target
from omniroute.routing.blocks import Block, Blocks, Scope
from omniroute.routing.candidate import Account, Candidate
from omniroute.routing.engine import Attempt, Done, GiveUp, Route, Succeeded
from tests.support.playbook import (
    a_place_is_free_at,
    answers,
    ends_well,
    fails,
    gives_up,
    is_full,
    playbook,
    things_change,
    tries,
    waits_for_a_place,
    who,
)


def candidate(name: str, version: int = 0) -> Candidate:
    return Candidate(
        target=Target(provider="p", model="m", dialect="openai_chat"),
        account=Account(id=name, provider="p", version=version),
    )


def failure(kind: str = "server", status: int = 500, **more: object) -> Failure:
    return Failure(kind=kind, status=status, message=f"{kind} happened", **more)


CLASSES = {"authentication": "auth_expired", "payment": "credits", "overloaded": "capacity", "connect": "network"}


def blocked(**rests: tuple[float, str]) -> Blocks:
    """Account by account: until when it rests, and after which kind of failure."""
    here = {}
    for name, (until, kind) in rests.items():
        error = CLASSES.get(kind, kind)
        here[Scope("p", name)] = Block(
            until=until, error=error, failure=failure(kind), firm=error in ("rate_limit", "credits"), version=0
        )
    return {"p": here} if here else {}


A, B, C = candidate("a"), candidate("b"), candidate("c")


def test_the_first_candidate_is_tried_first_and_success_ends_the_route() -> None:
    playbook("a", "b") >> tries("a") << answers() >> ends_well()


def test_a_server_error_goes_to_the_next_account() -> None:
    playbook("a", "b") >> tries("a") << fails("server") >> tries("b") << answers() >> ends_well()


def test_a_bad_request_returns_at_once() -> None:
    playbook("a", "b") >> tries("a") << fails("invalid_request", 400) >> gives_up("invalid_request", status=400)


def test_when_all_fail_the_last_failure_is_told() -> None:
    (
        playbook("a", "b")
        >> tries("a")
        << fails("server")
        >> tries("b")
        << fails("overloaded", 529)
        >> gives_up("overloaded", status=529)
    )


def test_of_several_rate_limits_the_one_that_ends_soonest_is_told() -> None:
    (
        playbook("a", "b")
        >> tries("a")
        << fails("rate_limit", 429, retry_after=3.0)
        >> tries("b")
        << fails("rate_limit", 429, retry_after=60.0)
        >> gives_up("rate_limit", retry_after=3.0)
    )


def test_a_full_account_is_passed_over_and_waited_for_when_nobody_else_is_left() -> None:
    (
        playbook(who("a", places=1), "b")
        >> tries("a")
        << is_full()
        >> tries("b")
        << fails("server")
        >> waits_for_a_place("a")
        << a_place_is_free_at("a")
        >> tries("a")
        << answers()
        >> ends_well()
    )


def test_who_waits_looks_again_at_all_that_it_left_out_untried_when_things_change() -> None:
    blocks = blocked(b=(5.0, "rate_limit"), c=(50.0, "rate_limit"))
    waiting = (
        playbook(who("a", places=1), who("b"), who("c"), "d", blocks=blocks)
        >> tries("a")
        << is_full()
        >> tries("d")
        << fails("server", after_s=1)
        >> waits_for_a_place("a")
    )
    assert waiting.route.first_rest_s(waiting.now) == 4.0
    again = waiting << things_change(after_s=4) >> tries("a") << is_full() >> tries("b")
    again << fails("server") >> waits_for_a_place("a") << things_change() >> tries("a") << answers() >> ends_well()
    left_out = [one.candidate.account.id for one in again.route.exclusions]
    assert sorted(left_out) == ["a", "b", "c"], "each once"


def test_a_turn_that_came_after_waiting_is_told() -> None:
    busy = who("a", places=1)
    route = Route([busy], {}, max_attempts=6)
    route.start(0.0)
    route.defer("busy")
    route.resume("a", 3.2, waited_s=3.2)
    assert [one.reason for one in route.exclusions] == ["busy; its turn came after 3.2 s"]


def test_a_resting_account_is_left_out_with_its_reason() -> None:
    blocks = blocked(a=(10.0, "rate_limit"))
    route = Route([A, B], blocks, max_attempts=6)
    assert route.start(0.0) == Attempt(number=1, candidate=B)
    assert [(e.candidate, e.reason) for e in route.exclusions] == [
        (A, "resting for 10 s after rate_limit: rate_limit happened")
    ]


def test_a_rest_ends_by_itself() -> None:
    blocks = blocked(a=(10.0, "rate_limit"))
    assert Route([A], blocks, max_attempts=6).start(10.0) == Attempt(number=1, candidate=A)


def test_an_edited_connection_is_no_longer_resting() -> None:
    blocks = blocked(a=(10.0, "authentication"))
    edited = candidate("a", version=2)
    assert Route([edited, B], blocks, max_attempts=6).start(0.0) == Attempt(number=1, candidate=edited)


def test_when_every_account_rests_after_a_rate_limit_the_caller_hears_when_to_come_back() -> None:
    blocks = blocked(a=(40.0, "rate_limit"), b=(20.0, "rate_limit"))
    step = Route([A, B], blocks, max_attempts=6).start(0.0)
    assert isinstance(step, GiveUp)
    assert (step.failure.status, step.failure.code, step.failure.retry_after) == (429, "model_cooldown", 20.0)


def test_when_all_rest_after_trouble_that_may_be_over_they_are_tried_soonest_first() -> None:
    blocks = blocked(a=(40.0, "server"), b=(20.0, "connect"), c=(5.0, "rate_limit"))
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
    blocks = blocked(**rests)
    resting = {name for name, (until, _) in rests.items() if until > now}
    step = Route([A, B, C], blocks, max_attempts=6).start(now)
    if len(resting) < 3:
        assert isinstance(step, Attempt)
        assert step.candidate.account.id not in resting


@given(st.lists(outcomes, max_size=40), st.integers(1, 5), st.integers(1, 8))
def test_whoever_waits_for_every_rest_still_ends_within_the_cap(
    script: list[object], count: int, cap: int
) -> None:
    blocks: dict[str, dict[Scope, Block]] = {}
    route = Route([candidate(str(number)) for number in range(count)], blocks, max_attempts=cap)
    now, tried, remaining = 0.0, 0, iter(script)
    step = route.start(now)
    while not isinstance(step, Done):
        if isinstance(step, GiveUp):
            wake = route.wakes_at(now)
            if wake is None or wake <= now:
                break
            now = wake
            step = route.again(now)
            continue
        assert isinstance(step, Attempt)
        tried += 1
        outcome = next(remaining, failure("rate_limit", 429))
        account = step.candidate.account.id
        step = route.report(outcome, now)
        if isinstance(outcome, Failure) and outcome.kind == "rate_limit":
            until = now + (outcome.retry_after or 3.0)
            block = Block(until=until, error="rate_limit", failure=outcome, firm=True)
            blocks.setdefault("p", {})[Scope("p", account)] = block
    assert tried <= cap
