"""The one-time link."""

from omniroute.access.setup import LIFETIME_S, SetupTokens, link


class Hand:
    def __init__(self) -> None:
        self.at = 0.0

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at


class Counter:
    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, size: int) -> bytes:
        self.calls += 1
        return bytes([self.calls]) * size


def test_a_token_is_good_once() -> None:
    tokens = SetupTokens(Hand(), Counter())
    token = tokens.issue()
    assert tokens.is_valid(token)
    assert tokens.redeem(token)
    assert not tokens.redeem(token)
    assert not tokens.is_valid(token)


def test_a_wrong_token_does_not_spend_the_right_one() -> None:
    tokens = SetupTokens(Hand(), Counter())
    token = tokens.issue()
    assert not tokens.redeem("wrong")
    assert tokens.redeem(token)


def test_a_token_lasts_one_hour() -> None:
    clock = Hand()
    tokens = SetupTokens(clock, Counter())
    token = tokens.issue()
    clock.at = LIFETIME_S - 1
    assert tokens.is_valid(token)
    clock.at = LIFETIME_S
    assert not tokens.redeem(token)


def test_a_new_token_ends_the_one_before() -> None:
    tokens = SetupTokens(Hand(), Counter())
    first, second = tokens.issue(), tokens.issue()
    assert not tokens.redeem(first)
    assert tokens.redeem(second)


def test_before_the_first_token_nothing_is_valid() -> None:
    assert not SetupTokens(Hand(), Counter()).redeem("")


def test_the_token_stands_behind_the_hash_sign_and_reaches_no_log() -> None:
    assert link("http://localhost:20128/", "abc") == "http://localhost:20128/setup#token=abc"
