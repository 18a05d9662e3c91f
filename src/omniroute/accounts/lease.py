"""The right to use one connection: where requests go and what they carry there.

A lease is made from a provider's row and a connection's credential, and from nothing else: a credential can only
ever reach the host of its own provider.
"""

import re
from typing import Final
from urllib.parse import quote

import msgspec

from omniroute.accounts.connection import Connection
from omniroute.catalog.provider import Provider
from omniroute.errors import GatewayError

_PARAMETER: Final = re.compile(r"\{([a-z_]+)\}")
_PARAMETER_VALUE: Final = re.compile(r"[A-Za-z0-9._\-]{1,200}")


class Lease(msgspec.Struct, frozen=True, kw_only=True):
    """`base_url` has no trailing slash; `query` is appended to every URL (providers that want the key there)."""

    base_url: str
    headers: tuple[tuple[str, str], ...]
    query: str = ""
    private: bool = False

    def url(self, path: str, query: str = "") -> str:
        """The address of `path` (which starts with a slash)."""
        both = "&".join(part for part in (query, self.query) if part)
        return f"{self.base_url}{path}?{both}" if both else f"{self.base_url}{path}"


def lease(provider: Provider, connection: Connection) -> Lease:
    """Raises `GatewayError` (400 `no_credentials`) when the connection lacks what its provider demands."""
    headers = {name.lower(): value for name, value in provider.headers.items()}
    query = ""
    if connection.secret is not None:
        value = provider.auth.prefix + connection.secret.value
        match provider.auth.kind:
            case "bearer":
                headers["authorization"] = f"Bearer {value}"
            case "header":
                headers[(provider.auth.name or "authorization").lower()] = value
            case "query":
                query = f"{provider.auth.name or 'key'}={quote(value, safe='')}"
            case "none":
                pass
    elif provider.auth.kind != "none" and not provider.auth.optional:
        raise GatewayError(
            400,
            f"connection {connection.name!r} of provider {provider.id!r} has no readable key: set it again with"
            f" `omniroute providers add {provider.id}`",
            code="no_credentials",
        )
    return Lease(
        base_url=_filled(connection.base_url or provider.base_url, provider, connection).rstrip("/"),
        headers=tuple(headers.items()),
        query=query,
        private=provider.local,
    )


def _filled(template: str, provider: Provider, connection: Connection) -> str:
    def value(found: re.Match[str]) -> str:
        given = connection.parameters.get(found.group(1))
        if not isinstance(given, str) or not _PARAMETER_VALUE.fullmatch(given):
            raise GatewayError(
                400,
                f"provider {provider.id!r} needs the parameter {found.group(1)!r} on connection"
                f" {connection.name!r}: letters, digits, dots, dashes and underscores",
                code="missing_parameter",
            )
        return given

    return _PARAMETER.sub(value, template)
