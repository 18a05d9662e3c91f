"""From a model name to the candidates of one snapshot, remembered until the configuration changes."""

from collections.abc import Callable
from typing import TypeAlias

from omniroute.access.grant import Grant
from omniroute.accounts.bounds import bounds_of
from omniroute.accounts.category import category
from omniroute.accounts.connection import Connection
from omniroute.catalog.lookup import Catalog
from omniroute.catalog.models import ModelTable
from omniroute.catalog.patterns import is_pattern, matches
from omniroute.catalog.provider import OperationName, Provider
from omniroute.dialects.look import as_array
from omniroute.dialects.quirks import limits_per_model
from omniroute.errors import GatewayError
from omniroute.ir.json import JsonValue
from omniroute.ir.target import Target
from omniroute.routing.bounds import ProviderLimits
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
from omniroute.routing.policy import blocking
from omniroute.snapshot.model import Snapshot

_MAX_REMEMBERED = 10_000
_PASSES_ON = "aggregator"
"""The tag of providers whose models are at providers of their own, each with its own limits."""

_Key: TypeAlias = tuple[str, str | None, OperationName]


class Candidates:
    """`models` gives the current model table (it is loaded after start, and replaced when it is)."""

    def __init__(self, catalog: Catalog, models: Callable[[], ModelTable]) -> None:
        self._catalog = catalog
        self._models = models
        self._snapshot: Snapshot | None = None
        self._table: ModelTable | None = None
        self._names: Names | None = None
        self._remembered: dict[_Key, tuple[Candidate, ...]] = {}

    def of(
        self,
        snapshot: Snapshot,
        name: str,
        pinned: str | None,
        grant: Grant,
        operation: OperationName = "chat",
    ) -> tuple[Candidate, ...]:
        """At least one candidate for `operation`, in order. `pinned` is the provider of a dedicated route.

        Raises `GatewayError` when there is none, with what to do about it."""
        key = (name, pinned, operation)
        table = self._models()
        if snapshot is not self._snapshot or table is not self._table:
            self._renew(snapshot, table)
        found = self._remembered.get(key)
        if found is None:
            found = self._find(snapshot, table, name, pinned, operation)
            if len(self._remembered) >= _MAX_REMEMBERED:
                self._remembered.clear()
            self._remembered[key] = found
        if grant.limited:
            return permitted(found, name, grant)
        return found

    def target(self, snapshot: Snapshot, name: str, operation: OperationName = "chat") -> Target | None:
        """The one target that `name` means for `operation`; None when it means none."""
        table = self._models()
        if snapshot is not self._snapshot or table is not self._table:
            self._renew(snapshot, table)
        assert self._names is not None
        resolution = self._names.resolve(name)
        if not isinstance(resolution, Destination) or operation not in resolution.provider.operations:
            return None
        return _target(resolution, operation, table)

    def unknown(self, snapshot: Snapshot, name: str) -> str | None:
        """Why `name` means no model; None when it means one, whoever is connected."""
        try:
            _destination(self.names(snapshot).resolve(name), name)
        except GatewayError as error:
            return error.message
        return None

    def at(self, snapshot: Snapshot, target: Target) -> tuple[Candidate, ...]:
        """The accounts that may serve `target`, at least one. Raises `GatewayError` when there is none."""
        return _candidates(snapshot, target)

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
        own = (
            *(name for name, combo in snapshot.combos.items() if combo.active),
            *(alias for alias in snapshot.aliases if not is_pattern(alias)),
        )
        self._names = Names(snapshot.providers, connected, table, self._catalog.refusal, own)

    def _find(
        self, snapshot: Snapshot, table: ModelTable, name: str, pinned: str | None, operation: OperationName
    ) -> tuple[Candidate, ...]:
        assert self._names is not None
        resolution = self._names.resolve(name) if pinned is None else self._names.resolve_at(pinned, name)
        destination = _destination(resolution, name)
        if operation not in destination.provider.operations:
            raise GatewayError(400, _not_served(destination.provider, operation), code="unsupported_operation")
        return _candidates(snapshot, _target(destination, operation, table))


def _target(destination: Destination, operation: OperationName, table: ModelTable) -> Target:
    provider = destination.provider
    return Target(
        provider=provider.id,
        model=destination.model,
        dialect=provider.operations[operation].codec,
        quirks=provider.quirks,
        facts=table.facts(provider.id, destination.model),
    )


def _candidates(snapshot: Snapshot, target: Target) -> tuple[Candidate, ...]:
    active = [one for one in snapshot.connections.get(target.provider, ()) if one.active]
    connections = [one for one in active if not (one.excluded_models and _excluded(snapshot, one, target))]
    if not connections:
        provider = snapshot.providers[target.provider]
        told = _nobody_for(provider, target.model) if active else _no_connection(provider, target.model)
        raise GatewayError(400, told, code="no_credentials")
    alone = len(active) == 1
    provider = snapshot.providers[target.provider]
    limits = snapshot.limits.providers.get(provider.id)
    return tuple(
        Candidate(target=target, account=_account(provider, connection, limits, alone=alone))
        for connection in connections
    )


def _account(provider: Provider, connection: Connection, limits: ProviderLimits | None, *, alone: bool) -> Account:
    return Account(
        id=connection.id,
        provider=connection.provider,
        version=connection.version,
        priority=connection.priority,
        bounds=bounds_of(connection, limits),
        alone=alone,
        category=category(provider, connection),
        limits_per_model=provider.node
        or limits_per_model.NAME in provider.quirks
        or _PASSES_ON in provider.tags
        or connection.parameters.get("passthroughModels") is True,
        renewable=provider.auth.kind == "google",
        tags=_tags(connection.parameters.get("tags")),
    )


def _tags(said: JsonValue) -> tuple[str, ...]:
    """A list, or a text with commas."""
    words = said.split(",") if isinstance(said, str) else as_array(said) or ()
    return tuple(word.strip().lower() for word in words if isinstance(word, str) and word.strip())


def permitted(found: tuple[Candidate, ...], name: str, grant: Grant) -> tuple[Candidate, ...]:
    """Those of `found`, the accounts of one target, that `grant` may use when it asks for `name`; at least one.

    Raises `GatewayError` 403 when there is none."""
    target = found[0].target
    wanted = (name, f"{target.provider}/{target.model}")
    policy = blocking(grant.blocked, wanted) if grant.blocked else None
    if policy is not None:
        message = f"model {wanted[1]!r} is blocked by the policy {policy!r}; ask for another one"
        raise GatewayError(403, message, code="blocked_by_policy")
    if grant.models and not any(matches(pattern, text) for pattern in grant.models for text in wanted):
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


def _not_served(provider: Provider, operation: OperationName) -> str:
    prefix = provider.alias if provider.node else provider.id
    return (
        f"provider {prefix!r} does not serve {operation}, only {', '.join(provider.operations)}: name a model of"
        " another provider"
    )


def _excluded(snapshot: Snapshot, connection: Connection, target: Target) -> bool:
    """Its operator's patterns are about the model's id, with or without a prefix, or the last part of it."""
    prefix, model = snapshot.providers[target.provider].alias, target.model
    names = (model, f"{prefix}/{model}", model.rpartition("/")[2])
    return any(matches(pattern, name) for pattern in connection.excluded_models for name in names)


def _nobody_for(provider: Provider, model: str) -> str:
    return (
        f"no active connection for provider {provider.id!r} is for the model {model!r}: take it out of the"
        " `excludedModels` of one of them"
    )


def _no_connection(provider: Provider, model: str) -> str:
    variables = f" or set {provider.env[0]}" if provider.env else ""
    return (
        f"no active connection for provider {provider.id!r} (model {model!r}): run"
        f" `omniroute providers add {provider.id}`{variables}"
    )
