"""From a model name to the candidates of one snapshot, remembered until the configuration changes."""

from collections.abc import Callable
from typing import TypeAlias

from omniroute.access.grant import Grant
from omniroute.accounts.connection import Connection
from omniroute.catalog.lookup import Catalog
from omniroute.catalog.models import ModelTable
from omniroute.catalog.patterns import matches
from omniroute.catalog.provider import Provider
from omniroute.errors import GatewayError
from omniroute.ir.target import Target
from omniroute.routing.candidate import Account, Candidate
from omniroute.routing.names import (
    AmbiguousModel,
    Destination,
    Mismatch,
    Names,
    NotOffered,
    Resolution,
    UnknownModel,
)
from omniroute.snapshot.model import Snapshot

_MAX_REMEMBERED = 10_000

_Key: TypeAlias = tuple[str, str | None]


class Candidates:
    """`models` gives the current model table (it is loaded after start, and replaced when it is)."""

    def __init__(self, catalog: Catalog, models: Callable[[], ModelTable]) -> None:
        self._catalog = catalog
        self._models = models
        self._snapshot: Snapshot | None = None
        self._table: ModelTable | None = None
        self._names: Names | None = None
        self._remembered: dict[_Key, tuple[Candidate, ...]] = {}

    def of(self, snapshot: Snapshot, name: str, pinned: str | None, grant: Grant) -> tuple[Candidate, ...]:
        """At least one candidate, in order. `pinned` is the provider of a dedicated route.

        Raises `GatewayError` when there is none, with what to do about it."""
        key = (name, pinned)
        table = self._models()
        if snapshot is not self._snapshot or table is not self._table:
            self._renew(snapshot, table)
        found = self._remembered.get(key)
        if found is None:
            found = self._find(snapshot, table, name, pinned)
            if len(self._remembered) >= _MAX_REMEMBERED:
                self._remembered.clear()
            self._remembered[key] = found
        if grant.models or grant.connections:
            return _permitted(found, name, grant)
        return found

    def names(self, snapshot: Snapshot) -> Names:
        """The names of `snapshot`, for whoever explains them."""
        table = self._models()
        if snapshot is not self._snapshot or table is not self._table:
            self._renew(snapshot, table)
        assert self._names is not None
        return self._names

    def _renew(self, snapshot: Snapshot, table: ModelTable) -> None:
        self._snapshot = snapshot
        self._table = table
        self._remembered = {}
        connected = {
            provider_id
            for provider_id, connections in snapshot.connections.items()
            if any(connection.active for connection in connections)
        }
        self._names = Names(snapshot.providers, connected, table, self._catalog.refusal)

    def _find(self, snapshot: Snapshot, table: ModelTable, name: str, pinned: str | None) -> tuple[Candidate, ...]:
        assert self._names is not None
        resolution = self._names.resolve(name) if pinned is None else self._names.resolve_at(pinned, name)
        destination = _destination(resolution, name)
        provider = destination.provider
        operation = provider.operations.get("chat")
        if operation is None:
            raise GatewayError(400, f"provider {provider.id!r} does not serve chat", code="unsupported_operation")
        target = Target(
            provider=provider.id,
            model=destination.model,
            dialect=operation.codec,
            quirks=provider.quirks,
            facts=table.facts(provider.id, destination.model),
        )
        connections = [
            connection
            for connection in snapshot.connections.get(provider.id, ())
            if connection.active and not any(matches(p, destination.model) for p in connection.excluded_models)
        ]
        if not connections:
            raise GatewayError(400, _no_connection(provider, destination.model), code="no_credentials")
        return tuple(Candidate(target=target, account=_account(connection)) for connection in connections)


def _account(connection: Connection) -> Account:
    return Account(
        id=connection.id,
        provider=connection.provider,
        version=connection.version,
        priority=connection.priority,
    )


def _permitted(found: tuple[Candidate, ...], name: str, grant: Grant) -> tuple[Candidate, ...]:
    if grant.models:
        target = found[0].target
        wanted = (name, f"{target.provider}/{target.model}")
        if not any(matches(pattern, text) for pattern in grant.models for text in wanted):
            raise GatewayError(
                403, f"model {name!r} is not allowed for the API key {grant.name!r}", code="model_not_allowed"
            )
    if grant.connections:
        found = tuple(candidate for candidate in found if candidate.account.id in grant.connections)
        if not found:
            raise GatewayError(
                403,
                f"the API key {grant.name!r} may not use any connection that serves {name!r}",
                code="connection_not_allowed",
            )
    return found


def _destination(resolution: Resolution, name: str) -> Destination:
    match resolution:
        case Destination():
            return resolution
        case UnknownModel(message=message, near=near):
            hint = (
                f"; did you mean {' or '.join(near)}?" if near else "; `omniroute models ls` lists what is there"
            )
            raise GatewayError(404, message + hint, code="model_not_found")
        case AmbiguousModel(choices=choices):
            raise GatewayError(
                400,
                f"ambiguous model {name!r}: write the provider too, such as {' or '.join(choices[:2])}",
                code="ambiguous_model",
            )
        case NotOffered(prefix=prefix, reason=reason):
            raise GatewayError(400, f"provider {prefix!r} is not offered: {reason}", code="provider_not_offered")
        case Mismatch(expected=expected):
            raise GatewayError(
                400,
                f"model {name!r} does not belong to this provider; expected prefix: {expected}/",
                code="model_provider_mismatch",
            )


def _no_connection(provider: Provider, model: str) -> str:
    variables = f" or set {provider.env[0]}" if provider.env else ""
    return (
        f"no active connection for provider {provider.id!r} (model {model!r}): run"
        f" `omniroute providers add {provider.id}`{variables}"
    )
