"""What accounts have left, as their providers last told in the headers of answers. Nobody is asked for it."""

from typing import Annotated, Final, Literal

from fastapi import Path, Query
from pydantic import Field

from omniroute.accounts.connection import Connection
from omniroute.errors import GatewayError
from omniroute.management.router import ManagementRouter
from omniroute.management.services import Services
from omniroute.management.shapes import Reply, ServicesOf, iso
from omniroute.traffic.learned import LearnedLimit

router = ManagementRouter(auth="manage", prefix="/api/usage/quota", tag="usage")
limits = ManagementRouter(auth="manage", prefix="/api/usage/provider-limits", tag="usage")
of_connection = ManagementRouter(auth="manage", prefix="/api/usage", tag="usage")

_FRESH_S: Final = 600.0


class Quota(Reply):
    used: float
    total: float
    remaining: float
    remaining_percentage: float
    reset_at: str | None
    unlimited: bool = False


class ConnectionUsage(Reply):
    """`quotas` are by what is limited: requests, tokens, input-tokens, output-tokens. `_stale` is there, and true,
    when the account has told nothing for a while."""

    plan: str | None = None
    quotas: dict[str, Quota]
    message: str | None
    stale: Annotated[bool | None, Field(serialization_alias="_stale")] = None
    stale_since: Annotated[str | None, Field(serialization_alias="_staleSince")] = None
    stale_reason: Annotated[str | None, Field(serialization_alias="_staleReason")] = None


class AccountLimits(ConnectionUsage):
    name: str
    provider: str


class ProviderLimits(Reply):
    """By the id of the connection: accounts that have told anything since the gateway started."""

    limits: dict[str, AccountLimits]
    generated_at: str


class ProviderQuota(Reply):
    """Of the tightest limit that is known; without one, `quotaTotal` is null and all of it is left."""

    name: str
    provider: str
    connection_id: str
    quota_used: float
    quota_total: float | None
    percent_remaining: float
    reset_at: str | None
    token_status: Literal["valid", "expired"]


class Filters(Reply):
    provider: str | None
    connection_id: str | None


class Meta(Reply):
    generated_at: str
    filters: Filters
    total_providers: int


class Quotas(Reply):
    providers: list[ProviderQuota]
    meta: Meta


@router.get("")
def quota(
    services: ServicesOf,
    provider: Annotated[str | None, Query(max_length=200)] = None,
    connection_id: Annotated[str | None, Query(alias="connectionId", max_length=128)] = None,
) -> Quotas:
    """Active accounts, the one with the least left first."""
    found = [
        _tightest(services, one)
        for one in services.snapshot().by_id.values()
        if one.active and provider in (None, one.provider) and connection_id in (None, one.id)
    ]
    return Quotas(
        providers=sorted(found, key=lambda one: (one.percent_remaining, one.provider, one.name)),
        meta=Meta(
            generated_at=iso(services.now_ms()) or "",
            filters=Filters(provider=provider, connection_id=connection_id),
            total_providers=len(found),
        ),
    )


@limits.get("", response_model_exclude_unset=True)
def provider_limits(services: ServicesOf) -> ProviderLimits:
    """What all accounts have told of their limits."""
    told = {
        one.id: AccountLimits(
            name=one.name, provider=one.provider, **_usage(services, known).model_dump(exclude_unset=True)
        )
        for one in services.snapshot().by_id.values()
        if (known := _known(services, one))
    }
    return ProviderLimits(limits=told, generated_at=iso(services.now_ms()) or "")


@of_connection.get("/{connection_id}", response_model_exclude_unset=True)
def connection_usage(connection_id: Annotated[str, Path(max_length=128)], services: ServicesOf) -> ConnectionUsage:
    """What one account has left."""
    connection = services.snapshot().by_id.get(connection_id)
    if connection is None:
        raise GatewayError(404, f"There is no connection {connection_id[:80]!r}.", code="connection_not_found")
    known = _known(services, connection)
    if not known:
        return ConnectionUsage(
            plan=None, quotas={}, message="This account has not told any limits since the gateway started."
        )
    return _usage(services, known)


def _usage(services: Services, known: tuple[LearnedLimit, ...]) -> ConnectionUsage:
    quotas = {one.what: _quota(services, one) for one in known}
    now = services.clock.monotonic()
    told = max(one.learned_at for one in known)
    if now - told < _FRESH_S:
        return ConnectionUsage(plan=None, quotas=quotas, message=None)
    return ConnectionUsage(
        plan=None,
        quotas=quotas,
        message=None,
        stale=True,
        stale_since=_at(services, told),
        stale_reason="no answer of this account has told its limits since then",
    )


def _known(services: Services, connection: Connection) -> tuple[LearnedLimit, ...]:
    return services.accounts.learned.limits(connection.id, services.clock.monotonic())


def _quota(services: Services, one: LearnedLimit) -> Quota:
    now = services.clock.monotonic()
    left = one.left(now)
    return Quota(
        used=max(0.0, one.limit - left),
        total=one.limit,
        remaining=left,
        remaining_percentage=round(100 * left / one.limit, 1) if one.limit else 0.0,
        reset_at=_at(services, one.reset_at) if one.reset_at > now else None,
        unlimited=False,
    )


def _tightest(services: Services, connection: Connection) -> ProviderQuota:
    quotas = [_quota(services, one) for one in _known(services, connection)]
    least = min(quotas, key=lambda one: one.remaining_percentage, default=None)
    refused = any(
        scope.connection == connection.id and block.failure.kind == "authentication"
        for scope, block in services.resting.current(services.clock.monotonic())
    )
    return ProviderQuota(
        name=connection.name,
        provider=connection.provider,
        connection_id=connection.id,
        quota_used=0.0 if least is None else least.used,
        quota_total=None if least is None else least.total,
        percent_remaining=100.0 if least is None else least.remaining_percentage,
        reset_at=None if least is None else least.reset_at,
        token_status="expired" if refused else "valid",
    )


def _at(services: Services, monotonic_s: float) -> str | None:
    return iso(round((services.clock.now() + monotonic_s - services.clock.monotonic()) * 1000))
