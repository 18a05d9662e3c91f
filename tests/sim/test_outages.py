"""Two thousand users live through outages of their providers: what it costs them, and how soon it is over.

The thresholds are what users may expect, a little above what the present rules give; who changes the rules sees
here what that means to thousands.
"""

import pytest

from tests.sim.world import Record, Spell, lived

ERRORS = Spell(provider="one", mood="errors", start=60, end=120)
SLOW = Spell(provider="one", mood="slow", start=190, end=240)
QUOTA = Spell(provider="one", mood="quota", start=290, end=330)


def recovery_s(record: Record, spell: Spell) -> float:
    """How long it takes until the provider has four fifths of its usual share again."""
    usual = record.between(10, ERRORS.start).share_of(spell.provider)
    return record.first(spell.end, 10, lambda part: part.share_of(spell.provider) >= 0.8 * usual)


@pytest.fixture(scope="module")
def weighing() -> Record:
    """A combo that compares its providers."""
    return lived(ERRORS, SLOW, QUOTA, strategy="p2c", think_s=130, until_s=380)


@pytest.fixture(scope="module")
def ordered() -> Record:
    """A combo in a fixed order."""
    return lived(ERRORS, QUOTA, strategy="priority", think_s=150, until_s=380)


@pytest.mark.parametrize("how", ["weighing", "ordered"])
def test_nobody_hears_of_a_provider_that_fails_while_others_do_well(
    how: str, request: pytest.FixtureRequest
) -> None:
    record: Record = request.getfixturevalue(how)
    assert len(record.asked) > 4_000
    assert record.failed_share == 0.0


@pytest.mark.parametrize("how", ["weighing", "ordered"])
@pytest.mark.parametrize("spell", [ERRORS, QUOTA], ids=["errors", "quota"])
def test_a_provider_that_fails_is_hardly_asked(how: str, spell: Spell, request: pytest.FixtureRequest) -> None:
    record: Record = request.getfixturevalue(how)
    during = record.between(spell.start, spell.end)
    assert during.wasted_share <= 0.04, "attempts in vain for each request"
    assert max(one.attempts for one in during.asked) <= 3
    assert record.between(0, spell.start - 1).wasted_share <= 0.02


@pytest.mark.parametrize("how", ["weighing", "ordered"])
@pytest.mark.parametrize(("spell", "within_s"), [(ERRORS, 75), (QUOTA, 45)], ids=["errors", "quota"])
def test_a_provider_that_is_well_again_is_used_after_little_more_time_than_it_was_ill(
    how: str, spell: Spell, within_s: float, request: pytest.FixtureRequest
) -> None:
    assert recovery_s(request.getfixturevalue(how), spell) <= within_s


@pytest.mark.parametrize("spell", [ERRORS, SLOW, QUOTA], ids=["errors", "slow", "quota"])
def test_the_slowest_hundredth_waits_no_longer_than_the_others_take(weighing: Record, spell: Spell) -> None:
    settled = weighing.between(spell.start + 15, spell.end)
    assert settled.p99_s() <= 3.5
    if spell is SLOW:
        assert settled.share_of("one") <= 0.05
        assert recovery_s(weighing, spell) <= 30


def test_when_all_fail_they_are_not_asked_much_more_often_than_their_users_ask() -> None:
    names = ("one", "two", "three")
    down = tuple(Spell(provider=name, mood="errors", start=60, end=90) for name in names)
    record = lived(*down, think_s=100, until_s=170)
    during = record.between(60, 90)
    assert during.failed_share > 0.9
    assert len(during.calls) <= 1.6 * len(during.asked), "an outage makes no storm"
    back = record.first(90, 5, lambda part: part.failed_share <= 0.01)
    assert back <= 45
    assert record.between(140, 170).failed_share == 0.0
