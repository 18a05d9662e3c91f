"""Client keys: shown once, then known by their prefix only."""

from typing import Annotated, Literal

from fastapi import Path, Query
from msgspec import UNSET
from pydantic import Field

from omniroute.access.grant import BodyPolicy, CacheUse, RateLimit, SemanticUse
from omniroute.access.issuing import KeyChanges, unknown_key
from omniroute.access.rates import rate_limits
from omniroute.errors import GatewayError, InvalidRequest
from omniroute.ir.json import JsonObject
from omniroute.management.router import ManagementRouter
from omniroute.management.shapes import Body, CallerOf, Reply, ServicesOf, iso, unix_ms
from omniroute.storage.repos import keys as repo
from omniroute.storage.repos.keys import KeyRow

router = ManagementRouter(auth="manage", prefix="/api/keys", tag="keys")

_Id = Annotated[str, Path(max_length=128)]
_Name = Annotated[str, Field(min_length=1, max_length=200)]
_Scopes = Annotated[list[Annotated[str, Field(min_length=1, max_length=64)]], Field(max_length=16)]
_Models = Annotated[list[Annotated[str, Field(min_length=1, max_length=200)]], Field(max_length=1000)]
_Ids = Annotated[list[Annotated[str, Field(min_length=1, max_length=128)]], Field(max_length=100)]


class RateLimitBody(Body):
    """At most `limit` in any `window` of seconds. `tokens` are those of questions and answers together."""

    limit: Annotated[int, Field(ge=1, le=1_000_000_000_000)]
    window: Annotated[int, Field(ge=1, le=366 * 86_400)]
    unit: Literal["requests", "tokens"] = "requests"


class RateLimitShape(Reply):
    limit: int
    window: int
    unit: Literal["requests", "tokens"]


class ScheduleBody(Body):
    """On `days` (0 is Sunday) from one time of day until another, in the time zone `tz`. An `until` that is not
    later than `from` is on the next day; the day is then the one on which the time began."""

    enabled: bool = True
    start: Annotated[str, Field(alias="from", pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
    until: Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
    days: Annotated[list[Annotated[int, Field(ge=0, le=6)]], Field(max_length=7)]
    tz: Annotated[str, Field(min_length=1, max_length=64)] = "UTC"


class ScheduleShape(Reply):
    enabled: bool
    start: Annotated[str, Field(alias="from")]
    until: str
    days: list[int]
    tz: str


class _Settings(Body):
    """Empty lists mean all, and no limits. `maxSessions` is how many conversations may go on at a time, 0 for any
    number. Keys with the same of `tags` share the budgets of that tag. Auto-resolving is not served yet."""

    scopes: _Scopes | None = None
    allowed_models: _Models | None = None
    allowed_connections: _Ids | None = None
    is_active: bool | None = None
    is_banned: bool | None = None
    no_log: bool | None = None
    strict: bool | None = None
    cache: CacheUse | None = None
    bodies: BodyPolicy | None = None
    semantic_cache: SemanticUse | None = None
    expires_at: str | None = Field(None, max_length=64)
    access_schedule: ScheduleBody | None = None
    tags: _Scopes | None = None
    rate_limits: Annotated[list[RateLimitBody], Field(max_length=50)] | None = None
    max_sessions: Annotated[int, Field(ge=0, le=10_000)] | None = None
    auto_resolve: Annotated[bool, Field(json_schema_extra={"const": False})] | None = None


class NewKey(_Settings):
    name: _Name


class KeyPatch(_Settings):
    name: _Name | None = None


class KeyShape(Reply):
    """A key as it may be shown. `key` is its prefix, masked."""

    id: str
    name: str
    key: str
    key_prefix: str
    scopes: list[str]
    allowed_models: list[str]
    allowed_connections: list[str]
    no_log: bool
    strict: bool
    cache: CacheUse
    bodies: BodyPolicy | None
    semantic_cache: SemanticUse
    auto_resolve: bool
    is_active: bool
    is_banned: bool
    access_schedule: ScheduleShape | None
    tags: list[str]
    rate_limits: list[RateLimitShape] | None
    max_sessions: int
    expires_at: str | None
    last_used_at: str | None
    revoked_at: str | None
    created_at: str
    updated_at: str


class KeyList(Reply):
    keys: list[KeyShape]
    total: int
    allow_key_reveal: bool = False


class CreatedKey(KeyShape):
    """`key` is the whole key, this once."""


class PatchedKey(KeyShape):
    message: str = "API key settings updated successfully"


class RegeneratedKey(Reply):
    """`key` is the whole new key, this once; the old one is dead."""

    message: str = "API key regenerated; the old key no longer works"
    id: str
    key: str


class Message(Reply):
    message: str


@router.get("")
def keys(
    services: ServicesOf,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> KeyList:
    rows, total = services.database.read(
        lambda connection: (repo.page(connection, limit=limit, offset=offset), repo.total(connection))
    )
    return KeyList(keys=[_shape(row) for row in rows], total=total)


@router.post("", status_code=201)
def create_key(body: NewKey, services: ServicesOf, caller: CallerOf) -> CreatedKey:
    """The answer is the only place where the whole key is ever shown."""
    issued = services.issuer.create(body.name, _changes(body), caller.actor, now=services.now_ms())
    return CreatedKey.model_validate({**_shape(issued.row).model_dump(), "key": issued.text})


@router.get("/{key_id}")
def key(key_id: _Id, services: ServicesOf) -> KeyShape:
    return _shape(_row(services, key_id))


@router.patch("/{key_id}")
def change_key(key_id: _Id, body: KeyPatch, services: ServicesOf, caller: CallerOf) -> PatchedKey:
    if not body.model_fields_set:
        raise InvalidRequest("No valid fields to update", code="nothing_to_update")
    row = services.issuer.update(key_id, _changes(body), caller.actor, now=services.now_ms())
    return PatchedKey.model_validate(_shape(row).model_dump())


@router.delete("/{key_id}")
def delete_key(key_id: _Id, services: ServicesOf, caller: CallerOf) -> Message:
    services.issuer.delete(key_id, caller.actor, now=services.now_ms())
    return Message(message="Key deleted successfully")


@router.post("/{key_id}/regenerate")
def regenerate_key(key_id: _Id, services: ServicesOf, caller: CallerOf) -> RegeneratedKey:
    issued = services.issuer.regenerate(key_id, caller.actor, now=services.now_ms())
    return RegeneratedKey(id=issued.row.id, key=issued.text)


@router.get("/{key_id}/reveal")
def reveal_key(key_id: _Id, services: ServicesOf) -> Message:
    """Always refused: only a digest of the key is stored."""
    _row(services, key_id)
    raise GatewayError(
        403, "Keys are stored as digests and cannot be shown again; regenerate the key.", code="reveal_impossible"
    )


def _row(services: ServicesOf, key_id: str) -> KeyRow:
    row = services.database.read(lambda connection: repo.get(connection, key_id))
    if row is None:
        raise unknown_key(key_id)
    return row


def _changes(body: NewKey | KeyPatch) -> KeyChanges:
    """Null for a list means an empty one; null for a switch leaves it alone; null for `expiresAt` means never."""
    if body.auto_resolve:
        raise InvalidRequest("autoResolve is not served yet.", code="not_served")
    given = body.model_fields_set
    never = "expires_at" in given and body.expires_at is None
    return KeyChanges(
        name=UNSET if body.name is None else body.name,
        scopes=tuple(body.scopes or ()) if "scopes" in given else UNSET,
        allowed_models=tuple(body.allowed_models or ()) if "allowed_models" in given else UNSET,
        allowed_connections=tuple(body.allowed_connections or ()) if "allowed_connections" in given else UNSET,
        is_active=UNSET if body.is_active is None else body.is_active,
        is_banned=UNSET if body.is_banned is None else body.is_banned,
        no_log=UNSET if body.no_log is None else body.no_log,
        strict=UNSET if body.strict is None else body.strict,
        cache=UNSET if body.cache is None else body.cache,
        semantic_cache=UNSET if body.semantic_cache is None else body.semantic_cache,
        rate_limits=tuple(
            RateLimit(limit=one.limit, window_s=one.window, unit=one.unit) for one in body.rate_limits or ()
        )
        if "rate_limits" in given
        else UNSET,
        max_sessions=UNSET if body.max_sessions is None else body.max_sessions,
        bodies=body.bodies if "bodies" in given else UNSET,
        tags=tuple(body.tags or ()) if "tags" in given else UNSET,
        access_schedule=UNSET if "access_schedule" not in given else _stored(body.access_schedule),
        expires_at=None
        if never
        else (UNSET if body.expires_at is None else unix_ms(body.expires_at, what="expiresAt")),
    )


def _stored(schedule: ScheduleBody | None) -> JsonObject | None:
    if schedule is None:
        return None
    return {
        "enabled": schedule.enabled,
        "from": schedule.start,
        "until": schedule.until,
        "days": sorted(set(schedule.days)),
        "tz": schedule.tz,
    }


def _shape(row: KeyRow) -> KeyShape:
    return KeyShape(
        id=row.id,
        name=row.name,
        key=f"{row.prefix}****",
        key_prefix=row.prefix,
        scopes=list(row.scopes),
        allowed_models=list(row.allowed_models),
        allowed_connections=list(row.allowed_connections),
        no_log=row.no_log,
        strict=row.strict,
        cache=row.cache,
        bodies=row.bodies,
        semantic_cache=row.semantic_cache,
        auto_resolve=False,
        is_active=row.is_active,
        is_banned=row.is_banned,
        access_schedule=None
        if row.access_schedule is None
        else ScheduleShape.model_validate({"tz": "UTC", **row.access_schedule}),
        tags=list(row.tags),
        rate_limits=[
            RateLimitShape(limit=one.limit, window=one.window_s, unit=one.unit)
            for one in rate_limits(row.rate_limits)
        ]
        or None,
        max_sessions=row.max_sessions,
        expires_at=iso(row.expires_at),
        last_used_at=iso(row.last_used_at),
        revoked_at=iso(row.revoked_at),
        created_at=iso(row.created_at) or "",
        updated_at=iso(row.updated_at) or "",
    )
