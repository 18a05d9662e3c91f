"""One request over an aiohttp session up to the reply's head: deadlines, the one retry, what errors mean."""

import asyncio
import errno
import io
import math
import ssl
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace

import aiohttp
import yarl

from omniroute.errors import UpstreamError
from omniroute.upstream.aiohttp_reply import AiohttpReply, overdue
from omniroute.upstream.endpoint import Endpoint
from omniroute.upstream.headers import HEAD_LIMIT, header_lines
from omniroute.upstream.reasons import connection_reason
from omniroute.upstream.transport import UpstreamRequest

# From a file object aiohttp sends a body piece by piece, and tells of each; it warns about those above 1 MiB that
# are given as bytes.
_PLAIN_BODY_LIMIT = 256 * 1024
# aiohttp itself retries these on a kept connection that turns out to be closed.
_RETRIED_BY_AIOHTTP = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})


class Exchange:
    """`first_byte_s` starts when the last piece of the request is on its way; until then each has `write_s`."""

    def __init__(self, request: UpstreamRequest, target: Endpoint) -> None:
        self._request = request
        self._target = target
        self.origin = target.origin
        self._loop = asyncio.get_running_loop()
        total_s = request.deadlines.total_s
        self._final = self._loop.time() + total_s if total_s else math.inf
        self._timeout: asyncio.Timeout | None = None
        self._connected = False
        self._reused = False
        self._unsent = 0

    @staticmethod
    def tracing() -> aiohttp.TraceConfig:
        """What a session must be created with, so that exchanges learn when they have a connection."""
        trace = aiohttp.TraceConfig()
        trace.on_connection_create_end.append(_created)
        trace.on_connection_reuseconn.append(_reused)
        trace.on_request_chunk_sent.append(_sent)
        return trace

    @asynccontextmanager
    async def opening(self) -> AsyncGenerator[None]:
        """Everything up to the reply's head: the connect deadline, then the first-byte deadline; aiohttp's
        errors leave it as `UpstreamError`."""
        try:
            async with asyncio.timeout_at(self._until(self._request.deadlines.connect_s)) as self._timeout:
                yield
        except (aiohttp.ClientError, OSError, ValueError) as error:
            if self._timeout is not None and self._timeout.expired():
                raise self._late() from None
            raise self._opening_failure(error) from None
        finally:
            self._timeout = None  # the rest of a request may still be on its way when its reply begins

    def connection(self, *, reused: bool) -> None:
        """Called by the session's trace: from here the request is sent."""
        self._connected = True
        self._reused = reused
        size = len(self._request.body)
        self._unsent = size if size > _PLAIN_BODY_LIMIT else 0
        self.sent(0)

    def sent(self, size: int) -> None:
        """Called by the session's trace: a piece of the body is on its way; the last is followed by the wait for
        the reply."""
        self._unsent -= size
        deadlines = self._request.deadlines
        if self._timeout is not None and not self._timeout.expired():
            self._timeout.reschedule(
                self._until(deadlines.write_s if self._unsent > 0 else deadlines.first_byte_s)
            )

    async def reply(
        self,
        session: aiohttp.ClientSession,
        proxy_url: str | None,
        tls: ssl.SSLContext | bool,
        leave: Callable[[], None],
    ) -> AiohttpReply:
        """Sends the request; once more when a kept connection turns out to be closed. `leave` is called when the
        reply is closed."""
        retriable = self._request.method not in _RETRIED_BY_AIOHTTP
        while True:
            try:
                response = await self._send(session, proxy_url, tls)
            except aiohttp.ClientConnectionError as error:
                if not (retriable and self._reused and _unanswered(error)):
                    raise
                retriable = self._connected = False
                assert self._timeout is not None
                self._timeout.reschedule(self._until(self._request.deadlines.connect_s))
                continue
            if (refusal := self._refusal(response)) is not None:
                response.close()
                raise refusal
            return AiohttpReply(response, self.origin, self._request.deadlines, self._final, leave)

    async def _send(
        self, session: aiohttp.ClientSession, proxy_url: str | None, tls: ssl.SSLContext | bool
    ) -> aiohttp.ClientResponse:
        header_lines(self._request.headers)
        body = self._request.body
        return await session.request(
            self._request.method,
            yarl.URL(self._request.url, encoded=True),
            headers=(*self._request.headers, ("accept-encoding", "identity")),
            data=io.BytesIO(body) if len(body) > _PLAIN_BODY_LIMIT else body or None,
            allow_redirects=False,
            proxy=proxy_url,
            ssl=tls,
            trace_request_ctx=self,
        )

    def _refusal(self, response: aiohttp.ClientResponse) -> UpstreamError | None:
        if sum(len(name) + len(value) + 4 for name, value in response.raw_headers) > HEAD_LIMIT:
            return UpstreamError("protocol", f"{self.origin} sent more than {HEAD_LIMIT} bytes of headers")
        if response.status == 101:
            return UpstreamError("protocol", f"{self.origin} switched to another protocol")
        if response.status == 407 and self._request.proxy is not None:
            return UpstreamError("proxy", "the proxy wants a user name and password; add them to its URL")
        return None

    def _until(self, seconds: float) -> float | None:
        until = min(self._final, self._loop.time() + seconds if seconds else math.inf)
        return until if until < math.inf else None

    def _late(self) -> UpstreamError:
        deadlines = self._request.deadlines
        if self._timeout is not None and self._timeout.when() == self._final:
            return overdue(self.origin, deadlines)
        if self._connected and self._unsent > 0:
            return UpstreamError(
                "timeout", f"{self.origin} took nothing of the request for {deadlines.write_s:g} s"
            )
        if self._connected:
            return UpstreamError("timeout", f"{self.origin} did not reply within {deadlines.first_byte_s:g} s")
        if self._request.proxy is not None:
            return UpstreamError("proxy", f"no connection through the proxy within {deadlines.connect_s:g} s")
        return UpstreamError("connect", f"no connection to {self.origin} within {deadlines.connect_s:g} s")

    def _opening_failure(self, error: Exception) -> UpstreamError:
        origin = self.origin
        match error:
            case aiohttp.ClientHttpProxyError():
                return UpstreamError("proxy", f"the proxy refused to connect to {origin}: status {error.status}")
            case aiohttp.ClientProxyConnectionError():
                return UpstreamError("proxy", f"no connection to the proxy: {connection_reason(error.os_error)}")
            case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientConnectorError():
                # `connection_key` of an error on the way to an HTTPS proxy names the proxy, not the target.
                if self._request.proxy is not None and error.host != self._target.host:
                    return UpstreamError("proxy", f"no connection to the proxy: {_cause(error)}")
                return UpstreamError("connect", f"no connection to {origin}: {_cause(error)}")
            case aiohttp.ClientResponseError():
                return UpstreamError("protocol", f"{origin} sent a reply that is not HTTP/1.1")
            case ssl.SSLError():  # on the way through a SOCKS proxy aiohttp does not wrap these
                return UpstreamError("connect", f"no connection to {origin}: {connection_reason(error)}")
            case aiohttp.InvalidURL() | ValueError():
                return UpstreamError(
                    "blocked", f"the request to {origin} cannot be written; check URL and headers"
                )
            case _ if self._request.proxy is not None and not self._connected:
                return UpstreamError("proxy", "the proxy broke the connection before it was open")
            case _:
                return UpstreamError("closed", f"{origin} closed the connection before it replied")


async def _created(
    session: aiohttp.ClientSession, context: SimpleNamespace, params: aiohttp.TraceConnectionCreateEndParams
) -> None:
    exchange: Exchange = context.trace_request_ctx
    exchange.connection(reused=False)


async def _reused(
    session: aiohttp.ClientSession, context: SimpleNamespace, params: aiohttp.TraceConnectionReuseconnParams
) -> None:
    exchange: Exchange = context.trace_request_ctx
    exchange.connection(reused=True)


async def _sent(
    session: aiohttp.ClientSession, context: SimpleNamespace, params: aiohttp.TraceRequestChunkSentParams
) -> None:
    exchange: Exchange = context.trace_request_ctx
    exchange.sent(len(params.chunk))


def _unanswered(error: aiohttp.ClientConnectionError) -> bool:
    """Whether a kept connection ended without a byte of the reply."""
    match error:
        case aiohttp.ServerDisconnectedError():
            # aiohttp puts the part of a head that it got here, and a sentence when there is none.
            return isinstance(error.message, str)
        case aiohttp.ClientConnectorError():
            return False
        case aiohttp.ClientOSError():
            # A body that cannot be written has no number, only a cause.
            return error.errno in (errno.EPIPE, errno.ECONNRESET) or isinstance(error.__cause__, ConnectionError)
        case _:
            return isinstance(error, aiohttp.ClientConnectionResetError)


def _cause(error: aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorError) -> str:
    cause = (
        error.certificate_error if isinstance(error, aiohttp.ClientConnectorCertificateError) else error.os_error
    )
    return connection_reason(cause) if isinstance(cause, OSError) else "its certificate is not accepted"
