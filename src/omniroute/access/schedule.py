"""When a client key may be used: on which days, between which times of day, in which time zone.

Times are those that a clock on the wall of that zone shows. So an hour that is skipped in spring is not there, one
that comes twice in autumn counts twice, and "until 18:00" is 18:00 before and after the change.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import msgspec

from omniroute.errors import InvalidRequest
from omniroute.ir.json import JsonObject

if TYPE_CHECKING:  # most gateways have no key with a schedule
    from zoneinfo import ZoneInfo

_SEARCHED_DAYS: Final = 8


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """`days` are those on which the time begins, 0 for Sunday. `start` and `until` are minutes after midnight; an
    `until` that is not later than `start` is on the next day. `zone` is an IANA name."""

    days: frozenset[int]
    start: int
    until: int
    zone: str

    def allows(self, at: float) -> bool:
        """Whether a key with this schedule may be used at unix seconds."""
        if not self.days:
            return False
        there = datetime.fromtimestamp(at, _zone(self.zone))
        minute = there.hour * 60 + there.minute
        today = there.isoweekday() % 7
        if self.start < self.until:
            return today in self.days and self.start <= minute < self.until
        if minute >= self.start:
            return today in self.days
        return minute < self.until and (today - 1) % 7 in self.days

    def opens_at(self, at: float) -> float | None:
        """When it may be used next, unix seconds, to the minute; None when it never may."""
        if not self.days:
            return None
        zone = _zone(self.zone)
        there = datetime.fromtimestamp(at, zone)
        for ahead in range(_SEARCHED_DAYS):
            day = there.date() + timedelta(days=ahead)
            if day.isoweekday() % 7 not in self.days:
                continue
            opening = datetime(day.year, day.month, day.day, self.start // 60, self.start % 60, tzinfo=zone)
            if opening.timestamp() > at:
                return opening.timestamp()
        return None


def schedule_of(stored: JsonObject | None) -> Schedule | None:
    """What was stored, as requests are measured by it; None for no schedule, and for one that is switched off. One
    that cannot be read (a zone that this machine does not know) forbids everything."""
    if stored is None or stored.get("enabled") is not True:
        return None
    try:
        return checked(stored)
    except InvalidRequest:
        return Schedule(days=frozenset(), start=0, until=0, zone="UTC")


def checked(said: Mapping[str, object]) -> Schedule:
    """The schedule of `{enabled, from, until, days, tz}`. Raises `InvalidRequest` naming what is wrong."""
    zone = said.get("tz")
    try:
        days = msgspec.convert(said.get("days"), frozenset[int])
    except msgspec.ValidationError:
        days = frozenset((7,))
    if not days <= frozenset(range(7)):
        raise InvalidRequest("days of a schedule are numbers from 0 (Sunday) to 6.", code="bad_schedule")
    if not isinstance(zone, str) or not _known(zone):
        raise InvalidRequest(
            f"tz {str(zone)[:80]!r} is not a time zone; name one such as 'Europe/Berlin' or 'UTC'.",
            code="bad_schedule",
        )
    return Schedule(days=days, start=minute_of(said.get("from")), until=minute_of(said.get("until")), zone=zone)


def minute_of(text: object) -> int:
    """`HH:MM` as minutes after midnight. Raises `InvalidRequest`."""
    if isinstance(text, str) and len(text) == 5 and text[2] == ":" and text.isascii():
        hours, minutes = text[:2], text[3:]
        if hours.isdigit() and minutes.isdigit() and int(hours) < 24 and int(minutes) < 60:
            return int(hours) * 60 + int(minutes)
    raise InvalidRequest(f"{str(text)[:20]!r} is not a time of day such as 09:30.", code="bad_time_of_day")


def time_of(minute: int) -> str:
    """Minutes after midnight as `HH:MM`."""
    return f"{minute // 60 % 24:02}:{minute % 60:02}"


def _known(name: str) -> bool:
    try:
        _zone(name)
    except (ValueError, OSError, LookupError):  # no such zone, or a name that is none
        return False
    return True


@lru_cache(maxsize=256)
def _zone(name: str) -> "ZoneInfo":
    from zoneinfo import ZoneInfo

    return ZoneInfo(name)
