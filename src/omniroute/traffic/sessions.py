"""The conversations that client keys are having: who, since when, with which account."""

from collections import Counter, OrderedDict
from typing import Final

import msgspec

_TTL_S: Final = 30 * 60.0
_MAX_SESSIONS: Final = 10_000


class Session(msgspec.Struct, kw_only=True):
    """Times are unix seconds."""

    key_id: str
    session_id: str
    created_at: float
    last_active: float
    requests: int = 1
    connection_id: str | None = None


class Sessions:
    """A session ends after half an hour without a request. In memory; the one idle longest is dropped first."""

    def __init__(self, limit: int = _MAX_SESSIONS) -> None:
        self._limit = limit
        self._sessions: OrderedDict[tuple[str, str], Session] = OrderedDict()
        self._by_key: Counter[str] = Counter()

    def touch(self, key_id: str, session_id: str, now: float, *, most: int = 0) -> Session | None:
        """A request of the session. None when it would be a new one and the key has `most` of them already; 0 is
        any number."""
        self._sweep(now)
        known = self._sessions.get((key_id, session_id))
        if known is not None:
            known.last_active = now
            known.requests += 1
            self._sessions.move_to_end((key_id, session_id))
            return known
        if most and self._by_key[key_id] >= most:
            return None
        if len(self._sessions) >= self._limit:
            self._drop()
        session = Session(key_id=key_id, session_id=session_id, created_at=now, last_active=now)
        self._sessions[key_id, session_id] = session
        self._by_key[key_id] += 1
        return session

    def every(self, now: float) -> tuple[Session, ...]:
        """Those that are not over, the one idle longest first."""
        return tuple(one for one in tuple(self._sessions.values()) if now - one.last_active < _TTL_S)

    def _sweep(self, now: float) -> None:
        while self._sessions:
            oldest = next(iter(self._sessions.values()))
            if now - oldest.last_active < _TTL_S:
                return
            self._drop()

    def _drop(self) -> None:
        (key_id, _), _ = self._sessions.popitem(last=False)
        self._by_key[key_id] -= 1
        if self._by_key[key_id] <= 0:
            del self._by_key[key_id]
