"""Schedules of keys: days, times, zones, nights, and the two days a year on which clocks jump."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniroute.access.grant import Grant
from omniroute.access.perimeter import Refusal, standing
from omniroute.access.schedule import Schedule, checked, minute_of, schedule_of, time_of
from omniroute.errors import InvalidRequest

SUNDAY, MONDAY, FRIDAY, SATURDAY = 0, 1, 5, 6
WORK = Schedule(days=frozenset(range(1, 6)), start=9 * 60, until=17 * 60, zone="Europe/Berlin")
FRIDAY_NIGHT = Schedule(days=frozenset({FRIDAY}), start=22 * 60, until=6 * 60, zone="Europe/Berlin")


def berlin(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/Berlin")).timestamp()


@pytest.mark.parametrize(
    ("schedule", "at", "allowed"),
    [
        (WORK, "2026-11-23T08:59", False),
        (WORK, "2026-11-23T09:00", True),
        (WORK, "2026-11-23T16:59:59", True),
        (WORK, "2026-11-23T17:00", False),
        (WORK, "2026-11-22T12:00", False),  # a Sunday
        (FRIDAY_NIGHT, "2026-11-27T21:59", False),
        (FRIDAY_NIGHT, "2026-11-27T22:00", True),
        (FRIDAY_NIGHT, "2026-11-28T05:59", True),  # Saturday morning belongs to the night that began on Friday
        (FRIDAY_NIGHT, "2026-11-28T06:00", False),
        (FRIDAY_NIGHT, "2026-11-28T22:00", False),
        (FRIDAY_NIGHT, "2026-11-27T05:00", False),  # and Friday morning to Thursday's
    ],
)
def test_a_key_may_be_used_on_its_days_between_its_times(schedule: Schedule, at: str, allowed: bool) -> None:
    assert schedule.allows(berlin(at)) is allowed


@pytest.mark.parametrize(
    ("day", "utc_hour"), [("2026-03-28", 8), ("2026-03-29", 7), ("2026-10-24", 7), ("2026-10-25", 8)]
)
def test_nine_is_nine_on_the_wall_before_and_after_the_clocks_change(day: str, utc_hour: int) -> None:
    daily = Schedule(days=frozenset(range(7)), start=9 * 60, until=10 * 60, zone="Europe/Berlin")
    at = datetime.fromisoformat(f"{day}T{utc_hour:02}:00+00:00").timestamp()
    assert (daily.allows(at - 1), daily.allows(at), daily.allows(at + 3599), daily.allows(at + 3600)) == (
        False,
        True,
        True,
        False,
    )


def test_an_hour_that_is_skipped_is_not_there_and_one_that_comes_twice_counts_twice() -> None:
    night = Schedule(days=frozenset({SUNDAY}), start=2 * 60, until=3 * 60, zone="Europe/Berlin")
    for day, minutes in (("2026-03-29", 0), ("2026-10-25", 120)):
        midnight = berlin(f"{day}T00:00")
        assert sum(night.allows(midnight + minute * 60) for minute in range(25 * 60)) == minutes


schedules = st.builds(
    Schedule,
    days=st.frozensets(st.integers(0, 6)),
    start=st.integers(0, 1439),
    until=st.integers(0, 1439),
    zone=st.sampled_from(["UTC", "Asia/Kolkata", "America/New_York", "Pacific/Kiritimati"]),
)
times = st.integers(1_700_000_000, 1_900_000_000).map(lambda minute: minute // 60 * 60.0)


@given(schedules, times)
def test_it_opens_when_it_says_and_not_before(schedule: Schedule, at: float) -> None:
    opens = schedule.opens_at(at)
    if not schedule.days:
        assert opens is None
        assert not schedule.allows(at)
    elif opens is not None:
        assert opens > at
        zone = ZoneInfo(schedule.zone)
        there = datetime.fromtimestamp(opens, zone)
        if there.hour * 60 + there.minute == schedule.start:  # not in an hour that was skipped
            assert schedule.allows(opens)


@given(schedules.filter(lambda one: one.zone in ("UTC", "Asia/Kolkata")), st.integers(0, 200))
def test_a_week_holds_every_day_for_as_long_as_it_is_open(schedule: Schedule, week: int) -> None:
    length = (schedule.until - schedule.start) % 1440 or 1440
    monday = datetime(2026, 1, 5, tzinfo=ZoneInfo(schedule.zone)) + timedelta(weeks=week)
    minutes = sum(schedule.allows(monday.timestamp() + minute * 60) for minute in range(0, 7 * 1440, 60))
    assert abs(minutes - len(schedule.days) * length / 60) <= len(schedule.days)


def test_a_key_outside_its_schedule_is_refused_with_the_time_from_which_it_may_be_used() -> None:
    grant = Grant(key_id="k", name="k", schedule=FRIDAY_NIGHT)
    refused = standing(grant, berlin("2026-11-27T12:00"))
    assert isinstance(refused, Refusal)
    assert (refused.status, refused.code) == (403, "outside_schedule")
    assert refused.message.endswith("until 2026-11-27T21:00Z.")
    assert standing(grant, berlin("2026-11-27T23:00")) is None


def test_a_stored_schedule_that_is_off_holds_nobody_back_and_one_that_cannot_be_read_everybody() -> None:
    stored = {"enabled": True, "from": "09:00", "until": "17:00", "days": [1], "tz": "UTC"}
    assert schedule_of(None) is schedule_of({**stored, "enabled": False}) is None
    assert schedule_of(stored) == Schedule(days=frozenset({MONDAY}), start=540, until=1020, zone="UTC")
    unknown = schedule_of({**stored, "tz": "Mars/Olympus"})
    assert unknown is not None
    assert not any(unknown.allows(hour * 3600.0) for hour in range(24 * 7))


@pytest.mark.parametrize("zone", ["", "../../etc/passwd", "/etc/localtime", "Europe/Nowhere", "x\0y", "Europe"])
def test_what_is_no_zone_is_refused(zone: str) -> None:
    with pytest.raises(InvalidRequest):
        checked({"from": "09:00", "until": "17:00", "days": [], "tz": zone})


@given(st.integers(0, 1439))
def test_a_time_of_day_survives_being_written(minute: int) -> None:
    assert minute_of(time_of(minute)) == minute
