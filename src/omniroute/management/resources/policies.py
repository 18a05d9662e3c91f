"""Policies: what certain requests prefer, may not use, or may at most get; and who is locked out."""

import re
from typing import Annotated, Literal

import msgspec
from fastapi import Response
from pydantic import Field
from sqlalchemy import Connection

from omniroute.access.actor import Actor, record
from omniroute.errors import GatewayError, InvalidRequest
from omniroute.management.held import Breaker, breakers
from omniroute.management.router import ManagementRouter
from omniroute.management.services import Services
from omniroute.management.shapes import Body, CallerOf, Reply, ServicesOf
from omniroute.routing.policy import Actions, Conditions, Policy, PolicyType
from omniroute.snapshot.policies import policies_of
from omniroute.storage.repos import sessions as repo

router = ManagementRouter(auth="manage", prefix="/api/policies", tag="policies")

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_Text = Annotated[str, Field(min_length=1, max_length=200)]
_List = Annotated[list[_Text], Field(min_length=1, max_length=50)]


class ConditionsBody(Body):
    """All that are given must hold."""

    model_pattern: Annotated[_Text | None, Field(alias="model_pattern")] = None
    api_key_id: Annotated[_Text | None, Field(alias="api_key_id")] = None
    combo: _Text | None = None


class ActionsBody(Body):
    """The one that belongs to the policy's type."""

    prefer_provider: Annotated[_List | None, Field(alias="prefer_provider")] = None
    block_model: Annotated[_List | None, Field(alias="block_model")] = None
    max_tokens: Annotated[int | None, Field(alias="max_tokens", ge=1, le=10_000_000)] = None


class PolicyChange(Body):
    """A policy, which is new unless its `id` is that of one; or `action: unlock` with an `identifier`."""

    action: Literal["unlock"] | None = None
    identifier: _Text | None = None
    id: _Text | None = None
    name: _Text | None = None
    type: PolicyType | None = None
    enabled: bool = True
    priority: Annotated[int, Field(ge=0, le=100_000)] = 100
    conditions: ConditionsBody = ConditionsBody()
    actions: ActionsBody = ActionsBody()


class PolicyShape(Reply):
    id: str
    name: str
    type: PolicyType
    enabled: bool
    priority: int
    conditions: dict[str, str]
    actions: dict[str, list[str] | int]


class Locked(Reply):
    """An address that may not try to sign in until then, in unix milliseconds."""

    identifier: str
    locked_until: int
    remaining_ms: int


class PolicyList(Reply):
    policies: list[PolicyShape]
    circuit_breakers: list[Breaker]
    locked_identifiers: list[Locked]


class Unlocked(Reply):
    success: Literal[True] = True
    action: Literal["unlocked"] = "unlocked"
    identifier: str


class Removed(Reply):
    success: Literal[True] = True


@router.get("")
def policies(services: ServicesOf) -> PolicyList:
    now = services.now_ms()
    return PolicyList(
        policies=[_shape(one) for one in policies_of(services.snapshot().settings).values()],
        circuit_breakers=breakers(services),
        locked_identifiers=[
            Locked(identifier=row.peer, locked_until=row.locked_until, remaining_ms=row.locked_until - now)
            for row in services.database.read(repo.locked)
            if row.locked_until is not None and row.locked_until > now
        ],
    )


@router.post("", responses={201: {"model": PolicyShape}})
def put_policy(
    body: PolicyChange, services: ServicesOf, caller: CallerOf, response: Response
) -> PolicyShape | Unlocked:
    """Holds from the next request on."""
    if body.action == "unlock":
        return _unlocked(body.identifier, services, caller.actor)
    policy = _policy(body, services)
    new = services.policies.put(policy, caller.actor, now=services.now_ms())
    response.status_code = 201 if new else 200
    return _shape(policy)


@router.delete("")
def remove_policy(id: _Text, services: ServicesOf, caller: CallerOf) -> Removed:
    services.policies.remove(id, caller.actor, now=services.now_ms())
    return Removed()


def _unlocked(identifier: str | None, services: Services, actor: Actor) -> Unlocked:
    if identifier is None:
        raise InvalidRequest("Say which identifier is to be unlocked.", code="bad_policy")

    def change(connection: Connection) -> bool:
        known = repo.failures_of(connection, identifier) is not None
        repo.clear_failures(connection, identifier)
        record(connection, actor, at=services.now_ms(), action="login.unlock", target=identifier)
        return known

    if not services.writer.write_quietly(change):
        raise GatewayError(404, f"{identifier[:80]!r} is not locked out.", code="not_found")
    return Unlocked(identifier=identifier)


def _policy(body: PolicyChange, services: Services) -> Policy:
    if body.name is None or body.type is None:
        raise InvalidRequest("A policy needs a name and a type: routing, access or budget.", code="bad_policy")
    if body.id is not None and not _ID.fullmatch(body.id):
        raise InvalidRequest(
            f"The id {body.id[:80]!r} is not made of letters, digits, dots, dashes and underscores.",
            code="bad_policy",
        )
    wanted = {"routing": "prefer_provider", "access": "block_model", "budget": "max_tokens"}[body.type]
    given = body.actions.model_dump(exclude_none=True)
    if list(given) != [wanted]:
        raise InvalidRequest(
            f"A policy of the type {body.type} has the action {wanted} and no other.", code="bad_policy"
        )
    _known(body, services)
    return Policy(
        id=body.id or f"pol_{services.random(8).hex()}",
        name=body.name,
        type=body.type,
        enabled=body.enabled,
        priority=body.priority,
        conditions=Conditions(**body.conditions.model_dump()),
        actions=Actions(
            prefer_provider=tuple(_provider(services, name) for name in body.actions.prefer_provider or ()),
            block_model=tuple(body.actions.block_model or ()),
            max_tokens=body.actions.max_tokens,
        ),
    )


def _known(body: PolicyChange, services: Services) -> None:
    snapshot = services.snapshot()
    combo, key = body.conditions.combo, body.conditions.api_key_id
    if combo is not None and combo not in snapshot.combos:
        raise GatewayError(404, f"There is no combo {combo!r}.", code="not_found")
    if key is not None and all(grant.key_id != key for grant in snapshot.grants.values()):
        raise GatewayError(404, f"There is no client key with the id {key!r}.", code="not_found")


def _provider(services: Services, name: str) -> str:
    found = services.snapshot().providers.get(name)
    if found is None:
        raise InvalidRequest(f"There is no provider {name!r}.", code="unknown_provider")
    return found.id


def _shape(policy: Policy) -> PolicyShape:
    conditions: dict[str, str] = msgspec.to_builtins(policy.conditions)
    actions: dict[str, list[str] | int] = msgspec.to_builtins(policy.actions)
    return PolicyShape(
        id=policy.id,
        name=policy.name,
        type=policy.type,
        enabled=policy.enabled,
        priority=policy.priority,
        conditions=conditions,
        actions=actions,
    )
