"""What was used: sums over all requests or over a time, and the latest requests as lines of text."""

from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Final, TypeVar

from fastapi import Query
from pydantic import RootModel
from sqlalchemy import Connection

from omniroute.ir.json import JsonObject
from omniroute.management.naming import Names
from omniroute.management.period import FromQuery, RangeQuery, ToQuery, period
from omniroute.management.router import ManagementRouter
from omniroute.management.shapes import Reply, ServicesOf, iso
from omniroute.storage.repos import audit, requests, summaries
from omniroute.storage.repos.summaries import MINUTE_MS, Dimension, Pending, Used
from omniroute.storage.repos.usage import RequestRow

router = ManagementRouter(auth="manage", prefix="/api/usage", tag="usage")

_T = TypeVar("_T")

_MICRO: Final = 1_000_000
_BY: Final[tuple[Dimension, ...]] = ("provider", "model", "connection_id", "key_id", "combo")
_LINES: Final = 200


class Spent(Reply):
    """`promptTokens` hold fresh input, cache reads and writes; `cost` is USD, unknown prices counting as 0."""

    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0


class SpentByModel(Spent):
    raw_model: str
    provider: str
    last_used: str | None


class SpentByAccount(SpentByModel):
    connection_id: str
    account_name: str


class SpentByKey(Spent):
    """`historicalApiKeyNames` are those that the key had before, the oldest first."""

    api_key_id: str
    api_key_name: str
    historical_api_key_names: list[str]
    last_used: str | None


class PendingRequests(Reply):
    by_model: dict[str, int]
    by_account: dict[str, dict[str, int]]


class ActiveRequest(Reply):
    model: str
    provider: str
    account: str
    count: int


class History(Reply):
    """Settled requests; those under way are `pending`. `last10Minutes` are single minutes, the oldest first."""

    total_requests: int
    total_prompt_tokens: int
    total_completion_tokens: int
    total_cost: float
    failed_requests: int
    unpriced_requests: int
    by_provider: dict[str, Spent]
    by_model: dict[str, SpentByModel]
    by_account: dict[str, SpentByAccount]
    by_api_key: dict[str, SpentByKey]
    by_combo: dict[str, Spent]
    last10_minutes: list[Spent]
    pending: PendingRequests
    active_requests: list[ActiveRequest]


class Lines(RootModel[list[str]]):
    """`timestamp | model | PROVIDER | account | in | out | status`, newest first."""


@router.get("/history")
def history(
    services: ServicesOf, range: RangeQuery = None, since: FromQuery = None, until: ToQuery = None
) -> History:
    """Without a time, of all requests that were ever settled."""
    now = services.now_ms()
    asked = period(services, range, since, until)
    minute = now // MINUTE_MS * MINUTE_MS
    oldest = minute - 9 * MINUTE_MS

    def question(connection: Connection) -> tuple[tuple[Used, ...], dict[int, Used], tuple[Pending, ...]]:
        return (
            summaries.used(connection, _BY, since=asked.since, until=asked.until),
            summaries.minutes(connection, since=oldest),
            summaries.pending(connection),
        )

    used, minutes, pending = services.database.read(question)
    names = Names(services)
    totals = _sum(used)
    return History(
        total_requests=totals["requests"],
        total_prompt_tokens=totals["prompt_tokens"],
        total_completion_tokens=totals["completion_tokens"],
        total_cost=totals["cost"],
        failed_requests=sum(one.failed for one in used),
        unpriced_requests=sum(one.unpriced for one in used),
        by_provider={name: Spent(**_sum(own)) for name, own in _groups(used, lambda one: one.provider).items()},
        by_model=_by_model(used),
        by_account=_by_account(used, names),
        by_api_key=_by_key(used, names, services.database.read(audit.names_of_keys)),
        by_combo={name: Spent(**_sum(own)) for name, own in _groups(used, lambda one: one.combo).items() if name},
        last10_minutes=[Spent(**_sum([minutes[at]] if at in minutes else [])) for at in _minutes(oldest, minute)],
        pending=_pending(pending),
        active_requests=[
            ActiveRequest(
                model=one.model,
                provider=one.provider,
                account=names.account(one.connection_id),
                count=one.requests,
            )
            for one in pending
        ],
    )


@router.get("/logs")
def logs(services: ServicesOf, limit: Annotated[int, Query(ge=1, le=500)] = _LINES) -> Lines:
    """The latest requests, a line each."""
    names = Names(services)
    page = services.database.read(
        lambda connection: requests.page(connection, (), now=services.now_ms(), limit=limit)
    )
    return Lines([_line(row, names) for row in page.rows])


def _line(row: RequestRow, names: Names) -> str:
    cells = (
        iso(row.at) or "",
        row.model or row.model_asked,
        row.provider.upper() or "-",
        names.account(row.connection_id) or "-",
        str(row.input_tokens + row.cache_read_tokens + row.cache_write_tokens),
        str(row.output_tokens),
        "PENDING" if row.settled_at is None else str(row.status),
    )
    return " | ".join(" ".join(cell.split()) for cell in cells)


def _minutes(oldest: int, newest: int) -> Iterable[int]:
    return (oldest + number * MINUTE_MS for number in range(1 + (newest - oldest) // MINUTE_MS))


def _sum(used: Iterable[Used]) -> JsonObject:
    rows = list(used)
    return {
        "requests": sum(one.requests for one in rows),
        "prompt_tokens": sum(one.prompt_tokens for one in rows),
        "completion_tokens": sum(one.output_tokens for one in rows),
        "cost": sum(one.cost_micro_usd for one in rows) / _MICRO,
    }


def _groups(used: Iterable[Used], name: Callable[[Used], _T]) -> dict[_T, list[Used]]:
    found: dict[_T, list[Used]] = {}
    for one in used:
        found.setdefault(name(one), []).append(one)
    return found


def _last_used(used: Iterable[Used]) -> str | None:
    return iso(max(one.last_at for one in used))


def _of_provider(model: str, provider: str) -> str:
    return f"{model} ({provider})" if provider else model


def _by_model(used: Iterable[Used]) -> dict[str, SpentByModel]:
    return {
        _of_provider(model, provider): SpentByModel(
            **_sum(own), raw_model=model, provider=provider, last_used=_last_used(own)
        )
        for (model, provider), own in _groups(used, lambda one: (one.model, one.provider)).items()
    }


def _by_account(used: Iterable[Used], names: Names) -> dict[str, SpentByAccount]:
    groups = _groups(used, lambda one: (one.model, one.provider, one.connection_id))
    found: dict[str, SpentByAccount] = {}
    for (model, provider, connection_id), own in groups.items():
        if not connection_id:
            continue
        account = names.account(connection_id)
        name = f"{model} ({provider} - {account})"
        found[name if name not in found else f"{model} ({provider} - {account} {connection_id})"] = SpentByAccount(
            **_sum(own),
            raw_model=model,
            provider=provider,
            connection_id=connection_id,
            account_name=account,
            last_used=_last_used(own),
        )
    return found


def _by_key(used: Iterable[Used], names: Names, given: Mapping[str, tuple[str, ...]]) -> dict[str, SpentByKey]:
    return {
        f"id:{key_id}": SpentByKey(
            **_sum(own),
            api_key_id=key_id,
            api_key_name=names.key(key_id),
            historical_api_key_names=[name for name in given.get(key_id, ()) if name != names.key(key_id)],
            last_used=_last_used(own),
        )
        for key_id, own in _groups(used, lambda one: one.key_id).items()
    }


def _pending(pending: Iterable[Pending]) -> PendingRequests:
    by_model: dict[str, int] = {}
    by_account: dict[str, dict[str, int]] = {}
    for one in pending:
        name = _of_provider(one.model, one.provider)
        by_model[name] = by_model.get(name, 0) + one.requests
        if one.connection_id:
            by_account.setdefault(one.connection_id, {})[name] = one.requests
    return PendingRequests(by_model=by_model, by_account=by_account)
