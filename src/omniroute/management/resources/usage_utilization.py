"""How busy providers and accounts were, step by step, and how much of their limits is used."""

from typing import Annotated, Final, Literal, TypeAlias

from fastapi import Query

from omniroute.management.naming import Names
from omniroute.management.router import ManagementRouter
from omniroute.management.services import Services
from omniroute.management.shapes import Reply, ServicesOf, iso
from omniroute.storage.repos.steps import FIVE_MINUTES_MS, Step, StepMs, steps
from omniroute.storage.repos.summaries import DAY_MS, HOUR_MS

router = ManagementRouter(auth="manage", prefix="/api/usage/utilization", tag="usage")

_Range: TypeAlias = Literal["1h", "24h", "7d", "30d"]

_STEPS: Final[dict[_Range, tuple[StepMs, int]]] = {
    "1h": (FIVE_MINUTES_MS, 12),
    "24h": (HOUR_MS, 24),
    "7d": (HOUR_MS, 168),
    "30d": (DAY_MS, 30),
}
"""How long a step is, and how many there are with the one that goes on."""

_MICRO: Final = 1_000_000


class Point(Reply):
    """Of the requests that began in a step: `busy` is how many of them were under way at a time, on average."""

    at: str
    requests: int = 0
    failed: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0
    busy: float = 0.0


class Series(Reply):
    """`percentUsed` is of the tightest limit that the account, or the fullest account of the provider, has told;
    null where none has."""

    provider: str
    connection_id: str | None
    name: str | None
    percent_used: float | None
    points: list[Point]


class Utilization(Reply):
    """Series with requests in the range. Every one has all steps, the oldest first, each of `stepMs`."""

    range: _Range
    step_ms: int
    series: list[Series]


@router.get("")
def utilization(
    services: ServicesOf,
    range: _Range = "24h",
    provider: Annotated[str | None, Query(max_length=200)] = None,
    aggregate_by: Annotated[Literal["provider", "connection"], Query(alias="aggregateBy")] = "provider",
) -> Utilization:
    """By provider, or by account."""
    length, count = _STEPS[range]
    newest = services.now_ms() // length * length
    since = max(0, newest - (count - 1) * length)
    by_account = aggregate_by == "connection"
    found = services.database.read(
        lambda connection: steps(connection, since=since, length=length, provider=provider, by_account=by_account)
    )
    names = Names(services)
    whose: dict[tuple[str, str], dict[int, Step]] = {}
    for one in found:
        whose.setdefault((one.provider, one.connection_id), {})[one.at] = one
    moments = _moments(since, newest, length)
    return Utilization(
        range=range,
        step_ms=length,
        series=[
            Series(
                provider=provider_id,
                connection_id=account or None,
                name=names.account(account) if account else None,
                percent_used=_percent_used(services, provider_id, account),
                points=[_point(at, own.get(at), length) for at in moments],
            )
            for (provider_id, account), own in whose.items()
        ],
    )


def _moments(oldest: int, newest: int, length: int) -> range:
    return range(oldest, newest + 1, length)


def _point(at: int, step: Step | None, length: int) -> Point:
    began = iso(at) or ""
    if step is None:
        return Point(at=began)
    return Point(
        at=began,
        requests=step.requests,
        failed=step.failed,
        prompt_tokens=step.prompt_tokens,
        completion_tokens=step.output_tokens,
        cost=step.cost_micro_usd / _MICRO,
        busy=round(step.duration_ms / length, 3),
    )


def _percent_used(services: Services, provider: str, account: str) -> float | None:
    learned, now = services.accounts.learned, services.clock.monotonic()
    left = [
        share
        for one in services.snapshot().by_id.values()
        if one.provider == provider
        and account in ("", one.id)
        and (share := learned.share_left(one.id, now)) is not None
    ]
    return None if not left else round(100 * (1 - min(left)), 1)
