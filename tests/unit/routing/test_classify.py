"""Every kind of failure has one meaning for the request and one for the account."""

import pytest

from omniroute.ir.failure import Failure
from omniroute.routing.classify import MAX_BLOCK_S, Verdict, classify

TABLE = {
    "invalid_request": (False, 0.0),
    "not_found": (False, 0.0),
    "cancelled": (False, 0.0),
    "authentication": (True, 10.0),
    "payment": (True, 10.0),
    "permission": (True, 10.0),
    "timeout": (True, 10.0),
    "rate_limit": (True, 10.0),
    "overloaded": (True, 10.0),
    "server": (True, 10.0),
    "connect": (True, 10.0),
    "cut": (True, 0.0),
    "protocol": (True, 0.0),
    "empty": (True, 0.0),
}


@pytest.mark.parametrize(("kind", "meaning"), TABLE.items())
def test_the_table(kind: str, meaning: tuple[bool, float]) -> None:
    elsewhere, block_s = meaning
    assert classify(Failure(kind=kind, status=500, message="m")) == Verdict(elsewhere=elsewhere, block_s=block_s)


def test_the_providers_own_hint_wins_over_the_default() -> None:
    assert classify(Failure(kind="rate_limit", status=429, message="m", retry_after=2.5)).block_s == 2.5


def test_no_hint_can_silence_an_account_for_days() -> None:
    assert classify(Failure(kind="rate_limit", status=429, message="m", retry_after=1e9)).block_s == MAX_BLOCK_S


def test_a_negative_hint_is_no_rest() -> None:
    assert classify(Failure(kind="rate_limit", status=429, message="m", retry_after=-5.0)).block_s == 0.0
