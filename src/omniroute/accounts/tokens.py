"""Access tokens: fetched once for everybody who waits, and kept until shortly before they expire."""

import asyncio
from typing import Final

import msgspec

from omniroute.accounts.google import GoogleCredential, question
from omniroute.clock import Clock
from omniroute.errors import UpstreamError
from omniroute.ir.failure import Failure
from omniroute.upstream.transport import Deadlines, Transport, UpstreamRequest

_EARLY_S: Final = 300.0
"""A token is renewed this long before it expires, so that no request sets out with one that dies on the way."""
_DEADLINES: Final = Deadlines(connect_s=10.0, first_byte_s=20.0, idle_s=20.0, total_s=30.0)
_BODY_LIMIT: Final = 64 * 1024


class _Token(msgspec.Struct, frozen=True):
    """`until` is in seconds of the monotonic clock."""

    value: str
    until: float


class _Answer(msgspec.Struct):
    access_token: str
    expires_in: float = 3600.0


class _Refusal(msgspec.Struct):
    error: str = ""
    error_description: str = ""


class Tokens:
    """One token per credential. A renewal that fails leaves the old token in use until it has expired."""

    def __init__(self, transport: Transport, clock: Clock) -> None:
        self._transport = transport
        self._clock = clock
        self._known: dict[GoogleCredential, _Token] = {}
        self._pending: dict[GoogleCredential, asyncio.Future[_Token | Failure | None]] = {}

    async def of(self, asker: GoogleCredential, *, private: bool, proxy: str | None) -> str | Failure:
        """The access token of `asker`, or why there is none. `private` and `proxy` are those of the request that
        needs it."""
        while True:
            known = self._known.get(asker)
            now = self._clock.monotonic()
            if known is not None and now < known.until - _EARLY_S:
                return known.value
            pending = self._pending.get(asker)
            if pending is None:
                found = await self._lead(asker, private=private, proxy=proxy)
            else:
                found = await asyncio.shield(pending)
            match found:
                case _Token(value=value):
                    return value
                case Failure():
                    return known.value if known is not None and self._clock.monotonic() < known.until else found
                case None:
                    pass  # Whoever fetched it was cancelled: the next caller does it.

    async def _lead(self, asker: GoogleCredential, *, private: bool, proxy: str | None) -> _Token | Failure | None:
        pending = self._pending[asker] = asyncio.get_running_loop().create_future()
        found: _Token | Failure | None = None
        try:
            found = await self._fetched(asker, private=private, proxy=proxy)
        finally:
            del self._pending[asker]
            pending.set_result(found)
        if isinstance(found, _Token):
            now = self._clock.monotonic()
            self._known = {one: token for one, token in self._known.items() if now < token.until}
            self._known[asker] = found
        return found

    async def _fetched(self, asker: GoogleCredential, *, private: bool, proxy: str | None) -> _Token | Failure:
        asked_at = self._clock.monotonic()
        try:
            body = question(asker, self._clock.now())
        except ValueError as error:
            return _refused(f"no access token can be asked for: {error}; set the connection's key again")
        request = UpstreamRequest(
            method="POST",
            url=asker.token_url,
            headers=(("content-type", "application/x-www-form-urlencoded"), ("accept", "application/json")),
            body=body,
            deadlines=_DEADLINES,
            private=private,
            proxy=proxy,
        )
        try:
            reply = await self._transport.open(request)
            try:
                answer = await reply.read(_BODY_LIMIT)
            finally:
                await reply.aclose()
        except UpstreamError as error:
            late = error.kind == "timeout"
            return Failure(
                kind="timeout" if late else "connect",
                status=504 if late else 502,
                message=f"no access token was given: {error.message}",
            )
        return _read(reply.status, answer, asked_at)


def _read(status: int, answer: bytes, asked_at: float) -> _Token | Failure:
    if 200 <= status < 300:
        try:
            found = msgspec.json.decode(answer, type=_Answer)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return Failure(
                kind="protocol", status=502, message="the token endpoint's answer holds no access token"
            )
        return _Token(found.access_token, asked_at + found.expires_in)
    if status == 429 or status >= 500:
        return Failure(
            kind="rate_limit" if status == 429 else "server",
            status=status,
            message=f"the token endpoint answered with status {status}",
        )
    try:
        told = msgspec.json.decode(answer, type=_Refusal)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        told = _Refusal()
    why = ": ".join(word for word in (told.error[:80], told.error_description[:300].partition("\n")[0]) if word)
    return _refused(f"the token endpoint refuses the credential ({why or f'status {status}'})")


def _refused(message: str) -> Failure:
    return Failure(kind="authentication", status=401, message=message, code="token_refused")
