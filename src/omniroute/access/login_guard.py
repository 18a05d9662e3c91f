"""Slows down whoever guesses passwords: five wrong ones lock an address out for fifteen minutes. Pure.

An attempt is counted before the password is looked at and forgiven when it was right, so that attempts made at the
same moment cannot slip through together.
"""

import ipaddress
from typing import Final

from omniroute.storage.repos.sessions import FailureRow

FAILURES: Final = 5
WINDOW_MS: Final = 15 * 60 * 1000
REMEMBERED_PEERS: Final = 10_000


def locked_for_s(row: FailureRow | None, now: int) -> int | None:
    """Whole seconds until the address may try again; None when it may try now. `now` is unix ms."""
    if row is None or row.locked_until is None or row.locked_until <= now:
        return None
    return -(-(row.locked_until - now) // 1000)


def counted(row: FailureRow | None, peer: str, now: int) -> FailureRow:
    """The row after one more attempt that has not proved right. Failures older than the window do not count."""
    stale = row is None or row.updated_at + WINDOW_MS <= now or row.locked_until is not None
    count = 1 if stale or row is None else row.count + 1
    return FailureRow(
        peer=peer, count=count, locked_until=now + WINDOW_MS if count >= FAILURES else None, updated_at=now
    )


def peer_of(address: str) -> str:
    """What failures are counted by: the address, or for IPv6 its /64, which one attacker has whole."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
