"""Admin sessions: a random cookie, of which only an HMAC is stored. Sliding, and void after a password change."""

import base64
import hmac
from typing import Final

import msgspec
from sqlalchemy import Connection

from omniroute.storage.repos import meta
from omniroute.storage.repos import sessions as repo

COOKIE: Final = "auth_token"
LIFETIME_S: Final = 30 * 24 * 3600
RENEW_BELOW_S: Final = 7 * 24 * 3600
"""A session with less than this left gets a whole lifetime again when it is used."""

_LIFETIME_MS: Final = LIFETIME_S * 1000


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A session that is valid now. `renewable` means that little of it is left."""

    digest: bytes
    renewable: bool


def token(random: bytes) -> str:
    """The cookie's value, made of 32 random bytes."""
    if len(random) != 32:
        raise ValueError(f"a session token is made of 32 random bytes, not {len(random)}")
    return base64.urlsafe_b64encode(random).rstrip(b"=").decode()


def digest(secret: bytes, cookie: str) -> bytes:
    """What is stored of a cookie."""
    return hmac.digest(secret, cookie.encode(), "sha256")


def opened(connection: Connection, stored: bytes, *, now: int, password_version: int) -> None:
    """Stores a new session and forgets expired ones. `now` is unix ms."""
    repo.remove_expired(connection, at=now)
    repo.add(
        connection,
        repo.SessionRow(
            digest=stored,
            created_at=now,
            last_seen_at=now,
            expires_at=now + _LIFETIME_MS,
            password_version=password_version,
        ),
    )


def valid(connection: Connection, stored: bytes, *, now: int) -> Session | None:
    """The session, unless it is unknown, expired, or from before the last change of the password."""
    row = repo.get(connection, stored)
    if row is None or row.expires_at <= now:
        return None
    password = meta.password(connection)
    if password is None or password.version != row.password_version:
        return None
    return Session(digest=stored, renewable=row.expires_at - now < RENEW_BELOW_S * 1000)


def renewed(connection: Connection, stored: bytes, *, now: int) -> bool:
    """Gives a session a whole lifetime again; False when it is gone."""
    return repo.renew(connection, stored, last_seen_at=now, expires_at=now + _LIFETIME_MS)
