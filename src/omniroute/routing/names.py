"""From the model name a client wrote to a model at a provider. Pure; never sends anything somewhere silently.

A name is `prefix/model` (a provider's id or alias, or a node's prefix) or a bare model id. Facts about the rules:
`docs/explanation/names.md`.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from difflib import get_close_matches
from typing import Protocol, TypeAlias

import msgspec

from omniroute.catalog.provider import Provider


class Destination(msgspec.Struct, frozen=True, kw_only=True):
    provider: Provider
    model: str


class UnknownModel(msgspec.Struct, frozen=True, kw_only=True):
    """`message` says what is unknown; `near` are names that the caller may have meant."""

    message: str
    near: tuple[str, ...] = ()


class AmbiguousModel(msgspec.Struct, frozen=True, kw_only=True):
    """Several connected providers know the bare name."""

    choices: tuple[str, ...]


class NotOffered(msgspec.Struct, frozen=True, kw_only=True):
    """A provider that is refused on purpose."""

    prefix: str
    reason: str


class Mismatch(msgspec.Struct, frozen=True, kw_only=True):
    """A model with another provider's prefix on a provider's own route."""

    expected: str


Resolution: TypeAlias = Destination | UnknownModel | AmbiguousModel | NotOffered | Mismatch


class KnownModels(Protocol):
    """What the model table must answer; `catalog.models.ModelTable` does."""

    def known(self, provider: str) -> Collection[str]: ...

    def providers_of(self, model: str) -> Collection[str]: ...

    def family(self, model: str) -> str | None:
        """The provider id of the vendor whose family a bare name belongs to (`claude-*`), known model or not."""
        ...


class Names:
    """The names of one snapshot. `providers` is keyed by id, alias and prefix; `connected` holds the ids of the
    providers that have an active connection (or need none); `refused` says why a prefix is not offered. `own` are
    the operator's names, which are resolved elsewhere and only suggested here."""

    def __init__(
        self,
        providers: Mapping[str, Provider],
        connected: Collection[str],
        models: KnownModels,
        refused: Callable[[str], str | None],
        own: Iterable[str] = (),
    ) -> None:
        self._providers = providers
        self._connected = connected
        self._models = models
        self._refused = refused
        self._own = tuple(own)

    def resolve(self, name: str) -> Resolution:
        """Where `name` goes."""
        prefix, slash, rest = name.partition("/")
        if not slash or not rest:
            return self._bare(name)
        provider = self._providers.get(prefix)
        owners = self._connected_owners(name)
        if provider is not None and provider.id in self._connected:
            known = self._models.known(provider.id)
            if not owners or not known or rest in known:
                return Destination(provider=provider, model=rest)
        if len(owners) == 1:
            return Destination(provider=self._providers[owners[0]], model=name)
        if provider is not None:
            return Destination(provider=provider, model=rest)
        if owners:
            return AmbiguousModel(choices=tuple(f"{self._prefix(owner)}/{name}" for owner in owners))
        reason = self._refused(prefix)
        if reason is not None:
            return NotOffered(prefix=prefix, reason=reason)
        return UnknownModel(message=f"no provider {prefix!r}, so no model {name!r}", near=self._near(name))

    def resolve_at(self, prefix: str, name: str) -> Resolution:
        """Where `name` goes on the route of the provider `prefix`, whose own prefix is added when missing."""
        provider = self._providers.get(prefix)
        if provider is None:
            reason = self._refused(prefix)
            if reason is not None:
                return NotOffered(prefix=prefix, reason=reason)
            return UnknownModel(
                message=f"no provider {prefix!r}",
                near=tuple(get_close_matches(prefix, self._providers, n=3)),
            )
        head, slash, rest = name.partition("/")
        if not slash or name in self._models.known(provider.id):
            return Destination(provider=provider, model=name)
        if head in (provider.id, provider.alias, prefix):
            return Destination(provider=provider, model=rest)
        if head in self._providers and not provider.node:
            return Mismatch(expected=provider.alias)
        return Destination(provider=provider, model=name)

    def _bare(self, name: str) -> Resolution:
        owners = self._connected_owners(name)
        if len(owners) == 1:
            return Destination(provider=self._providers[owners[0]], model=name)
        family = self._models.family(name)
        if family is not None and family in self._connected and family in self._providers:
            return Destination(provider=self._providers[family], model=name)
        if owners:
            return AmbiguousModel(choices=tuple(f"{self._prefix(owner)}/{name}" for owner in owners))
        elsewhere = sorted(owner for owner in self._models.providers_of(name) if owner in self._providers)
        if elsewhere:
            owner = family if family is not None and family in elsewhere else elsewhere[0]
            return Destination(provider=self._providers[owner], model=name)
        return UnknownModel(message=f"no model {name!r}", near=self._near(name))

    def _connected_owners(self, model: str) -> list[str]:
        return sorted(
            owner
            for owner in self._models.providers_of(model)
            if owner in self._connected and owner in self._providers
        )

    def _prefix(self, provider_id: str) -> str:
        return self._providers[provider_id].alias

    def _near(self, name: str) -> tuple[str, ...]:
        return tuple(get_close_matches(name, dict.fromkeys(self._listed()), n=3, cutoff=0.6))

    def _listed(self) -> Iterable[str]:
        yield from self._own
        for provider_id in self._connected:
            for model in self._models.known(provider_id):
                yield f"{provider_id}/{model}"
                yield model
