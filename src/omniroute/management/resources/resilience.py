"""How patient the gateway is with accounts and providers that fail, in the shapes of both generations."""

from typing import Annotated, Final, Literal

from pydantic import Field

from omniroute.access.actor import record
from omniroute.errors import InvalidRequest
from omniroute.management.held import Breaker, breakers
from omniroute.management.router import ManagementRouter
from omniroute.management.services import Services
from omniroute.management.shapes import Body, CallerOf, Reply, ServicesOf
from omniroute.routing.resilience import CATEGORIES, Category, Profile, Resilience
from omniroute.snapshot.resilience import ResilienceChange

router = ManagementRouter(auth="manage", prefix="/api/resilience", tag="resilience")

_DAY_MS: Final = 24 * 3600 * 1000
_Base = Annotated[int, Field(ge=0, le=_DAY_MS)]
_Steps = Annotated[int, Field(ge=0, le=32)]
_Threshold = Annotated[int, Field(ge=1, le=1000)]
_Reset = Annotated[int, Field(ge=1000, le=_DAY_MS)]


class CooldownPatch(Body):
    """What is left out stays as it is."""

    base_cooldown_ms: _Base | None = None
    use_upstream_retry_hints: bool | None = None
    max_backoff_steps: _Steps | None = None


class CooldownsPatch(Body):
    oauth: CooldownPatch | None = None
    apikey: CooldownPatch | None = None
    local: CooldownPatch | None = None


class BreakerPatch(Body):
    failure_threshold: _Threshold | None = None
    reset_timeout_ms: _Reset | None = None


class BreakersPatch(Body):
    oauth: BreakerPatch | None = None
    apikey: BreakerPatch | None = None
    local: BreakerPatch | None = None


class WaitPatch(Body):
    enabled: bool | None = None
    max_retries: Annotated[int, Field(ge=0, le=10)] | None = None
    max_retry_wait_sec: Annotated[int, Field(ge=0, le=300)] | None = None


class ProfilePatch(Body):
    """The older shape, complete. A `rateLimitCooldown` of 0 means to follow what the provider says."""

    transient_cooldown: _Base
    rate_limit_cooldown: _Base
    max_backoff_level: _Steps
    circuit_breaker_threshold: _Threshold
    circuit_breaker_reset: _Reset


class ProfilesPatch(Body):
    oauth: ProfilePatch | None = None
    apikey: ProfilePatch | None = None
    local: ProfilePatch | None = None


class ResiliencePatch(Body):
    """At least one member."""

    connection_cooldown: CooldownsPatch | None = None
    provider_breaker: BreakersPatch | None = None
    wait_for_cooldown: WaitPatch | None = None
    profiles: ProfilesPatch | None = None


class CooldownShape(Reply):
    base_cooldown_ms: int
    use_upstream_retry_hints: bool
    max_backoff_steps: int


class BreakerShape(Reply):
    failure_threshold: int
    reset_timeout_ms: int


class WaitShape(Reply):
    enabled: bool
    max_retries: int
    max_retry_wait_sec: int


class QueueShape(Reply):
    """The line before accounts with `maxConcurrent`. Null is what is not limited by itself."""

    auto_enable_api_key_providers: bool = False
    requests_per_minute: int | None = None
    min_time_between_requests_ms: int | None = None
    concurrent_requests: int | None = None
    max_wait_ms: int


class ProfileShape(Reply):
    transient_cooldown: int
    rate_limit_cooldown: int
    max_backoff_level: int
    circuit_breaker_threshold: int
    circuit_breaker_reset: int


class Legacy(Reply):
    profiles: dict[Category, ProfileShape]


class ResilienceShape(Reply):
    """`connectionCooldown`, `providerBreaker` and `waitForCooldown` are what is set; `profiles` is the same in the
    older shape, which `legacy` repeats."""

    ok: bool = True
    connection_cooldown: dict[Category, CooldownShape]
    provider_breaker: dict[Category, BreakerShape]
    wait_for_cooldown: WaitShape
    request_queue: QueueShape
    profiles: dict[Category, ProfileShape]
    legacy: Legacy
    circuit_breakers: list[Breaker]


class ResetRequest(Body):
    """Breakers, rests and everything else that is blocked, or one of both; of one provider, or all."""

    scope: Literal["breakers", "cooldowns", "all"] = "all"
    provider: Annotated[str, Field(min_length=1, max_length=200)] | None = None


class ResetReply(Reply):
    """`resetCount` is the sum of the other two."""

    ok: bool = True
    reset_count: int
    breakers: int
    cooldowns: int
    message: str


@router.get("")
def resilience(services: ServicesOf) -> ResilienceShape:
    return _shape(services, services.snapshot().resilience)


@router.patch("")
@router.put("")
def change_resilience(body: ResiliencePatch, services: ServicesOf, caller: CallerOf) -> ResilienceShape:
    """Holds for the next failure. What rests already rests as long as it was told."""
    profiles: dict[Category, dict[str, float | int | bool]] = {}
    for category in CATEGORIES:
        given = _profile(body, category)
        if given:
            profiles[category] = given
    waiting = _waiting(body.wait_for_cooldown)
    if not profiles and not waiting:
        raise InvalidRequest("Nothing to change was given.", code="nothing_to_update")
    change = ResilienceChange(profiles=profiles, waiting=waiting)
    return _shape(services, services.patience.change(change, caller.actor, now=services.now_ms()))


@router.post("/reset")
async def reset(services: ServicesOf, caller: CallerOf, body: ResetRequest | None = None) -> ResetReply:
    """Forgets failures: whoever was left alone is asked again by the next request."""
    wish = body or ResetRequest()
    row = None if wish.provider is None else services.snapshot().providers.get(wish.provider)
    provider = wish.provider if row is None else row.id
    closed = services.pulse.reset(provider) if wish.scope != "cooldowns" else 0
    lifted = (
        len(services.resting.lift(lambda scope, block: provider is None or scope.provider == provider))
        if wish.scope != "breakers"
        else 0
    )
    at = services.now_ms()
    detail = {"scope": wish.scope, "provider": provider, "breakers": closed, "cooldowns": lifted}
    await services.writer.awrite_quietly(
        lambda connection: record(connection, caller.actor, at=at, action="resilience.reset", detail=detail)
    )
    return ResetReply(
        reset_count=closed + lifted,
        breakers=closed,
        cooldowns=lifted,
        message=f"Reset {closed} circuit breaker(s) and {lifted} cooldown(s)",
    )


def _profile(body: ResiliencePatch, category: Category) -> dict[str, float | int | bool]:
    given: dict[str, float | int | bool] = {}
    old: ProfilePatch | None = None if body.profiles is None else getattr(body.profiles, category)
    if old is not None:
        given |= {
            "base_s": old.transient_cooldown / 1000,
            "hints": old.rate_limit_cooldown == 0,
            "max_steps": old.max_backoff_level,
            "breaker_failures": old.circuit_breaker_threshold,
            "breaker_reset_s": old.circuit_breaker_reset / 1000,
        }
    rest: CooldownPatch | None = (
        None if body.connection_cooldown is None else getattr(body.connection_cooldown, category)
    )
    if rest is not None:
        if rest.base_cooldown_ms is not None:
            given["base_s"] = rest.base_cooldown_ms / 1000
        if rest.use_upstream_retry_hints is not None:
            given["hints"] = rest.use_upstream_retry_hints
        if rest.max_backoff_steps is not None:
            given["max_steps"] = rest.max_backoff_steps
    breaker: BreakerPatch | None = (
        None if body.provider_breaker is None else getattr(body.provider_breaker, category)
    )
    if breaker is not None:
        if breaker.failure_threshold is not None:
            given["breaker_failures"] = breaker.failure_threshold
        if breaker.reset_timeout_ms is not None:
            given["breaker_reset_s"] = breaker.reset_timeout_ms / 1000
    return given


def _waiting(wait: WaitPatch | None) -> dict[str, float | int | bool]:
    given: dict[str, float | int | bool] = {}
    if wait is None:
        return given
    if wait.enabled is not None:
        given["enabled"] = wait.enabled
    if wait.max_retries is not None:
        given["max_retries"] = wait.max_retries
    if wait.max_retry_wait_sec is not None:
        given["max_wait_s"] = float(wait.max_retry_wait_sec)
    return given


def _shape(services: Services, found: Resilience) -> ResilienceShape:
    every: dict[Category, Profile] = {category: found.of(category) for category in CATEGORIES}
    profiles: dict[Category, ProfileShape] = {category: _old(profile) for category, profile in every.items()}
    return ResilienceShape(
        connection_cooldown={
            category: CooldownShape(
                base_cooldown_ms=round(one.base_s * 1000),
                use_upstream_retry_hints=one.hints,
                max_backoff_steps=one.max_steps,
            )
            for category, one in every.items()
        },
        provider_breaker={
            category: BreakerShape(
                failure_threshold=one.breaker_failures, reset_timeout_ms=round(one.breaker_reset_s * 1000)
            )
            for category, one in every.items()
        },
        wait_for_cooldown=WaitShape(
            enabled=found.waiting.enabled,
            max_retries=found.waiting.max_retries,
            max_retry_wait_sec=round(found.waiting.max_wait_s),
        ),
        request_queue=QueueShape(max_wait_ms=round(services.snapshot().limits.queue.max_wait_s * 1000)),
        profiles=profiles,
        legacy=Legacy(profiles=profiles),
        circuit_breakers=breakers(services),
    )


def _old(profile: Profile) -> ProfileShape:
    return ProfileShape(
        transient_cooldown=round(profile.base_s * 1000),
        rate_limit_cooldown=0 if profile.hints else round(profile.base_s * 1000),
        max_backoff_level=profile.max_steps,
        circuit_breaker_threshold=profile.breaker_failures,
        circuit_breaker_reset=round(profile.breaker_reset_s * 1000),
    )
