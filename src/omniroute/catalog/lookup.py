"""The providers that are known, and what a prefix stands for."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Final, TypeAlias

import msgspec

from omniroute.catalog.provider import Provider, Verified

VERIFIED: Final[tuple[Verified, ...]] = ("live", "document", "two sources")
"""The levels of verification that count as verified in what we claim."""

_UNVERIFIED: Final = "its address is not verified; set catalog.unverified = true to use it all the same"


class Refused(msgspec.Struct, frozen=True):
    """An id that is known and not offered. `reason` completes "provider X is not offered: ..."."""

    id: str
    reason: str


class Tables(msgspec.Struct, frozen=True, kw_only=True):
    """What is known about providers beside their rows.

    `aliases` are reserved prefixes (prefix to provider id), `refused` maps an id to the reason, `env` says which
    of several rows gets a variable, `families` maps globs of bare model names to the vendor's provider id ("":
    nobody's).
    """

    aliases: Mapping[str, str] = {}
    refused: Mapping[str, str] = {}
    env: Mapping[str, str] = {}
    families: Mapping[str, str] = {}


Resolved: TypeAlias = Provider | Refused | None


class Catalog(msgspec.Struct, frozen=True, kw_only=True):
    """Rows by id and by every prefix that means them. Prefixes are case-sensitive.

    Made by `catalog`; `hidden` holds the rows that are not served.
    """

    providers: Mapping[str, Provider]
    prefixes: Mapping[str, Provider]
    hidden: Mapping[str, Provider]
    tables: Tables

    def served(self, unverified: bool) -> "Catalog":
        """The catalog of what may be used: rows that are on by default, and with `unverified` all of them. A row
        that is left out is refused, with the setting that would bring it in."""
        rows = [*self.providers.values(), *self.hidden.values()]
        hidden = [] if unverified else [row for row in rows if not row.default]
        return catalog([row for row in rows if unverified or row.default], self.tables, hidden=hidden)

    def resolve(self, prefix: str) -> Resolved:
        """What `prefix` stands for: an id, an alias, a reserved alias, then the ids that are not offered."""
        provider = self.prefixes.get(prefix)
        if provider is not None:
            return provider
        hidden = self.hidden.get(self.tables.aliases.get(prefix, prefix)) or self._hidden_alias(prefix)
        if hidden is not None:
            return Refused(hidden.id, _UNVERIFIED)
        if prefix in self.tables.aliases:
            return None
        reason = self.tables.refused.get(prefix)
        return Refused(prefix, reason) if reason is not None else None

    def refusal(self, prefix: str) -> str | None:
        """Why `prefix` is not offered, or None when it is offered or unknown."""
        found = self.resolve(prefix)
        return found.reason if isinstance(found, Refused) else None

    def near(self, prefix: str, limit: int = 3) -> tuple[str, ...]:
        """Prefixes that look like `prefix`, the nearest first."""
        return tuple(get_close_matches(prefix, self.prefixes, n=limit))

    def armed(self, environ: Mapping[str, str]) -> tuple[tuple[Provider, str], ...]:
        """The providers whose key is in `environ`, each with its variable. A row whose address needs parameters is
        left out: a key alone does not make it usable."""
        found: list[tuple[Provider, str]] = []
        for provider in self.providers.values():
            if "{" in provider.base_url:
                continue
            for variable in provider.env:
                if self.tables.env.get(variable, provider.id) == provider.id and environ.get(variable, "").strip():
                    found.append((provider, variable))
                    break
        return tuple(found)

    def _hidden_alias(self, prefix: str) -> Provider | None:
        return next((row for row in self.hidden.values() if row.alias == prefix), None)


def catalog(rows: Iterable[Provider], tables: Tables, *, hidden: Iterable[Provider] = ()) -> Catalog:
    """A catalog of `rows`. An id wins over an alias, an alias over a reserved one; `check` reports clashes."""
    providers = {row.id: row for row in rows}
    reserved = {alias: providers[to] for alias, to in tables.aliases.items() if to in providers}
    aliases = {row.alias: row for row in providers.values()}
    return Catalog(
        providers=providers,
        prefixes={**reserved, **aliases, **providers},
        hidden={row.id: row for row in hidden},
        tables=tables,
    )


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """What may be claimed about a catalog; the built-in demo is not counted."""

    served: int
    verified: int
    local: int
    optional: int
    """Rows that need `catalog.unverified`."""


def counts(known: Catalog) -> Counts:
    """The numbers of what is served by default."""
    rows = [row for row in (*known.providers.values(), *known.hidden.values()) if row.id != "demo"]
    served = [row for row in rows if row.default]
    return Counts(
        served=len(served),
        verified=sum(row.verified in VERIFIED for row in served),
        local=sum(row.local for row in served),
        optional=len(rows) - len(served),
    )
