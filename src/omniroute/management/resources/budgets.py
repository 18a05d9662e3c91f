"""Budgets: how much may be spent, by whom or where, and how much has been."""

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated, Final, Literal

from fastapi import Query
from pydantic import Field

from omniroute.access.schedule import minute_of, time_of
from omniroute.errors import GatewayError, InvalidRequest
from omniroute.ledger.budget_windows import Period, window
from omniroute.ledger.budgets import Action, Budget, Mode, Scope
from omniroute.management.router import ManagementRouter
from omniroute.management.services import Services
from omniroute.management.shapes import Body, CallerOf, Reply, ServicesOf, iso
from omniroute.snapshot.budgets import BudgetDraft
from omniroute.storage.repos import budgets as repo
from omniroute.storage.repos import keys

router = ManagementRouter(auth="manage", prefix="/api/usage/budget", tag="budgets")

_Usd = Annotated[float, Field(ge=0, le=1_000_000_000)]
_Word = Annotated[str, Field(min_length=1, max_length=200)]
_MICRO: Final = 1_000_000
_PERIODS: Final[tuple[Period, ...]] = ("daily", "weekly", "monthly", "total")


class BudgetBody(Body):
    """Whose: `keyId` (or `apiKeyId`), or `scope` and `subject`. How much: `limit` with `period`, or one limit for
    each period, in USD; 0 ends the budget of that period. `resetInterval` without a limit of its own takes
    `dailyLimitUsd` for its limit. `resetTime` is when windows begin, UTC."""

    key_id: _Word | None = None
    api_key_id: _Word | None = None
    scope: Scope | None = None
    subject: Annotated[str, Field(max_length=200)] | None = None
    limit: _Usd | None = None
    period: Period | None = None
    daily_limit_usd: _Usd | None = None
    weekly_limit_usd: _Usd | None = None
    monthly_limit_usd: _Usd | None = None
    total_limit_usd: _Usd | None = None
    warning_threshold: Annotated[float, Field(ge=0.01, le=1)] | None = None
    reset_interval: Literal["daily", "weekly", "monthly"] | None = None
    reset_time: Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")] | None = None
    action: Action = "block"
    mode: Mode = "standard"
    downgrade_to: Annotated[str, Field(min_length=1, max_length=100)] | None = None


class BudgetShape(Reply):
    """`spent`, `reserved` (for requests under way) and the others are USD. `guessed` is the part of `spent` whose
    price nobody knew; `overrun` is what was spent beyond the limit."""

    id: str
    scope: Scope
    subject: str
    key_id: str | None
    key_name: str | None
    limit: float
    period: Period
    action: Action
    mode: Mode
    downgrade_to: str | None
    spent: float
    reserved: float
    guessed: float
    remaining: float
    overrun: float
    percent_used: float
    warning_threshold: float
    status: Literal["ok", "warning", "exceeded"]
    reset_time: str
    resets_at: str | None


class Limits(Reply):
    daily_limit_usd: float | None
    weekly_limit_usd: float | None
    monthly_limit_usd: float | None
    total_limit_usd: float | None
    warning_threshold: float
    reset_interval: Period | None
    reset_time: str


class Check(Reply):
    allowed: bool
    reason: str | None
    daily_used: float
    daily_limit: float
    warning_reached: bool
    remaining: float | None


class KeyBudget(Limits):
    """What one key has spent and may spend. `activeLimitUsd` is the limit of the shortest period that has one;
    every limit that is set holds."""

    daily_total: float
    monthly_total: float
    total_entries: int
    total_cost_period: float
    active_limit_usd: float | None
    period_start_at: str | None
    next_reset_at: str | None
    budget: Limits | None
    budget_check: Check


class BudgetList(Reply):
    budgets: list[BudgetShape]


class ChangedBudget(Limits):
    success: bool = True
    key_id: str | None
    api_key_id: str | None
    budgets: list[BudgetShape]


class DeletedBudget(Reply):
    success: bool = True
    deleted: int


@router.get("")
def budget_status(
    services: ServicesOf,
    key_id: Annotated[str | None, Query(alias="keyId", max_length=200)] = None,
    api_key_id: Annotated[str | None, Query(alias="apiKeyId", max_length=200)] = None,
) -> BudgetList | KeyBudget:
    """Every budget, or with `keyId` those of one key and what it spent."""
    wanted = key_id or api_key_id
    if wanted is None:
        return BudgetList(budgets=_shapes(services, _all(services)))
    return _of_key(services, wanted)


@router.post("")
def put_budget(body: BudgetBody, services: ServicesOf, caller: CallerOf) -> ChangedBudget:
    """Makes budgets, or changes those of the same subject, period and action: from the next request on."""
    scope, subject = _whose(body)
    limits = _limits(body)
    drafts = [
        BudgetDraft(
            scope=scope,
            subject=subject,
            limit_micro_usd=limit,
            period=period,
            action=body.action,
            mode=body.mode,
            warn_percent=_percent(body.warning_threshold),
            downgrade_to=body.downgrade_to,
            reset_minute=minute_of(body.reset_time or "00:00"),
        )
        for period, limit in limits.items()
        if limit
    ]
    ended: list[Period] = [period for period, limit in limits.items() if not limit]
    if drafts:
        services.budgeting.put(drafts, caller.actor, now=services.now_ms())
    if ended:
        services.budgeting.clear(scope, subject, caller.actor, now=services.now_ms(), periods=ended)
    own = [one for one in _all(services) if (one.scope, one.subject) == (scope, subject)]
    key_id = subject if scope == "key" else None
    return ChangedBudget.model_validate(
        {"key_id": key_id, "api_key_id": key_id, "budgets": _shapes(services, own), **_limits_of(own).model_dump()}
    )


@router.delete("")
def delete_budget(
    services: ServicesOf,
    caller: CallerOf,
    budget_id: Annotated[str | None, Query(alias="id", max_length=200)] = None,
    key_id: Annotated[str | None, Query(alias="keyId", max_length=200)] = None,
    api_key_id: Annotated[str | None, Query(alias="apiKeyId", max_length=200)] = None,
) -> DeletedBudget:
    """Ends one budget by its `id`, or all of a key."""
    now = services.now_ms()
    if budget_id is not None:
        services.budgeting.delete(budget_id, caller.actor, now=now)
        return DeletedBudget(deleted=1)
    wanted = key_id or api_key_id
    if wanted is None:
        raise InvalidRequest("Name a budget with `id`, or a key with `keyId`.", code="budget_missing")
    gone = services.budgeting.clear("key", wanted, caller.actor, now=now)
    if not gone:
        raise GatewayError(404, f"The API key {wanted[:80]!r} has no budget.", code="budget_not_found")
    return DeletedBudget(deleted=gone)


def _whose(body: BudgetBody) -> tuple[Scope, str]:
    key_id = body.key_id or body.api_key_id
    if key_id is not None and body.scope in (None, "key") and body.subject in (None, key_id):
        return "key", key_id
    if key_id is None and body.scope is not None and (body.scope == "global") == (not body.subject):
        return body.scope, body.subject or ""
    raise InvalidRequest(
        "Say whose budget it is: `keyId`, or `scope` (key, tag, connection, provider) with `subject`,"
        " or `scope` global without one.",
        code="bad_budget",
    )


def _limits(body: BudgetBody) -> dict[Period, int]:
    """Micro-USD by period, 0 for a budget that is to end."""
    given: dict[Period, float | None] = {
        "daily": body.daily_limit_usd,
        "weekly": body.weekly_limit_usd,
        "monthly": body.monthly_limit_usd,
        "total": body.total_limit_usd,
    }
    interval = body.reset_interval
    if interval not in (None, "daily") and given[interval] is None and given["daily"] is not None:
        given[interval], given["daily"] = given["daily"], None
    if body.limit is not None:
        given[body.period or interval or "monthly"] = body.limit
    limits: dict[Period, int] = {period: _micro(usd) for period, usd in given.items() if usd is not None}
    if not limits:
        raise InvalidRequest(
            "Say how much: `limit` with `period`, or dailyLimitUsd, weeklyLimitUsd, monthlyLimitUsd or"
            " totalLimitUsd.",
            code="bad_budget",
        )
    return limits


def _micro(usd: float) -> int:
    """Exact for what people write; a float is read as the decimal that it is written as."""
    return int((Decimal(str(usd)) * _MICRO).to_integral_value(ROUND_HALF_UP))


def _percent(threshold: float | None) -> int:
    return 80 if threshold is None else max(1, round(threshold * 100))


def _all(services: Services) -> list[Budget]:
    found = services.snapshot().budgets
    if found is None:
        return []
    scopes = (found.keys, found.tags, found.connections, found.providers)
    own = [one for scope in scopes for several in scope.values() for one in several]
    return [*found.everywhere, *own]


def _shapes(services: Services, several: Iterable[Budget]) -> list[BudgetShape]:
    names = {row.id: row.name for row in services.database.read(keys.every)}
    return [_shape(services, one, names) for one in several]


def _shape(services: Services, one: Budget, names: dict[str, str]) -> BudgetShape:
    level = services.allowance.spending.till.level(one, services.clock.now())
    left = one.limit - level.spent
    status: Literal["ok", "warning", "exceeded"] = "warning" if level.spent >= one.warns_at else "ok"
    key_id = one.subject if one.scope == "key" else None
    return BudgetShape(
        id=one.id,
        scope=one.scope,
        subject=one.subject,
        key_id=key_id,
        key_name=None if key_id is None else names.get(key_id),
        limit=_usd(one.limit),
        period=one.period,
        action=one.action,
        mode=one.mode,
        downgrade_to=one.downgrade_to,
        spent=_usd(level.spent),
        reserved=_usd(level.held),
        guessed=_usd(level.guessed),
        remaining=_usd(max(0, left)),
        overrun=_usd(max(0, -left)),
        percent_used=round(level.spent * 100 / one.limit, 2),
        warning_threshold=one.warn_percent / 100,
        status="exceeded" if left <= 0 else status,
        reset_time=time_of(one.reset_minute),
        resets_at=None if level.window.end is None else iso(level.window.end * 1000),
    )


def _of_key(services: Services, key_id: str) -> KeyBudget:
    now = services.clock.now()
    day, month = (window(period, 0, now).start * 1000 for period in ("daily", "monthly"))
    row, today, this_month, entries = services.database.read(
        lambda connection: (
            keys.get(connection, key_id),
            repo.spent_since(connection, since=day, keys=(key_id,)),
            repo.spent_since(connection, since=month, keys=(key_id,)),
            repo.entries(connection, key_id),
        )
    )
    own = [one for one in _all(services) if (one.scope, one.subject) == ("key", key_id)]
    if row is None and not own:
        raise GatewayError(404, f"There is no API key with the id {key_id[:80]!r}.", code="key_not_found")
    shapes = {shape.period: shape for shape in reversed(_shapes(services, own))}
    limits = _limits_of(own)
    interval = limits.reset_interval
    active = None if interval is None else shapes[interval]
    spent_up = next((one for one in shapes.values() if one.action == "block" and one.status == "exceeded"), None)
    daily = shapes.get("daily")
    return KeyBudget(
        daily_total=_usd(today),
        monthly_total=_usd(this_month),
        total_entries=entries,
        total_cost_period=0.0 if active is None else active.spent,
        active_limit_usd=None if active is None else active.limit,
        period_start_at=None if interval is None else iso(window(interval, _reset(own), now).start * 1000),
        next_reset_at=None if active is None else active.resets_at,
        budget=limits if own else None,
        budget_check=Check(
            allowed=spent_up is None,
            reason=None
            if spent_up is None
            else f"{spent_up.period.capitalize()} budget exceeded: ${spent_up.spent} / ${spent_up.limit}",
            daily_used=_usd(today) if daily is None else daily.spent,
            daily_limit=0.0 if daily is None else daily.limit,
            warning_reached=any(one.status != "ok" for one in shapes.values()),
            remaining=min((one.remaining for one in shapes.values()), default=None),
        ),
        daily_limit_usd=limits.daily_limit_usd,
        weekly_limit_usd=limits.weekly_limit_usd,
        monthly_limit_usd=limits.monthly_limit_usd,
        total_limit_usd=limits.total_limit_usd,
        warning_threshold=limits.warning_threshold,
        reset_interval=interval,
        reset_time=limits.reset_time,
    )


def _limits_of(own: list[Budget]) -> Limits:
    limits = {one.period: _usd(one.limit) for one in reversed(own)}
    return Limits(
        daily_limit_usd=limits.get("daily"),
        weekly_limit_usd=limits.get("weekly"),
        monthly_limit_usd=limits.get("monthly"),
        total_limit_usd=limits.get("total"),
        warning_threshold=own[0].warn_percent / 100 if own else 0.8,
        reset_interval=next((period for period in _PERIODS if period in limits), None),
        reset_time=time_of(_reset(own)),
    )


def _reset(own: list[Budget]) -> int:
    return own[0].reset_minute if own else 0


def _usd(micro_usd: int) -> float:
    return micro_usd / _MICRO
