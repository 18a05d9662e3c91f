"""The breaker: when it opens, whom it lets through, how it closes."""

from omniroute.routing.health import WELL, Condition, answering, begun, gone_badly, gone_well, health, withdrawn


def broken(now: float = 0.0) -> Condition:
    condition = WELL
    for _ in range(5):
        condition = gone_badly(condition, now)
    return condition


def test_five_failures_in_a_row_open_it_and_four_do_not() -> None:
    condition = WELL
    for _ in range(4):
        condition = gone_badly(condition, 1.0)
    assert health(condition, 1.0) == "closed"
    assert health(gone_badly(condition, 1.0), 1.0) == "open"


def test_a_success_between_failures_begins_the_row_anew() -> None:
    condition = WELL
    for _ in range(3):
        condition = gone_badly(condition, 0.0)
    for _ in range(10):
        condition = gone_well(condition, 0.0)
    for _ in range(4):
        condition = gone_badly(condition, 0.0)
    assert health(condition, 0.0) == "closed"


def test_half_of_eight_in_the_window_open_it_and_what_is_older_than_a_minute_is_forgotten() -> None:
    condition = WELL
    for _ in range(4):
        condition = gone_badly(gone_well(condition, 100.0), 100.0)
    assert health(condition, 100.0) == "open"
    slowly = WELL
    for minute in range(4):
        slowly = gone_badly(gone_well(slowly, minute * 61.0), minute * 61.0)
    assert health(slowly, 200.0) == "closed"


def test_failures_that_lie_far_apart_are_no_row() -> None:
    condition = WELL
    for count in range(5):
        condition = gone_badly(condition, count * 40.0)
    assert health(condition, 160.0) == "closed"


def test_after_its_time_one_probe_goes_through_and_only_one() -> None:
    condition = broken()
    assert health(condition, 14.9) == "open"
    assert health(condition, 15.1) == "half-open"
    probing = begun(condition, 15.1)
    assert health(probing, 15.2) == "open"
    assert health(withdrawn(probing), 15.3) == "half-open"


def test_two_good_probes_close_it() -> None:
    once = gone_well(begun(broken(), 16.0), 16.5)
    assert health(once, 17.0) == "half-open"
    assert health(gone_well(begun(once, 17.0), 17.5), 17.5) == "closed"


def test_a_bad_probe_opens_it_for_twice_as_long_up_to_five_minutes() -> None:
    condition, now = broken(), 0.0
    lengths: list[float] = []
    for _ in range(7):
        assert condition.open_until is not None
        lengths.append(condition.open_until - now)
        now = condition.open_until + 0.1
        condition = gone_badly(begun(condition, now), now)
    assert [round(length) for length in lengths] == [15, 30, 60, 120, 240, 300, 300]


def test_failures_of_requests_sent_before_it_opened_do_not_prolong_the_outage() -> None:
    condition = broken()
    assert gone_badly(condition, 3.0) == condition


def test_time_spent_well_forgives_ejections() -> None:
    condition = broken()
    for now in (16.0, 17.0):
        condition = gone_well(begun(condition, now), now)
    assert condition.ejections == 1
    assert gone_well(condition, 40.0).ejections == 0


def test_a_probe_that_is_a_long_stream_is_believed_after_ten_seconds_of_it() -> None:
    streaming = answering(begun(broken(), 16.0), 17.0)
    assert health(streaming, 26.9) == "open"
    assert health(streaming, 27.0) == "half-open"
    assert health(gone_badly(streaming, 28.0), 29.0) == "open"


def test_how_many_failures_open_it_and_for_how_long_is_said_by_a_profile() -> None:
    condition = WELL
    for _ in range(2):
        condition = gone_badly(condition, 0.0, in_a_row=2, first_s=60.0)
    assert [health(condition, now) for now in (59.0, 61.0)] == ["open", "half-open"]
    patient = WELL
    for _ in range(11):
        patient = gone_badly(patient, 0.0, in_a_row=12, first_s=60.0)
    assert health(patient, 0.0) == "closed"
    assert health(gone_badly(patient, 0.0, in_a_row=12, first_s=60.0), 0.0) == "open"
