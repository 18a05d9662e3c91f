"""The table of blocks as attempts end: who rests, for how long, and who may see whether it is over."""

import asyncio
import math

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from omniroute.ir.failure import Failure
from omniroute.ir.target import Target
from omniroute.routing.blocks import EVERY, Block, Scope, active_block
from omniroute.routing.candidate import Account, Candidate
from omniroute.routing.classify import classify
from omniroute.routing.dice import Dice
from omniroute.traffic.resting import PROBE_S, Resting


def candidate(account: str = "a", model: str = "m", **more: object) -> Candidate:
    return Candidate(
        target=Target(provider="p", model=model, dialect="openai_chat"),
        account=Account(id=account, provider="p", **more),
    )


def limited(wait_s: float | None = None) -> Failure:
    return Failure(kind="rate_limit", status=429, message="slow down", retry_after=wait_s)


BAD_KEY = Failure(kind="authentication", status=401, message="bad key")
NO_CREDIT = Failure(kind="payment", status=402, message="empty")
ABSENT = Failure(kind="not_found", status=404, message="no such model")
BROKEN = Failure(kind="server", status=500, message="broken")
BUSY = Failure(kind="overloaded", status=529, message="busy")
A = candidate()


def fails(resting: Resting, who: Candidate, failure: Failure, now: float = 0.0, seen: int | None = None) -> float:
    return resting.failed(who, classify(failure), failure, now, resting.serial if seen is None else seen)


def holds(resting: Resting, who: Candidate, now: float) -> bool:
    return active_block(resting.view, who, now) is not None


def test_defect_2_the_providers_own_word_is_the_cooldown_of_the_account() -> None:
    resting = Resting(Dice(1))
    assert fails(resting, A, limited(179.56)) == 179.56
    assert holds(resting, candidate(model="another"), 179.0)
    assert not holds(resting, A, 180.0)


def test_a_hint_is_clamped_between_half_a_second_and_seven_days() -> None:
    resting = Resting()
    assert fails(resting, A, limited(0.0)) == 0.5
    assert fails(resting, candidate("b"), limited(1e9)) == 7 * 86400.0


def test_a_limit_of_a_provider_that_counts_by_model_leaves_the_other_models_alone() -> None:
    resting = Resting()
    fails(resting, candidate(limits_per_model=True), limited(60.0))
    assert holds(resting, candidate(limits_per_model=True), 1.0)
    assert not holds(resting, candidate(model="another", limits_per_model=True), 1.0)
    assert not holds(resting, candidate("b", limits_per_model=True), 1.0)


def test_a_missing_model_is_locked_at_its_account_and_a_busy_one_at_its_provider() -> None:
    resting = Resting()
    fails(resting, A, ABSENT)
    assert [holds(resting, who, 599.0) for who in (A, candidate(model="another"), candidate("b"))] == [
        True,
        False,
        False,
    ]
    resting = Resting()
    fails(resting, A, BUSY)
    assert [holds(resting, who, 1.0) for who in (A, candidate(model="another"), candidate("b"))] == [
        True,
        False,
        True,
    ]


def test_another_account_that_gets_through_shows_that_the_model_is_not_busy() -> None:
    resting = Resting()
    fails(resting, A, BUSY)
    resting.succeeded(candidate("b"), 0.5, resting.began(candidate("b"), 0.1))
    assert [holds(resting, who, 1.0) for who in (A, candidate("b"))] == [True, False]


def test_defect_16_what_is_the_callers_fault_changes_nothing() -> None:
    resting = Resting()
    for status in (400, 413, 422):
        fails(resting, A, Failure(kind="invalid_request", status=status, message="no"))
    assert not resting.view


def test_defect_18_a_hundred_refusals_at_once_are_one() -> None:
    resting = Resting()
    seen = resting.serial
    rests = [fails(resting, A, limited(), 0.01 * number, seen) for number in range(100)]
    assert rests == [3.0] + [0.0] * 99
    (_, block), *others = resting.current(2.0)
    assert (block.level, block.until, others) == (1, 3.0, [])


def test_the_ladder_climbs_from_one_ended_rest_to_the_next_and_a_success_takes_it_down() -> None:
    resting, now = Resting(), 0.0
    rests = []
    for _ in range(4):
        rests.append(fails(resting, A, limited(), now))
        now += rests[-1] + 0.1
    assert rests == [3.0, 6.0, 12.0, 24.0]
    resting.succeeded(A, now, resting.serial)
    assert not resting.view
    assert fails(resting, A, limited(), now) == 12.0


def test_a_longer_block_is_never_shortened_by_a_shorter_one() -> None:
    resting = Resting()
    fails(resting, A, limited(600.0))
    assert fails(resting, A, limited(5.0), 1.0) == 0.0
    assert holds(resting, A, 599.0)
    assert fails(resting, A, limited(700.0), 1.0) == 700.0


def test_what_somebody_must_see_to_is_overwritten_by_no_cooldown() -> None:
    resting = Resting()
    assert fails(resting, A, BAD_KEY) == math.inf
    for failure in (limited(), limited(7 * 86400.0)):
        fails(resting, A, failure, 1.0)
    assert [block.error for _, block in resting.current(2.0)] == ["auth_invalid"]
    assert holds(resting, A, 1e12)
    assert not holds(resting, candidate(version=1), 2.0)


def test_an_account_without_credit_is_asked_again_after_six_hours() -> None:
    resting = Resting()
    fails(resting, A, limited(60.0))
    fails(resting, A, NO_CREDIT, 1.0)
    assert holds(resting, A, 6 * 3600.0)
    assert not holds(resting, A, 6 * 3600.0 + 2)


def test_a_success_that_began_before_the_block_does_not_lift_it() -> None:
    resting = Resting()
    seen = resting.began(A, 0.0)
    fails(resting, A, limited(60.0), 0.5, seen)
    resting.succeeded(A, 0.6, seen)
    assert holds(resting, A, 1.0)


def test_one_request_sees_whether_a_rest_is_over_and_the_others_hold_back() -> None:
    resting = Resting()
    fails(resting, A, limited(10.0))
    assert not holds(resting, A, 10.0)
    resting.began(A, 10.0)
    assert [holds(resting, A, now) for now in (10.0, 10.0 + PROBE_S - 0.1, 10.0 + PROBE_S)] == [True, True, False]
    resting.left(A)
    assert not holds(resting, A, 10.1)
    resting.began(A, 10.1)
    resting.succeeded(A, 10.2, resting.serial)
    assert not resting.view


def test_after_other_trouble_than_a_limit_nobody_holds_back() -> None:
    resting = Resting()
    rest_s = fails(resting, A, BROKEN)
    resting.began(A, rest_s)
    assert not holds(resting, A, rest_s)


async def test_who_waits_is_woken_when_a_block_is_lifted() -> None:
    resting = Resting()
    fails(resting, A, limited(600.0))
    waiting = asyncio.ensure_future(resting.change({"p"}, 600.0))
    elsewhere = asyncio.ensure_future(resting.change({"q"}, 600.0))
    await asyncio.sleep(0)
    assert resting.lift(lambda scope, block: scope.provider == "p") == [Scope("p", "a")]
    await waiting
    assert not elsewhere.done()
    elsewhere.cancel()
    await asyncio.gather(elsewhere, return_exceptions=True)


def test_what_was_written_down_holds_again_with_its_place_on_the_ladder() -> None:
    resting = Resting()
    fails(resting, A, limited())
    fails(resting, A, limited(), 4.0)
    known = resting.current(5.0)
    again = Resting()
    again.restore(known)
    assert holds(again, A, 9.0)
    assert fails(again, A, limited(), 11.0) == 12.0


failures = st.sampled_from([limited(), limited(5.0), limited(5000.0), BAD_KEY, NO_CREDIT, ABSENT, BROKEN, BUSY])
moves = st.one_of(
    st.tuples(st.just("fails"), st.sampled_from("ab"), st.sampled_from("mn"), failures),
    st.tuples(st.just("wait"), st.floats(0, 4000)),
)


@given(st.lists(moves, max_size=30))
def test_only_time_or_somebody_shortens_a_block(script: list[tuple]) -> None:
    resting, now = Resting(Dice(7)), 0.0
    for kind, *rest in script:
        before = dict(resting.current(now))
        if kind == "wait":
            now += rest[0]
            continue
        account, model, failure = rest
        fails(resting, candidate(account, model), failure, now)
        after = dict(resting.current(now))
        for scope, block in before.items():
            assert after[scope].until >= block.until or (after[scope].terminal and not block.terminal)
            assert after[scope].terminal or not block.terminal


def test_a_block_says_whom_it_holds() -> None:
    block = Block(until=9.0, error="server", failure=BROKEN)
    for scope, held in (
        (Scope("p"), [True, True, True]),
        (Scope("p", EVERY, "m"), [True, True, False]),
        (Scope("p", "a"), [True, False, True]),
        (Scope("p", "a", "m"), [True, False, False]),
        (Scope("q"), [False, False, False]),
    ):
        view = {scope.provider: {scope: block}}
        asked = (A, candidate("b"), candidate(model="n"))
        assert [active_block(view, who, 1.0) is not None for who in asked] == held
    assert active_block({"p": {Scope("p"): msgspec.structs.replace(block, until=1.0)}}, A, 1.0) is None
