"""The one administrator: the first password, logging in and out, and changing the password."""

import hmac
import threading
from collections.abc import Callable
from typing import Final, TypeAlias

import msgspec
from sqlalchemy import Connection

from omniroute.access import login_guard, passwords, sessions
from omniroute.access.actor import Actor, record
from omniroute.access.setup import SetupTokens
from omniroute.clock import Clock
from omniroute.errors import GatewayError
from omniroute.storage.database import Database
from omniroute.storage.repos import meta
from omniroute.storage.repos import sessions as session_rows
from omniroute.storage.writer import Writer

_HASHING_AT_ONCE: Final = 2
"""argon2 takes 50 ms and 64 MiB each: guessing must not be able to starve the gateway."""

_HASHING_WAIT_S: Final = 10.0


class SignedIn(msgspec.Struct, frozen=True):
    """The value for the cookie; it is stored nowhere else."""

    cookie: str

    def __repr__(self) -> str:
        return "SignedIn(...)"


class WrongPassword(msgspec.Struct, frozen=True):
    """401: nothing more is said."""


class LockedOut(msgspec.Struct, frozen=True):
    """429: too many wrong passwords from this address."""

    retry_after_s: int


class NoPassword(msgspec.Struct, frozen=True):
    """403: nobody has set a password yet."""


LoginOutcome: TypeAlias = SignedIn | WrongPassword | LockedOut | NoPassword


class Administrator:
    """All methods block (database, argon2): call them from a thread."""

    def __init__(
        self,
        *,
        database: Database,
        writer: Writer,
        clock: Clock,
        random: Callable[[int], bytes],
        session_secret: bytes,
        setup_tokens: SetupTokens,
        initial_password: str | None = None,
    ) -> None:
        """`initial_password` counts as the password while none is stored; the first login stores its hash."""
        self._database = database
        self._writer = writer
        self._clock = clock
        self._random = random
        self._secret = session_secret
        self._setup = setup_tokens
        self._initial = initial_password or None
        self._hashing = threading.BoundedSemaphore(_HASHING_AT_ONCE)

    def has_password(self) -> bool:
        return self._initial is not None or self._database.read(meta.password) is not None

    def session(self, cookie: str | None) -> sessions.Session | None:
        """The valid session of a cookie."""
        if not cookie:
            return None
        stored, now = sessions.digest(self._secret, cookie), self._now()
        return self._database.read(lambda connection: sessions.valid(connection, stored, now=now))

    def renew(self, session: sessions.Session) -> bool:
        """A whole lifetime again for a session; the cookie's value stays."""
        now = self._now()
        return self._writer.write_quietly(lambda connection: sessions.renewed(connection, session.digest, now=now))

    def set_up(self, token: str, password: str, actor: Actor) -> SignedIn:
        """The first password, against the one-time token. A password that is refused does not spend the token.

        Raises GatewayError: 409 when there is a password, 401 for a wrong token, 400 for a bad password.
        """
        if self.has_password():
            raise GatewayError(409, "A password is set already; log in with it.", code="already_set_up")
        if not self._setup.is_valid(token):
            self._audit(actor, "auth.setup", status="failed")
            raise _bad_link()
        passwords.require_good(password)
        stored = self._hashed(password)
        if not self._setup.redeem(token):
            raise _bad_link()
        return self._signed_in(stored, actor, "auth.setup")

    def log_in(self, password: str, actor: Actor) -> LoginOutcome:
        """Compares the password and opens a session. Every outcome is audited."""
        known = self._database.read(meta.password)
        if known is None and self._initial is None:
            self._audit(actor, "auth.login.setup_required", status="failed")
            return NoPassword()
        peer = login_guard.peer_of(actor.address or "unknown")
        wait_s = self._writer.write_quietly(lambda connection: self._counted(connection, peer, actor))
        if wait_s is not None:
            return LockedOut(wait_s)
        if not self._is(password, known):
            self._audit(actor, "auth.login.failed", status="failed")
            return WrongPassword()
        self._writer.write_quietly(lambda connection: session_rows.clear_failures(connection, peer))
        stored = self._hashed(password) if known is None else None
        return self._signed_in(stored, actor, "auth.login.success")

    def log_out(self, cookie: str | None, actor: Actor) -> None:
        """Ends the session of a cookie for good, if there is one."""
        session = self.session(cookie)
        if session is None:
            return
        now = self._now()

        def change(connection: Connection) -> None:
            session_rows.remove(connection, session.digest)
            record(connection, actor, at=now, action="auth.logout")

        self._writer.write_quietly(change)

    def change_password(self, current: str, new: str, actor: Actor) -> SignedIn:
        """Ends every session and opens one for the caller.

        Raises GatewayError: 401 for a wrong current password (which counts like a failed login), 429, 400.
        """
        match self.log_in(current, actor):
            case SignedIn():
                pass
            case LockedOut(retry_after_s):
                raise locked_out(retry_after_s)
            case WrongPassword() | NoPassword():
                raise GatewayError(401, "The current password is not right.", code="invalid_password")
        passwords.require_good(new)
        return self._signed_in(self._hashed(new), actor, "auth.password.changed")

    def _signed_in(self, new_hash: str | None, actor: Actor, action: str) -> SignedIn:
        """Opens a session; a new hash is stored first, and ends all sessions before it."""
        cookie = sessions.token(self._random(32))
        stored, now = sessions.digest(self._secret, cookie), self._now()

        def change(connection: Connection) -> None:
            if new_hash is not None:
                version = meta.put_password(connection, new_hash)
                session_rows.remove_all(connection)
            else:
                known = meta.password(connection)
                version = 0 if known is None else known.version
            sessions.opened(connection, stored, now=now, password_version=version)
            record(connection, actor, at=now, action=action)

        if new_hash is None:
            self._writer.write_quietly(change)
        else:
            self._writer.write(change)
        return SignedIn(cookie)

    def _counted(self, connection: Connection, peer: str, actor: Actor) -> int | None:
        """Counts an attempt, or says for how many seconds there may be none."""
        now = self._now()
        row = session_rows.failures_of(connection, peer)
        wait_s = login_guard.locked_for_s(row, now)
        if wait_s is not None:
            record(connection, actor, at=now, action="auth.login.locked", status="blocked")
            return wait_s
        session_rows.put_failures(connection, login_guard.counted(row, peer, now))
        age_ms = login_guard.WINDOW_MS
        session_rows.forget_failures(connection, before=now - age_ms)
        while session_rows.failing_peers(connection) > login_guard.REMEMBERED_PEERS and age_ms > 1:
            age_ms //= 2  # many addresses at once: the oldest go first, the newest half-window always stays
            session_rows.forget_failures(connection, before=now - age_ms)
        return None

    def _is(self, password: str, known: meta.Password | None) -> bool:
        if known is None:
            return self._initial is not None and hmac.compare_digest(password.encode(), self._initial.encode())
        with _Turn(self._hashing):
            return passwords.matches(known.hash, password)

    def _hashed(self, password: str) -> str:
        with _Turn(self._hashing):
            return passwords.hashed(password)

    def _audit(self, actor: Actor, action: str, *, status: str) -> None:
        now = self._now()
        self._writer.write_quietly(
            lambda connection: record(connection, actor, at=now, action=action, status=status)
        )

    def _now(self) -> int:
        return int(self._clock.now() * 1000)


def locked_out(retry_after_s: int) -> GatewayError:
    """429 with the seconds to wait."""
    return GatewayError(
        429,
        "Too many wrong passwords from this address. Try again later.",
        code="too_many_attempts",
        retry_after_s=retry_after_s,
    )


def _bad_link() -> GatewayError:
    return GatewayError(
        401,
        "This set-up link is used up or too old. Print a new one with `omniroute setup --link`.",
        code="invalid_setup_token",
    )


class _Turn:
    """One of the few places at the password hasher; 429 when none becomes free."""

    def __init__(self, places: threading.BoundedSemaphore) -> None:
        self._places = places

    def __enter__(self) -> None:
        if not self._places.acquire(timeout=_HASHING_WAIT_S):
            raise locked_out(1)

    def __exit__(self, *_: object) -> None:
        self._places.release()
