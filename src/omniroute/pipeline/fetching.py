"""Fetching what a request names by address, for providers that take bytes only.

The addresses come from clients, so they are opened as strangers' are: by the one guarded transport, which connects
to public addresses only; each redirect anew; within bounds of time, size and number; and nothing but files whose
first bytes are those of a picture, a document, sound or video.
"""

import asyncio
import base64
from collections.abc import Mapping
from typing import Final
from urllib.parse import urljoin, urlsplit

import msgspec

from omniroute.clock import Clock
from omniroute.dialects.filling import HEAD_BYTES, Fetched, Needs, fits, sniffed, wanted
from omniroute.errors import InvalidRequest, UpstreamError
from omniroute.ir.request import GenerateRequest
from omniroute.upstream.transport import Deadlines, Reply, Transport, UpstreamRequest

MOST_FILES: Final = 8
MOST_REDIRECTS: Final = 3

_MOVED: Final = frozenset({301, 302, 303, 307, 308})
_LARGE_BYTES: Final = 1024 * 1024
"""From this size on, making base64 of a file would hold up everybody else."""


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """`most_bytes` are for one file, `patience_s` for all of a request. `private` allows addresses of the
    operator's own network too, and of this machine; never link-local ones."""

    most_bytes: int = 20 * 1024 * 1024
    patience_s: float = 15.0
    private: bool = False


class Fetching:
    """`by_dialect` says what the providers of a dialect need as bytes; the others need nothing."""

    def __init__(
        self,
        transport: Transport,
        clock: Clock,
        by_dialect: Mapping[str, Needs],
        bounds: Bounds,
        *,
        user_agent: str,
        proxy: str | None,
    ) -> None:
        self._transport = transport
        self._clock = clock
        self.by_dialect = by_dialect
        self._bounds = bounds
        self._user_agent = user_agent
        self._proxy = proxy

    async def files(
        self, request: GenerateRequest, dialect: str, known: Mapping[str, Fetched]
    ) -> Mapping[str, Fetched]:
        """What a provider of `dialect` needs of `request`, by address; `known` has been fetched before.

        Raises `InvalidRequest` naming the host of what cannot be had."""
        needs = self.by_dialect.get(dialect)
        found = {} if needs is None else wanted(request, needs)
        if not found or found.keys() <= known.keys():
            return known
        if len(found) > MOST_FILES:
            raise _refused(
                f"the request names {len(found)} files by address, and its model takes bytes only: at most"
                f" {MOST_FILES} are fetched for one request; send the others as base64"
            )
        until = self._clock.monotonic() + self._bounds.patience_s
        urls = [url for url in found if url not in known]
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._file(url, found[url], until)) for url in urls]
        except BaseExceptionGroup as several:
            raise several.exceptions[0] from None
        return {**known, **{url: task.result() for url, task in zip(urls, tasks, strict=True)}}

    async def _file(self, url: str, declared: str, until: float) -> Fetched:
        place = url
        for _ in range(MOST_REDIRECTS + 1):
            try:
                reply = await self._transport.open(self._request(place, until))
            except UpstreamError as error:
                raise _unreachable(url, _plainly(error)) from None
            try:
                moved = reply.headers.get("location") if reply.status in _MOVED else None
                if moved is None:
                    return await self._read(reply, url, declared)
            except UpstreamError as error:
                raise _unreachable(url, _plainly(error)) from None
            finally:
                await reply.aclose()
            place = _next(url, place, moved)
        raise _unreachable(url, f"it was redirected more than {MOST_REDIRECTS} times")

    async def _read(self, reply: Reply, url: str, declared: str) -> Fetched:
        if reply.status != 200:
            raise _unreachable(url, f"its server answered with status {reply.status}")
        length = reply.headers.get("content-length", "")
        most = self._bounds.most_bytes
        if length.isdigit() and int(length[:18]) > most:
            raise _unreachable(url, f"the file is larger than {most} bytes")
        pieces: list[bytes] = []
        size = 0
        while piece := await reply.chunk():
            pieces.append(piece)
            size += len(piece)
            if size > most:
                raise _unreachable(url, f"the file is larger than {most} bytes")
        body = b"".join(pieces)
        mime = sniffed(body[:HEAD_BYTES])
        if mime is None:
            raise _unreachable(url, "the file is no picture, document, sound or video that is known here")
        if not fits(mime, declared):
            raise _unreachable(url, f"the file is {mime}, not {declared[:40]!r}")
        encoded = (
            await asyncio.to_thread(base64.b64encode, body) if size > _LARGE_BYTES else base64.b64encode(body)
        )
        return Fetched(mime, encoded.decode())

    def _request(self, url: str, until: float) -> UpstreamRequest:
        left = max(0.001, until - self._clock.monotonic())
        return UpstreamRequest(
            method="GET",
            url=url,
            headers=(("user-agent", self._user_agent), ("accept", "image/*, application/pdf, audio/*, video/*")),
            deadlines=Deadlines(connect_s=left, first_byte_s=left, idle_s=left, total_s=left),
            private=self._bounds.private,
            proxy=self._proxy,
        )


def _next(url: str, place: str, moved: str) -> str:
    """Where a redirect leads; the guard looks at it as at the first address."""
    try:
        following = urljoin(place, moved)
        scheme = urlsplit(following).scheme
    except ValueError:
        raise _unreachable(url, "it was redirected to something that is no address") from None
    if scheme == "http" and urlsplit(place).scheme == "https":
        raise _unreachable(url, "it was redirected from https to http")
    return following


def _plainly(error: UpstreamError) -> str:
    """Where a stranger's address leads to inside of this network is nobody's business."""
    if error.kind == "blocked":
        return "its address is not a public one"
    return error.message if error.kind in ("timeout", "connect") else "its server did not answer as it should"


def _unreachable(url: str, reason: str) -> InvalidRequest:
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        host = ""
    return _refused(
        f"the file at {host[:100]!r} could not be fetched for a model that takes bytes only: {reason}; send it as"
        " base64"
    )


def _refused(message: str) -> InvalidRequest:
    return InvalidRequest(message, code="media_unreachable")
