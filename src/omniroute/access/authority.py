"""Reading the names by which a request says where it is going and where it comes from."""

import ipaddress
from collections.abc import Iterable
from typing import TypeAlias
from urllib.parse import urlsplit

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address


def host_name(authority: str) -> str | None:
    """The name in a Host header: lower case, without port, brackets or final dot; None when malformed."""
    text = authority.strip().lower()
    if text.startswith("["):
        name, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not _is_port(rest)) or address(name) is None:
            return None
        return name
    name, colon, port = text.partition(":")
    if colon and not _is_port(":" + port):
        return None
    name = name.removesuffix(".")
    if not name or not all(letter.isalnum() or letter in "-._" for letter in name):
        return None
    return name


def address(text: str | None) -> Address | None:
    """An IP address as written, IPv4 inside IPv6 unwrapped; None for anything else."""
    if text is None:
        return None
    try:
        parsed = ipaddress.ip_address(text.strip().removeprefix("[").removesuffix("]"))
    except ValueError:
        return None
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        return parsed.ipv4_mapped
    return parsed


def is_loopback(text: str | None) -> bool:
    """Whether an address, or a name to bind to, can only be reached from this machine."""
    if text is not None and text.strip().lower() == "localhost":
        return True
    found = address(text)
    return found is not None and found.is_loopback


def networks(ranges: Iterable[str]) -> tuple[Network, ...]:
    """Networks in CIDR notation or single addresses. Raises ValueError naming the one that is neither."""
    return tuple(ipaddress.ip_network(text.strip(), strict=False) for text in ranges)


def origin(url: str) -> str | None:
    """The origin of an http(s) URL as a browser would send it: lower case, default port left out."""
    try:
        parts = urlsplit(url.strip().lower())
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        return None
    name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    default = 443 if parts.scheme == "https" else 80
    return f"{parts.scheme}://{name}" + ("" if port in (None, default) else f":{port}")


def _is_port(text: str) -> bool:
    return text[0] == ":" and (len(text) == 1 or (text[1:].isascii() and text[1:].isdigit()))
