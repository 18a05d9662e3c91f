"""What a URL says about where to connect and what to ask for; everything odd about it is refused here."""

import ipaddress
import re
from typing import TypeAlias
from urllib.parse import SplitResult, unquote, urlsplit

import msgspec

_PRINTABLE = re.compile(r"[!-~]+")
_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?:\.(?!-)[a-z0-9_-]{1,63})*")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")

_TARGET_PORTS = {"http": 80, "https": 443}
_PROXY_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}


class Refused(msgspec.Struct, frozen=True):
    """Why a URL or an address is not used: one line without credentials or query."""

    reason: str


class Endpoint(msgspec.Struct, frozen=True):
    """Where a request goes. `host` is a lower-case name or a canonical address without brackets, `authority`
    is the Host header, `target` is path and query exactly as the URL has them, `origin` names the endpoint
    in messages."""

    scheme: str
    host: str
    port: int
    authority: str
    target: str
    literal: bool

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.authority}"


class ProxyEndpoint(msgspec.Struct, frozen=True):
    """A proxy: its credentials are decoded and never part of `origin`."""

    scheme: str
    host: str
    port: int
    authority: str
    literal: bool
    username: str | None
    password: str | None

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.authority}"


_Host: TypeAlias = tuple[str, bool]


def endpoint(url: str) -> Endpoint | Refused:
    """Reads the URL of a request: http or https, no user name, a valid port, a plain host. Pure."""
    split = _split(url)
    if isinstance(split, Refused):
        return split
    if split.scheme not in _TARGET_PORTS:
        return Refused(f"the scheme {split.scheme!r} is not http or https")
    if "@" in split.netloc:
        return Refused("the URL holds a user name or password; store the credential in the connection instead")
    host = _host(split)
    if isinstance(host, Refused):
        return host
    port = _port(split, _TARGET_PORTS)
    if isinstance(port, Refused):
        return port
    name, literal = host
    target = (split.path or "/") + (f"?{split.query}" if split.query else "")
    authority = _authority(name, port, _TARGET_PORTS[split.scheme])
    return Endpoint(split.scheme, name, port, authority, target, literal)


def proxy_endpoint(url: str) -> ProxyEndpoint | Refused:
    """Reads the URL of a proxy: http, https, socks5 or socks5h, with or without credentials. Pure."""
    split = _split(url)
    if isinstance(split, Refused):
        return split
    if split.scheme not in _PROXY_PORTS:
        return Refused(f"the scheme {split.scheme!r} is not http, https, socks5 or socks5h")
    host = _host(split)
    if isinstance(host, Refused):
        return host
    port = _port(split, _PROXY_PORTS)
    if isinstance(port, Refused):
        return port
    name, literal = host
    return ProxyEndpoint(
        scheme=split.scheme,
        host=name,
        port=port,
        authority=_authority(name, port, _PROXY_PORTS[split.scheme]),
        literal=literal,
        username=unquote(split.username) if split.username else None,
        password=unquote(split.password) if split.password else None,
    )


def _split(url: str) -> SplitResult | Refused:
    # urlsplit drops tabs and line breaks silently, so they are refused before it sees them.
    if not _PRINTABLE.fullmatch(url) or "\\" in url:
        return Refused("the URL holds a space, a backslash, a control or a non-ASCII character; percent-encode it")
    try:
        return urlsplit(url)
    except ValueError:
        return Refused("the URL cannot be read; write it as https://host/path")


def _port(split: SplitResult, defaults: dict[str, int]) -> int | Refused:
    try:
        port = split.port
    except ValueError:
        port = 0
    if port == 0 or split.netloc.endswith(":"):
        return Refused("the port is not a number from 1 to 65535")
    return defaults[split.scheme] if port is None else port


def _host(split: SplitResult) -> _Host | Refused:
    """The host and whether it is an address. Names that end in a number are IPv4 addresses to getaddrinfo
    (`2130706433`, `0x7f.1`, `127.1`), so only the dotted-quad form is let through."""
    try:
        host = split.hostname
    except ValueError:
        host = None
    if not host:
        return Refused("the URL has no host")
    if "[" in split.netloc:
        try:
            address = ipaddress.IPv6Address(host)
        except ValueError:
            address = None
        if address is None or address.scope_id is not None:
            return Refused("what is in brackets is not an IPv6 address without a zone")
        return address.compressed, True
    host = host.removesuffix(".")
    if len(host) > 253 or not _NAME.fullmatch(host):
        return Refused(f"the host {host[:80]!r} is not a valid name; write international names in their xn-- form")
    if _NUMBER.fullmatch(host.rpartition(".")[2]):
        try:
            return str(ipaddress.IPv4Address(host)), True
        except ValueError:
            return Refused(f"the host {host[:80]!r} is not a dotted IPv4 address")
    return host, False


def _authority(host: str, port: int, default: int) -> str:
    shown = f"[{host}]" if ":" in host else host
    return shown if port == default else f"{shown}:{port}"
