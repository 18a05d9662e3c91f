"""The right to use one connection: where requests go and what they carry there.

A lease is made from a provider's row and a connection's credential, and from nothing else: a credential can only
ever reach the host of its own provider.
"""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

import msgspec

from omniroute.accounts.cloud_keys import aws_keys, google_key
from omniroute.accounts.connection import Connection
from omniroute.accounts.signing import Signer
from omniroute.catalog.provider import PARAMETER, Operation, Provider
from omniroute.errors import GatewayError

_PARAMETER_VALUE: Final = re.compile(r"[A-Za-z0-9._\-]{1,200}")


class Lease(msgspec.Struct, frozen=True, kw_only=True):
    """`base_url` has no trailing slash; `query` is appended to every URL (providers that want the key there).

    A `signer` proves each request anew; without one the headers and the query hold all that is needed.
    """

    base_url: str
    headers: tuple[tuple[str, str], ...]
    query: str = ""
    private: bool = False
    signer: Signer | None = None

    def url(self, path: str, query: str = "") -> str:
        """The address of `path` (which starts with a slash and may end in a query of its own)."""
        if not query and not self.query:
            return self.base_url + path
        plain, _, own = path.partition("?")
        every = "&".join(part for part in (own, query, self.query) if part)
        return f"{self.base_url}{plain}?{every}"


def lease(provider: Provider, connection: Connection, operation: Operation | None = None) -> Lease:
    """`operation` matters where it lives elsewhere than the provider's others; a connection's own address wins.

    Raises `GatewayError` (400 `no_credentials`) when the connection lacks what its provider demands."""
    headers = {name.lower(): value for name, value in provider.headers.items()}
    query = "&".join(
        f"{name}={quote(_filled(value, provider, connection), safe='')}" for name, value in provider.query.items()
    )
    implied: dict[str, str] = {}
    signer: Signer | None = None
    if connection.secret is not None:
        value = provider.auth.prefix + connection.secret.value
        match provider.auth.kind:
            case "bearer":
                headers["authorization"] = f"Bearer {value}"
            case "header":
                headers[(provider.auth.name or "authorization").lower()] = value
            case "query":
                credential = f"{provider.auth.name or 'key'}={quote(value, safe='')}"
                query = f"{query}&{credential}" if query else credential
            case "none":
                pass
            case "aws":
                region = _parameter("region", provider, connection)
                try:
                    signer = aws_keys(value, region=region, service=provider.auth.name or "")
                except ValueError as error:
                    raise _unusable(provider, connection, str(error)) from None
            case "google":
                try:
                    key = google_key(value, token_url=provider.auth.token_url or "")
                except ValueError as error:
                    raise _unusable(provider, connection, str(error)) from None
                if key is not None:
                    signer = key.credential
                    implied = {"project": key.project} if key.project else {}
        if provider.auth.kind in ("aws", "google") and signer is None:
            headers["authorization"] = f"Bearer {value}"
    elif provider.auth.kind != "none" and not provider.auth.optional:
        raise GatewayError(
            400,
            f"connection {connection.name!r} of provider {provider.id!r} has no readable key: set it again with"
            f" `omniroute providers add {provider.id}`",
            code="no_credentials",
        )
    elsewhere = None if operation is None else operation.base_url
    address = connection.base_url or elsewhere or _address(provider, connection)
    return Lease(
        base_url=_filled(address, provider, connection, implied).rstrip("/"),
        headers=tuple(headers.items()),
        query=query,
        private=provider.local,
        signer=signer,
    )


def _address(provider: Provider, connection: Connection) -> str:
    """The row's address for the parameters that the connection gives."""
    for name, addresses in provider.base_url_when.items():
        given = connection.parameters.get(name, provider.parameters.get(name))
        if isinstance(given, str) and given in addresses:
            return addresses[given]
    return provider.base_url


_NONE: Final[Mapping[str, str]] = {}


def _filled(template: str, provider: Provider, connection: Connection, implied: Mapping[str, str] = _NONE) -> str:
    return PARAMETER.sub(lambda found: _parameter(found.group(1), provider, connection, implied), template)


def _parameter(name: str, provider: Provider, connection: Connection, implied: Mapping[str, str] = _NONE) -> str:
    """What the connection says, else what its credential implies, else what the row has for everybody."""
    given = connection.parameters.get(name) or implied.get(name) or provider.parameters.get(name)
    if not isinstance(given, str) or not _PARAMETER_VALUE.fullmatch(given):
        raise GatewayError(
            400,
            f"provider {provider.id!r} needs the parameter {name!r} on connection"
            f" {connection.name!r}: letters, digits, dots, dashes and underscores",
            code="missing_parameter",
        )
    return given


def _unusable(provider: Provider, connection: Connection, why: str) -> GatewayError:
    return GatewayError(
        400,
        f"the key of connection {connection.name!r} of provider {provider.id!r} cannot be used: {why}; set it"
        f" again with `omniroute providers add {provider.id}`",
        code="no_credentials",
    )
