"""How usage goes: by day and weekday, by model, provider, key, account and combo."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Annotated, Final, TypeVar

from fastapi import Query

from omniroute.ir.json import JsonObject
from omniroute.management.naming import Names
from omniroute.management.period import RangeQuery, period
from omniroute.management.router import ManagementRouter
from omniroute.management.services import Services
from omniroute.management.shapes import Reply, ServicesOf
from omniroute.storage.repos import summaries
from omniroute.storage.repos.summaries import DAY_MS, Dimension, Used

router = ManagementRouter(auth="manage", prefix="/api/usage/analytics", tag="usage")

_K = TypeVar("_K")

_BY: Final[tuple[Dimension, ...]] = ("at", "provider", "model", "key_id", "connection_id", "combo")
_MICRO: Final = 1_000_000
_WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_Csv = Annotated[str | None, Query(max_length=2000)]
_Time = Annotated[str | None, Query(max_length=40)]


class Figures(Reply):
    """`promptTokens` hold fresh input, cache reads and writes; `cost` is USD, unknown prices counting as 0."""

    requests: int
    failed: int
    unpriced: int
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    reasoning_tokens: int
    total_tokens: int
    cost: float
    avg_latency_ms: int


class Day(Figures):
    date: str


class Weekday(Figures):
    day: str


class Slice(Figures):
    """`share` is of all tokens, 0 to 1."""

    name: str
    share: float


class Model(Slice):
    provider: str


class Key(Slice):
    api_key_id: str


class Account(Slice):
    connection_id: str
    provider: str


_S = TypeVar("_S", bound=Slice)


class Analytics(Reply):
    """Days are of UTC. `activityMap` has the tokens of each day, `dailyByModel` those of each day and model."""

    range: str
    summary: Figures
    daily_trend: list[Day]
    activity_map: dict[str, int]
    by_model: list[Model]
    by_provider: list[Slice]
    by_api_key: list[Key]
    by_account: list[Account]
    by_combo: list[Slice]
    weekly_pattern: list[Weekday]
    daily_by_model: list[dict[str, str | int]]
    model_names: list[str]
    preset_summaries: dict[str, Figures] | None = None


@router.get("", response_model_exclude_none=True)
def analytics(
    services: ServicesOf,
    range: RangeQuery = "30d",
    start_date: Annotated[_Time, Query(alias="startDate")] = None,
    end_date: Annotated[_Time, Query(alias="endDate")] = None,
    api_key_ids: Annotated[_Csv, Query(alias="apiKeyIds")] = None,
    presets: _Csv = None,
) -> Analytics:
    """Settled requests of a range, or of a time; `apiKeyIds` keeps those of some keys."""
    keys = _listed(api_key_ids)
    used = _used(services, range, start_date, end_date, keys)
    names = Names(services)
    models = _groups(used, lambda one: (one.provider, one.model))
    total = max(1, sum(_tokens(one) for one in used))
    return Analytics(
        range=range or "all",
        summary=Figures(**_figures(used)),
        daily_trend=[Day(date=_date(at), **_figures(own)) for at, own in sorted(_groups(used, _day).items())],
        activity_map={
            _date(at): sum(_tokens(one) for one in own) for at, own in sorted(_groups(used, _day).items())
        },
        by_model=_largest(
            Model(name=model, provider=provider, **_figures(own), share=_share(own, total))
            for (provider, model), own in models.items()
        ),
        by_provider=_largest(_slices(_groups(used, lambda one: one.provider), total)),
        by_api_key=_largest(
            Key(name=names.key(key_id), api_key_id=key_id, **_figures(own), share=_share(own, total))
            for key_id, own in _groups(used, lambda one: one.key_id).items()
        ),
        by_account=_largest(
            Account(
                name=names.account(connection_id),
                connection_id=connection_id,
                provider=provider,
                **_figures(own),
                share=_share(own, total),
            )
            for (provider, connection_id), own in _groups(
                used, lambda one: (one.provider, one.connection_id)
            ).items()
            if connection_id
        ),
        by_combo=_largest(one for one in _slices(_groups(used, lambda one: one.combo), total) if one.name),
        weekly_pattern=[
            Weekday(day=name, **_figures(one for one in used if _weekday(one) == number))
            for number, name in enumerate(_WEEKDAYS)
        ],
        daily_by_model=[
            {
                "date": _date(at),
                **{
                    model: sum(_tokens(one) for one in some)
                    for model, some in _groups(own, lambda one: one.model).items()
                },
            }
            for at, own in sorted(_groups(used, _day).items())
        ],
        model_names=sorted({one.model for one in used}),
        preset_summaries=None
        if presets is None
        else {
            name: Figures(**_figures(_used(services, name, None, None, keys))) for name in sorted(_listed(presets))
        },
    )


def _used(
    services: Services, name: str | None, start: str | None, end: str | None, keys: frozenset[str]
) -> list[Used]:
    asked = period(services, name, start, end)
    used = services.database.read(
        lambda connection: summaries.used(connection, _BY, since=asked.since, until=asked.until)
    )
    return [one for one in used if not keys or one.key_id in keys]


def _listed(csv: str | None) -> frozenset[str]:
    return frozenset(part.strip() for part in (csv or "").split(",") if part.strip())


def _tokens(used: Used) -> int:
    return used.prompt_tokens + used.output_tokens


def _figures(used: Iterable[Used]) -> JsonObject:
    rows = list(used)
    requests = sum(one.requests for one in rows)
    return {
        "requests": requests,
        "failed": sum(one.failed for one in rows),
        "unpriced": sum(one.unpriced for one in rows),
        "prompt_tokens": sum(one.prompt_tokens for one in rows),
        "completion_tokens": sum(one.output_tokens for one in rows),
        "cached_tokens": sum(one.cache_read_tokens for one in rows),
        "reasoning_tokens": sum(one.reasoning_tokens for one in rows),
        "total_tokens": sum(_tokens(one) for one in rows),
        "cost": sum(one.cost_micro_usd for one in rows) / _MICRO,
        "avg_latency_ms": sum(one.duration_ms for one in rows) // max(1, requests),
    }


def _share(used: Iterable[Used], total: int) -> float:
    return round(sum(_tokens(one) for one in used) / total, 4)


def _slices(groups: dict[str, list[Used]], total: int) -> Iterable[Slice]:
    return (Slice(name=name, **_figures(own), share=_share(own, total)) for name, own in groups.items())


def _largest(slices: Iterable[_S]) -> list[_S]:
    return sorted(slices, key=lambda one: (-one.total_tokens, -one.requests, one.name))


def _groups(used: Iterable[Used], name: Callable[[Used], _K]) -> dict[_K, list[Used]]:
    found: dict[_K, list[Used]] = {}
    for one in used:
        found.setdefault(name(one), []).append(one)
    return found


def _day(used: Used) -> int:
    return used.at // DAY_MS


def _weekday(used: Used) -> int:
    return datetime.fromtimestamp(used.at / 1000, UTC).weekday()


def _date(day: int) -> str:
    return datetime.fromtimestamp(day * DAY_MS / 1000, UTC).date().isoformat()
