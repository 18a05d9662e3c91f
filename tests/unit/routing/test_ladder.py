"""How long an account rests: the numbers of every profile, and how failures are forgotten."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniroute.routing.ladder import GROUND, MODEL_CAP_S, Rung, climbed, halved, level, rest_s
from omniroute.routing.resilience import DEFAULT, Category


@pytest.mark.parametrize(
    ("category", "rests"),
    [
        ("apikey", [3, 6, 12, 24, 48, 96, 96]),
        ("oauth", [5, 10, 20, 40, 80, 160, 320, 640, 900, 900]),
        ("local", [2, 4, 8, 15, 15]),
    ],
)
def test_the_numbers_of_each_profile(category: Category, rests: list[float]) -> None:
    profile = DEFAULT.of(category)
    assert [rest_s(profile, step) for step in range(len(rests))] == rests


def test_a_model_that_is_locked_alone_may_be_so_for_longer() -> None:
    assert rest_s(DEFAULT.apikey, 9, of_model=True) == 3 * 2**9
    assert rest_s(DEFAULT.apikey, 30, of_model=True) == MODEL_CAP_S


def test_defect_19_the_ladder_is_climbed_although_each_rest_has_ended() -> None:
    now, rung, rests = 0.0, GROUND, []
    for _ in range(5):
        rests.append(rest_s(DEFAULT.apikey, level(rung, now)))
        rung = climbed(rung, now)
        now += rests[-1] + 1
    assert rests == [3, 6, 12, 24, 48]


def test_a_success_halves_and_ten_minutes_without_failure_forgive_one() -> None:
    assert halved(Rung(5, 0.0), 1.0) == Rung(2, 1.0)
    assert [level(Rung(3, 0.0), minute * 60.0) for minute in (9, 10, 20, 30, 90)] == [3, 2, 1, 0, 0]


@given(st.integers(0, 40), st.floats(0, 1), st.sampled_from(["oauth", "apikey", "local"]), st.booleans())
def test_chance_takes_at_most_half_away_and_no_rest_is_longer_than_its_cap(
    step: int, chance: float, category: Category, of_model: bool
) -> None:
    profile = DEFAULT.of(category)
    whole = rest_s(profile, step, of_model=of_model)
    assert whole / 2 <= rest_s(profile, step, of_model=of_model, chance=chance) <= whole
    assert whole <= (max(MODEL_CAP_S, profile.cap_s) if of_model else profile.cap_s)
