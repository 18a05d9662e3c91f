"""Aliases: the operator's own names for models and combos."""

from typing import Annotated

from fastapi import Query
from pydantic import Field

from omniroute.errors import GatewayError
from omniroute.management.router import ManagementRouter
from omniroute.management.shapes import Body, CallerOf, Reply, ServicesOf
from omniroute.snapshot.aliases import KEY, aliases_of
from omniroute.storage.repos import settings as repo

router = ManagementRouter(auth="manage", prefix="/api/models/alias", tag="models")

_Name = Annotated[str, Field(min_length=1, max_length=500)]


class AliasBody(Body):
    """`alias` may be a pattern: `*` is any run of characters, `?` is one."""

    model: _Name
    alias: _Name


class AliasList(Reply):
    aliases: dict[str, str]


class AliasStored(Reply):
    success: bool = True
    model: str
    alias: str


class Success(Reply):
    success: bool = True


@router.get("")
def aliases(services: ServicesOf) -> AliasList:
    stored = services.database.read(lambda connection: repo.get(connection, KEY))
    return AliasList(aliases=dict(aliases_of({KEY: stored})))


@router.post("")
@router.put("")
def put_alias(body: AliasBody, services: ServicesOf, caller: CallerOf) -> AliasStored:
    """Overwrites an alias of the same name. The target must mean something now."""
    near = services.meaningless(body.model)
    if near is not None and body.model not in services.snapshot().aliases:
        raise GatewayError(404, near, code="model_not_found")
    services.aliases.put(body.alias, body.model, caller.actor, now=services.now_ms())
    return AliasStored(model=body.model, alias=body.alias)


@router.delete("")
def delete_alias(
    alias: Annotated[str, Query(min_length=1, max_length=500)], services: ServicesOf, caller: CallerOf
) -> Success:
    services.aliases.remove(alias, caller.actor, now=services.now_ms())
    return Success()
