"""What a target has lately been like."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniroute.ir.failure import Failure
from omniroute.ir.target import Target
from omniroute.routing.dice import Dice
from omniroute.routing.resilience import DEFAULT
from omniroute.traffic.pulse import Pulse

TARGET = Target(provider="p", model="m", dialect="openai_chat")
BROKEN = Failure(kind="server", status=500, message="broken")
LIMITED = Failure(kind="rate_limit", status=429, message="slow down")


def test_a_target_nobody_asked_is_unknown() -> None:
    assert Pulse(Dice(1)).standing(TARGET, 0.0).errors is None


def test_what_is_under_way_is_counted_until_its_end() -> None:
    pulse = Pulse(Dice(1))
    pulse.began(TARGET, 0.0)
    pulse.began(TARGET, 0.0)
    pulse.succeeded(TARGET, 0.5, 0.5)
    assert pulse.standing(TARGET, 1.0).in_flight == 2
    pulse.ended(TARGET, 100, 0.0)
    pulse.failed(TARGET, BROKEN, 1.0)
    assert pulse.standing(TARGET, 1.0).in_flight == 0


def test_a_slow_answer_shows_at_once_and_a_quick_one_bit_by_bit() -> None:
    pulse = Pulse(Dice(1))
    for first_event_s in (1.0, 3.0):
        pulse.began(TARGET, 0.0)
        pulse.succeeded(TARGET, 0.0, first_event_s)
        pulse.ended(TARGET, 100, 0.0)
    slow = pulse.standing(TARGET, 0.0).first_event_s
    assert slow == 2.0
    pulse.began(TARGET, 0.0)
    pulse.succeeded(TARGET, 0.0, 1.0)
    assert pulse.standing(TARGET, 0.0).first_event_s == 1.8


def test_failures_of_the_provider_open_its_breaker_and_limits_never_do() -> None:
    pulse = Pulse(Dice(1))
    for _ in range(20):
        pulse.began(TARGET, 0.0)
        pulse.failed(TARGET, LIMITED, 0.0)
    assert pulse.standing(TARGET, 0.0).health == "closed"
    for _ in range(DEFAULT.apikey.breaker_failures):
        pulse.began(TARGET, 0.0)
        pulse.failed(TARGET, BROKEN, 0.0)
    assert pulse.standing(TARGET, 0.0).health == "open"


def test_a_client_that_leaves_gives_the_probe_back() -> None:
    pulse = Pulse(Dice(1))
    for _ in range(DEFAULT.apikey.breaker_failures):
        pulse.began(TARGET, 0.0)
        pulse.failed(TARGET, BROKEN, 0.0)
    pulse.began(TARGET, 40.0)
    assert pulse.standing(TARGET, 40.0).health == "open"
    pulse.abandoned(TARGET)
    assert pulse.standing(TARGET, 40.0).health == "half-open"


def test_errors_and_rates_fade() -> None:
    pulse = Pulse(Dice(1))
    pulse.began(TARGET, 0.0)
    pulse.failed(TARGET, BROKEN, 0.0)
    soon, later = pulse.standing(TARGET, 1.0), pulse.standing(TARGET, 300.0)
    assert soon.errors is not None
    assert later.errors is not None
    assert soon.errors > 0.15 > 0.001 > later.errors
    assert soon.rate > later.rate


def test_the_length_of_answers_is_remembered() -> None:
    pulse = Pulse(Dice(1))
    assert pulse.output_tokens(TARGET) is None
    for output_tokens in (100, 200):
        pulse.began(TARGET, 0.0)
        pulse.succeeded(TARGET, 0.0, 1.0)
        pulse.ended(TARGET, output_tokens, 0.0)
    assert pulse.output_tokens(TARGET) == 120


def test_failing_is_what_has_an_open_breaker() -> None:
    pulse = Pulse(Dice(1))
    assert not pulse.failing(TARGET, 0.0)
    for _ in range(20):
        pulse.began(TARGET, 0.0)
        pulse.failed(TARGET, BROKEN, 0.0)
    for now in (0.0, 1.0, 1000.0):
        assert pulse.failing(TARGET, now) == (pulse.standing(TARGET, now).health == "open")
    assert pulse.failing(TARGET, 0.0)
    assert not pulse.failing(TARGET, 1000.0)


EVENTS = st.sampled_from(["began", "good", "ended", "failed", "left", "reset", "asked"])


@given(st.lists(st.tuples(st.sampled_from("mn"), EVENTS, st.floats(0, 0.4)), max_size=60))
def test_what_is_told_of_several_is_as_it_is_now_but_for_what_fades(events: list[tuple[str, str, float]]) -> None:
    pulse, now = Pulse(Dice(1)), 0.0
    targets = {model: Target(provider="p", model=model, dialect="openai_chat") for model in "mn"}
    for model, event, later in events:
        now += later
        target = targets[model]
        match event:
            case "began":
                pulse.began(target, now)
            case "good":
                pulse.succeeded(target, now, later)
            case "ended":
                pulse.ended(target, 100, now)
            case "failed":
                pulse.failed(target, BROKEN, now)
            case "left":
                pulse.abandoned(target)
            case "reset":
                pulse.reset()
            case _:
                pass
        for model, told in pulse.standings([("m", ("p", "m")), ("n", ("p", "n"))], now).items():
            exact = pulse.standing(targets[model], now)
            assert msgspec.structs.replace(told, rate=0.0, errors=None) == msgspec.structs.replace(
                exact, rate=0.0, errors=None
            )
            assert told.rate == pytest.approx(exact.rate, rel=0.035)
            assert (told.errors is None) == (exact.errors is None)
            assert (told.errors or 0.0) == pytest.approx(exact.errors or 0.0, rel=0.035)


def test_whether_all_are_well_follows_the_breakers() -> None:
    pulse = Pulse(Dice(1))
    assert pulse.well
    for _ in range(DEFAULT.apikey.breaker_failures):
        pulse.began(TARGET, 0.0)
        pulse.failed(TARGET, BROKEN, 0.0)
    assert not pulse.well
    pulse.reset()
    assert pulse.well
