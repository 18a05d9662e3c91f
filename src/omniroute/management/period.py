"""Which time a question about usage is about."""

import re
from datetime import UTC, datetime
from typing import Annotated, Final, NamedTuple

from fastapi import Query

from omniroute.errors import InvalidRequest
from omniroute.management.services import Services
from omniroute.management.shapes import unix_ms

_SPAN: Final = re.compile(r"([1-9][0-9]{0,4})(m|h|d|w)")
_MS: Final = {"m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}

RangeQuery = Annotated[str | None, Query(max_length=10, description="1h, 24h, 7d, 30d, 90d, 4w, ytd or all")]
FromQuery = Annotated[str | None, Query(alias="from", max_length=40, description="ISO 8601")]
ToQuery = Annotated[str | None, Query(alias="to", max_length=40, description="ISO 8601")]


class Period(NamedTuple):
    """[since, until) in unix ms; `until` None means now and whatever comes."""

    since: int
    until: int | None


def period(services: Services, name: str | None, since: str | None, until: str | None) -> Period:
    """`since` and `until` win over the `name` of a range that ends now. Where single requests are not kept any
    more, times are those of whole hours. Raises `InvalidRequest`."""
    now = services.now_ms()
    start = _start(name, now) if since is None else unix_ms(since, what="from")
    end = None if until is None else unix_ms(until, what="to")
    if end is not None and end < start:
        raise InvalidRequest("The time that is asked for ends before it begins.", code="bad_range")
    days = services.snapshot().logging.request_days
    kept = now - days * _MS["d"] if days else 0
    return Period(max(0, _hourly(start, kept)), None if end is None else _hourly(end, kept))


def _hourly(at: int, kept: int) -> int:
    return at if at >= kept else at // _MS["h"] * _MS["h"]


def _start(name: str | None, now: int) -> int:
    if name is None or name == "all":
        return 0
    if name == "ytd":
        year = datetime.fromtimestamp(now / 1000, UTC).year
        return int(datetime(year, 1, 1, tzinfo=UTC).timestamp() * 1000)
    span = _SPAN.fullmatch(name)
    if span is None:
        raise InvalidRequest(
            f"{name[:40]!r} is not a range; write 24h, 7d, 30d, 90d, ytd or all.", code="bad_range"
        )
    return now - int(span.group(1)) * _MS[span.group(2)]
