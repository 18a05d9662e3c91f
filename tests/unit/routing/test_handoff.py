"""When a conversation is handed over, and who is to take it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniroute.routing.candidate import Account, Candidate
from omniroute.routing.handoff import Cause, Handoff, due, lands_elsewhere, relayed
from tests.support.combos import target


def candidate(name: str, account: str) -> Candidate:
    where = target(name)
    return Candidate(target=where, account=Account(id=account, provider=where.provider))


def handoff(cause: Cause) -> Handoff:
    return Handoff(cause=cause, target=target("a/m"), account_id="a1", used=0.9, summary="so far", until=100.0)


ALL = [candidate("a/m", "a1"), candidate("a/m", "a2"), candidate("a/n", "a1"), candidate("b/m", "b1")]


@pytest.mark.parametrize(
    ("quota_left", "window_used", "found"),
    [
        (None, None, None),
        (0.5, 0.5, None),
        (0.15, None, ("quota", 0.85)),
        (0.2, None, None),
        (None, 0.85, ("context", 0.85)),
        (0.0, 1.2, ("context", 1.2)),
        (0.0, 0.1, ("quota", 1.0)),
    ],
)
def test_what_runs_out_first_is_named(
    quota_left: float | None, window_used: float | None, found: tuple[Cause, float] | None
) -> None:
    assert due(quota_left=quota_left, window_used=window_used, threshold=0.85) == found


def test_a_spent_account_is_left_for_any_other_and_a_full_window_for_another_model() -> None:
    by_quota, by_window = relayed(ALL, handoff("quota")), relayed(ALL, handoff("context"))
    assert [ALL[place].account.id for place in by_quota] == ["a2", "b1", "a1", "a1"]
    assert [ALL[place].target.model for place in by_window] == ["n", "m", "m", "m"]


@given(order=st.permutations(ALL), cause=st.sampled_from(["quota", "context"]))
def test_nobody_is_lost_and_each_side_keeps_its_order(order: list[Candidate], cause: Cause) -> None:
    now = [order[place] for place in relayed(order, handoff(cause))]
    assert sorted(map(id, now)) == sorted(map(id, order))
    for side in (True, False):
        kept = [one for one in order if lands_elsewhere(one, handoff(cause)) is side]
        assert [one for one in now if lands_elsewhere(one, handoff(cause)) is side] == kept
