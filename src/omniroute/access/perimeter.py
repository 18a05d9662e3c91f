"""Who is let in without asking the database: the rules on peer, Host, Origin and key.

Three things may be claimed by anybody and are therefore never trusted on their own: Host, Origin and
X-Forwarded-For. They can only take something away. What gives access is a key, or a connection that the
kernel says comes from this machine and that no browser page or proxy can have made on another's behalf.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Final

import msgspec

from omniroute.access.authority import Network, address, host_name, is_loopback, networks, origin
from omniroute.access.grant import LOCAL_GRANT, Grant


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Why a request goes no further. `message` is safe to show and says what to do."""

    status: int
    code: str
    message: str


KEY_REQUIRED: Final = Refusal(
    status=401,
    code="api_key_required",
    message="An API key is required here: send it as `Authorization: Bearer sk-omni-...`.",
)
WRONG_KEY: Final = Refusal(
    status=401,
    code="invalid_api_key",
    message="The API key is not valid. Create one with `omniroute keys create`.",
)
MISDIRECTED: Final = Refusal(
    status=421,
    code="misdirected_request",
    message="This Host is not served here. Add it to `server.allowed_hosts` if it should be.",
)
INACTIVE_KEY: Final = Refusal(status=403, code="api_key_inactive", message="This API key is switched off.")
BANNED_KEY: Final = Refusal(status=403, code="api_key_banned", message="This API key is banned.")
EXPIRED_KEY: Final = Refusal(status=403, code="api_key_expired", message="This API key has expired.")
RESTING_KEY: Final = Refusal(
    status=403, code="outside_schedule", message="This API key may not be used now: its schedule forbids it"
)

_PLAIN_LOOPBACK: Final = frozenset({"127.0.0.1", "::1"})
_LOOPBACK_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_OWN_SITES: Final = frozenset({"none", "same-origin"})


class Perimeter(msgspec.Struct, frozen=True, kw_only=True):
    """The rules of one running server, prepared so that a request costs a few look-ups.

    `names` are Host names that are served beside IP literals and `localhost`; `loopback_authorities` are the
    Host values, port included, that local clients normally send.
    """

    key_required: bool
    names: frozenset[str]
    loopback_authorities: frozenset[str]
    own_origins: frozenset[str]
    proxies: tuple[Network, ...]

    def refusal_of_host(self, headers: Mapping[str, str]) -> Refusal | None:
        """421 for a Host that is not ours. No Host at all names nothing foreign and passes."""
        host = headers.get("host")
        if host is None or host in self.loopback_authorities:
            return None
        name = host_name(host)
        if name is None:
            return MISDIRECTED
        served = (
            name in self.names or name == "localhost" or name.endswith(".localhost") or address(name) is not None
        )
        return None if served else MISDIRECTED

    def admit(
        self,
        headers: Mapping[str, str],
        *,
        peer: str | None,
        key: str | None,
        find: Callable[[str], Grant | None],
        now: float,
    ) -> Grant | Refusal:
        """What a request to the client plane may do, or why it may not.

        `headers` have lower-case names, `peer` is the socket's peer address, `key` comes from
        `credentials.presented`, `find` answers for a key in the current snapshot, `now` is unix seconds.
        """
        refused = self.refusal_of_host(headers)
        if refused is not None:
            return refused
        if key is not None:
            grant = find(key)
            return WRONG_KEY if grant is None else (standing(grant, now) or grant)
        if self.key_required or not self.is_local(headers, peer=peer):
            return KEY_REQUIRED
        return LOCAL_GRANT

    def is_local(self, headers: Mapping[str, str], *, peer: str | None) -> bool:
        """Whether a program of this machine sent the request itself, for itself."""
        if peer not in _PLAIN_LOOPBACK and not is_loopback_address(peer):
            return False
        host = headers.get("host")
        if host is None:
            return False
        if host not in self.loopback_authorities and host_name(host) not in _LOOPBACK_NAMES:
            return False
        site = headers.get("sec-fetch-site")
        if site is not None and site.strip().lower() not in _OWN_SITES:
            return False
        sent_origin = headers.get("origin")
        if sent_origin is not None and not _same_origin(sent_origin, host):
            return False
        return _only_loopback_behind(headers)

    def is_own_origin(self, headers: Mapping[str, str]) -> bool:
        """Whether a page that sent this Origin was served by us. An absent Origin says nothing: True."""
        sent = headers.get("origin")
        if sent is None:
            return True
        host = headers.get("host")
        return sent.strip().lower() in self.own_origins or (host is not None and _same_origin(sent, host))

    def client_address(self, headers: Mapping[str, str], *, peer: str | None) -> str:
        """The address to hold responsible: the socket's peer, or what trusted proxies say stood before them."""
        found = peer or "unknown"
        if not self.proxies:
            return found
        forwarded = headers.get("x-forwarded-for")
        hops = [hop.strip() for hop in forwarded.split(",")] if forwarded else []
        while hops and self.trusts(found):
            parsed = address(hops.pop())
            if parsed is None:
                return found
            found = str(parsed)
        return found

    def is_on_this_machine(self, headers: Mapping[str, str], *, peer: str | None) -> bool:
        """Whether the kernel and every proxy that speaks up say that the request began on this machine. For
        callers that also know a secret of it; whether a browser page made them do it is not asked."""
        return is_loopback_address(peer) and _only_loopback_behind(headers)

    def trusts(self, peer: str | None) -> bool:
        """Whether a peer is one of the trusted proxies."""
        parsed = address(peer)
        return parsed is not None and any(parsed in network for network in self.proxies)


def perimeter(
    *,
    bind: str,
    port: int,
    require_api_key: bool,
    machine_name: str = "",
    public_base_url: str | None = None,
    allowed_hosts: Iterable[str] = (),
    trusted_proxies: Iterable[str] = (),
) -> Perimeter:
    """Prepares the rules. A bind beyond loopback implies that a key is required.

    Raises ValueError naming the entry of `allowed_hosts`, `trusted_proxies` or the public URL that cannot be read.
    """
    names = {name for name in (machine_name.lower().removesuffix("."),) if name}
    own = origin(public_base_url) if public_base_url else None
    if public_base_url:
        if own is None:
            raise ValueError(f"the public base URL {public_base_url!r} is not an http(s) URL")
        names.add(host_name(own.partition("://")[2]) or "")
    for entry in allowed_hosts:
        name = host_name(entry)
        if name is None:
            raise ValueError(f"the allowed host {entry!r} is not a host name")
        names.add(name)
    authorities = frozenset(
        f"{name}{suffix}" for name in ("localhost", "127.0.0.1", "[::1]") for suffix in ("", f":{port}")
    )
    return Perimeter(
        key_required=require_api_key or not is_loopback(bind),
        names=frozenset(names),
        loopback_authorities=authorities,
        own_origins=frozenset((own,)) if own else frozenset(),
        proxies=networks(trusted_proxies),
    )


def standing(grant: Grant, now: float) -> Refusal | None:
    """Why a key that exists may not be used at `now` (unix seconds), if so."""
    if not grant.active:
        return INACTIVE_KEY
    if grant.banned:
        return BANNED_KEY
    if grant.expires_at is not None and grant.expires_at <= now:
        return EXPIRED_KEY
    if grant.schedule is not None and not grant.schedule.allows(now):
        return _resting(grant.schedule.opens_at(now))
    return None


def _resting(opens_at: float | None) -> Refusal:
    until = "." if opens_at is None else f" until {datetime.fromtimestamp(opens_at, UTC):%Y-%m-%dT%H:%MZ}."
    return msgspec.structs.replace(RESTING_KEY, message=RESTING_KEY.message + until)


def is_loopback_address(peer: str | None) -> bool:
    """Whether the kernel says that the connection comes from this machine; a name is not an address."""
    found = address(peer)
    return found is not None and found.is_loopback


def _same_origin(sent: str, host: str) -> bool:
    found = origin(sent)
    return found is not None and found in (origin(f"http://{host}"), origin(f"https://{host}"))


def _only_loopback_behind(headers: Mapping[str, str]) -> bool:
    """A proxy on this machine makes the whole world look local; what it adds to a request gives it away."""
    if "forwarded" in headers:
        return False
    for name in ("x-forwarded-for", "x-real-ip"):
        chain = headers.get(name)
        if chain is not None and not all(is_loopback_address(hop) for hop in chain.split(",")):
            return False
    return True
