"""Which addresses may be connected to: names are resolved once, every address is checked, the checked one is used.

A name is never handed to anything that would resolve it again, so an answer that changes between the check
and the connection (DNS rebinding) changes nothing.
"""

import asyncio
import ipaddress
import socket
from collections import OrderedDict
from functools import lru_cache
from typing import Protocol, TypeAlias

import msgspec

from omniroute.clock import Clock
from omniroute.errors import UpstreamError, UpstreamErrorKind
from omniroute.upstream.endpoint import Endpoint, ProxyEndpoint, Refused

_Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

# Refused even when private addresses are allowed. The cloud entries are the metadata services of AWS
# (169.254.169.254, fd00:ec2::254), Google (fd20:ce::254), Oracle (192.0.0.192), Alibaba (100.100.100.200)
# and Azure (168.63.129.16), which hand credentials to whoever can reach them.
_NEVER: tuple[tuple[_Network, str], ...] = tuple(
    (ipaddress.ip_network(network), why)
    for network, why in (
        ("0.0.0.0/8", "unspecified"),
        ("100.64.0.0/10", "shared address space"),
        ("168.63.129.16/32", "cloud metadata"),
        ("169.254.0.0/16", "link-local or cloud metadata"),
        ("192.0.0.0/24", "reserved for protocols"),
        ("192.0.2.0/24", "documentation"),
        ("192.88.99.0/24", "6to4 relay"),
        ("198.18.0.0/15", "benchmarking"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
        ("::/128", "unspecified"),
        ("fe80::/10", "link-local"),
        ("fec0::/10", "site-local"),
        ("ff00::/8", "multicast"),
        ("fd00:ec2::254/128", "cloud metadata"),
        ("fd20:ce::254/128", "cloud metadata"),
    )
)
_PRIVATE: tuple[tuple[_Network, str], ...] = tuple(
    (ipaddress.ip_network(network), why)
    for network, why in (
        ("127.0.0.0/8", "loopback"),
        ("10.0.0.0/8", "private"),
        ("172.16.0.0/12", "private"),
        ("192.168.0.0/16", "private"),
        ("::1/128", "loopback"),
        ("fc00::/7", "private"),
    )
)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")


class Allowed(msgspec.Struct, frozen=True):
    """The address may be connected to; `address` is its canonical form."""

    address: str


@lru_cache(maxsize=1024)
def verdict(address: str, *, private: bool) -> Allowed | Refused:
    """Whether a numeric address may be connected to. `private` also allows loopback, RFC 1918 and ULA. Pure."""
    try:
        written = ipaddress.ip_address(address)
    except ValueError:
        return Refused("not an IP address")
    effective = _embedded(written)
    if isinstance(effective, Refused):
        return effective
    for network, why in _NEVER:
        if effective in network:
            return Refused(why)
    for network, why in _PRIVATE:
        if effective in network:
            return Allowed(str(written)) if private else Refused(why)
    if not effective.is_global or (effective.version == 6 and effective not in _GLOBAL_UNICAST):
        return Refused("not a public address")
    return Allowed(str(written))


def _embedded(address: _Address) -> _Address | Refused:
    """The IPv4 address that an IPv6 one stands for, where there is one."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.scope_id is not None:
        return Refused("an address with a zone")
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    if address.sixtofour is not None or address.teredo is not None:
        return Refused("a tunnel address")
    return address


class Lookup(Protocol):
    """Resolves a name to numeric addresses, best first. Raises `OSError` when there is none."""

    async def __call__(self, host: str) -> tuple[str, ...]: ...


async def system_lookup(host: str) -> tuple[str, ...]:
    """The operating system's resolver."""
    found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


# The addresses, or why there are none, or None when the lookup was cancelled.
_Answer: TypeAlias = tuple[str, ...] | str | None


class Guard:
    """Resolves, checks and pins. Lookups are remembered for `ttl_s` seconds, at most `size` of them."""

    def __init__(
        self, clock: Clock, lookup: Lookup = system_lookup, *, ttl_s: float = 60.0, size: int = 1024
    ) -> None:
        self._clock = clock
        self._lookup = lookup
        self._ttl_s = ttl_s
        self._size = size
        self._known: OrderedDict[str, tuple[float, tuple[str, ...]]] = OrderedDict()
        self._pending: dict[str, asyncio.Future[_Answer]] = {}

    async def addresses(self, endpoint: Endpoint | ProxyEndpoint, *, private: bool) -> tuple[str, ...]:
        """The addresses to connect to, best first. Raises `UpstreamError`: `blocked` when any address of the
        host is refused, `connect` (for a proxy: `proxy`) when the name does not resolve."""
        if endpoint.literal:
            self.check_literal(endpoint, private=private)
            return (endpoint.host,)
        checked: list[str] = []
        for address in await self._resolve(endpoint):
            match verdict(address, private=private):
                case Allowed(allowed):
                    checked.append(allowed)
                case Refused(reason):
                    raise _blocked(endpoint, f"it resolves to {address} ({reason})")
        return tuple(checked)

    def check_literal(self, endpoint: Endpoint | ProxyEndpoint, *, private: bool) -> None:
        """Checks as much of a host as can be checked without DNS: for requests whose proxy does the resolving.
        Raises `UpstreamError` `blocked`."""
        if endpoint.literal:
            answer = verdict(endpoint.host, private=private)
            if isinstance(answer, Refused):
                raise _blocked(endpoint, answer.reason)
        elif not private and (endpoint.host == "localhost" or endpoint.host.endswith(".localhost")):
            raise _blocked(endpoint, "loopback")  # RFC 6761: these names are loopback wherever they are resolved

    async def _resolve(self, endpoint: Endpoint | ProxyEndpoint) -> tuple[str, ...]:
        host = endpoint.host
        while True:
            known = self._known.get(host)
            if known is not None and self._clock.monotonic() < known[0]:
                return known[1]
            pending = self._pending.get(host)
            answer = await self._lead(host) if pending is None else await asyncio.shield(pending)
            if isinstance(answer, tuple):
                return answer
            if isinstance(answer, str):
                kind: UpstreamErrorKind = "proxy" if isinstance(endpoint, ProxyEndpoint) else "connect"
                raise UpstreamError(kind, f"cannot resolve {host!r}: {answer}")
            # Whoever did the lookup was cancelled: the next caller does it.

    async def _lead(self, host: str) -> "_Answer":
        """One lookup on behalf of everybody who asks for the name meanwhile."""
        pending = self._pending[host] = asyncio.get_running_loop().create_future()
        answer: _Answer = None
        try:
            answer = await self._lookup(host) or "it has no address"
        except OSError as error:
            answer = error.strerror or "the resolver failed"
        except UnicodeError:
            answer = "it is not a valid name"
        finally:
            del self._pending[host]
            pending.set_result(answer)
        if isinstance(answer, tuple):
            self._known[host] = (self._clock.monotonic() + self._ttl_s, answer)
            if len(self._known) > self._size:
                self._known.popitem(last=False)
        return answer


def _blocked(endpoint: Endpoint | ProxyEndpoint, reason: str) -> UpstreamError:
    hint = "only a local provider or a node may use private addresses, and never link-local or metadata ones"
    return UpstreamError("blocked", f"{endpoint.host!r} is not connected to: {reason}; {hint}")
