"""The one ASGI application: owns every path, matched exactly, and keeps account of the requests under way."""

import asyncio
import traceback
from typing import Final

from omniroute.access.perimeter import Perimeter
from omniroute.clock import Clock, Ids
from omniroute.dialects.base import Dialect
from omniroute.ir.failure import Failure
from omniroute.pipeline.failures import BUSY, BUSY_S, CLIENT_LEFT, DRAINING, INTERNAL
from omniroute.server.asgi import AsgiApp
from omniroute.server.cors import Cors
from omniroute.server.exchange import ClientLeft, HttpExchange, Receive, Scope, Send
from omniroute.surfaces.table import Endpoint, Table
from omniroute.telemetry.counters import Counters
from omniroute.telemetry.log import Log

_CLOSE: Final = (b"connection", b"close")
_JSON: Final = (b"content-type", b"application/json")


_BASES: Final = (
    ("/api/v1beta", "/v1beta"),
    ("/api/v1", "/v1"),
    ("/v1/v1beta", "/v1beta"),
    ("/v1/v1", "/v1"),
)
"""Bases of OmniRoute 3.x, and those of people who paste a base URL to which their client adds its own."""

_BARE: Final = ("/chat/completions", "/messages", "/models", "/responses")
"""Paths, and everything below them, that are served without a base too."""


def canonical(path: str) -> str:
    """The path under which a route is registered: aliases of the base and trailing slashes are taken off.

    Under `/codex`, where the Codex CLI may be pointed, everything is `/v1/responses`, and what stands below a
    `/responses` there stands below it here.
    """
    path = path.rstrip("/") or "/"
    for alias, base in _BASES:
        if _is_at(path, alias):
            path = base + path[len(alias) :]
    if any(_is_at(path, bare) for bare in _BARE):
        return "/v1" + path
    if _is_at(path, "/codex"):
        below = path.partition("/responses/")[2]
        return f"/v1/responses/{below}" if below else "/v1/responses"
    return path


def _is_at(path: str, base: str) -> bool:
    return path.startswith(base) and path[len(base) : len(base) + 1] in ("", "/")


class Dispatcher:
    """Data-plane routes are raw ASGI; `/api` beyond the table goes to the management application, which may still
    be loading: the first such request waits for it. With more than `max_inflight` requests under way, further ones
    of clients are sent away before anything is read of them; health and management never are."""

    def __init__(
        self,
        table: Table,
        management: AsgiApp,
        *,
        fallback_dialect: Dialect,
        perimeter: Perimeter,
        cors: Cors,
        clock: Clock,
        ids: Ids,
        log: Log,
        body_limit: int,
        max_inflight: int,
        counters: Counters,
    ) -> None:
        self._table = table
        self._management = management
        self._fallback_dialect = fallback_dialect
        self._perimeter = perimeter
        self._cors = cors
        self._clock = clock
        self._ids = ids
        self._log = log
        self._body_limit = body_limit
        self._max_inflight = max_inflight
        self._counters = counters
        self._active: set[HttpExchange] = set()
        self._idle: asyncio.Event | None = None
        self.draining = False

    async def idle(self) -> None:
        """Returns when no request is under way."""
        if self._active:
            self._idle = asyncio.Event()
            await self._idle.wait()

    def abort_all(self) -> None:
        """Cancels what is still under way; each request ends in its dialect's own error."""
        for exchange in self._active:
            exchange.stopped = DRAINING
            if exchange.task is not None:
                exchange.task.cancel()

    @property
    def management(self) -> AsgiApp:
        """This object again, as the ASGI application that it is for management requests."""
        return self

    def takes(self, exchange: HttpExchange) -> bool:
        """Whether `serve` answers; all others are the management application's."""
        exchange.found = self._table.find(exchange.path)
        if exchange.found is None:
            exchange.path = canonical(exchange.path)
            exchange.found = self._table.find(exchange.path)
        if _is_managed(exchange.found, exchange):
            return False
        exchange.request_id = self._ids.request_id()
        exchange.started = self._clock.monotonic()
        exchange.body_limit = self._body_limit
        if self._cors.enabled:
            exchange.extra_headers = self._cors.headers(exchange.headers)
        return True

    async def serve(self, exchange: HttpExchange) -> None:
        """Answers a request of the data plane, whatever happens."""
        self._active.add(exchange)
        try:
            await self._answer(exchange, exchange.found)
        except ClientLeft:
            pass
        except asyncio.CancelledError:
            if exchange.stopped is None or exchange.task is None:
                raise
            exchange.task.uncancel()
            if exchange.stopped is not CLIENT_LEFT and not exchange.replying:
                await self._refuse(exchange, self._dialect_of(exchange), exchange.stopped)
        except Exception:
            self._log.error("bug", id=exchange.request_id, path=exchange.path, traceback=traceback.format_exc())
            if not exchange.replying:
                await self._refuse(exchange, self._dialect_of(exchange), INTERNAL)
        finally:
            exchange.leave()
            self._active.discard(exchange)
            if self._idle is not None and not self._active:
                self._idle.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hands a request to the management application under a request id of its own."""
        request_id = self._ids.request_id()
        scope["state"] = {"request_id": request_id}
        if not self.draining:
            await self._management(scope, receive, send)
            return
        refusal = self._fallback_dialect.encode_failure(DRAINING, request_id)
        headers = [_JSON, _CLOSE, (b"content-length", b"%d" % len(refusal.body))]
        await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
        await send({"type": "http.response.body", "body": refusal.body, "more_body": False})

    async def _answer(self, exchange: HttpExchange, found: tuple[dict[str, Endpoint], str] | None) -> None:
        if exchange.method == "OPTIONS":
            await exchange.reply(204, self._cors.preflight(exchange.headers), b"")
            return
        refusal = self._perimeter.refusal_of_host(exchange.headers)
        if refusal is not None:
            failure = Failure(
                kind="invalid_request", status=refusal.status, message=refusal.message, code=refusal.code
            )
            await self._refuse(exchange, self._fallback_dialect, failure)
            return
        if found is None:
            message = f"no such path: {exchange.path!r}; the API lives under /v1"
            failure = Failure(kind="not_found", status=404, message=message, code="not_found")
            await self._refuse(exchange, self._fallback_dialect, failure)
            return
        methods, parameter = found
        endpoint = methods.get(exchange.method)
        if endpoint is None:
            allowed = ", ".join(sorted(methods))
            dialect = next(iter(methods.values())).dialect
            message = f"{exchange.method} is not allowed on {exchange.path!r}; use {allowed}"
            failure = Failure(kind="invalid_request", status=405, message=message, code="method_not_allowed")
            await self._refuse(exchange, dialect, failure, (b"allow", allowed.encode()))
            return
        if self.draining and endpoint.route.auth == "client":
            exchange.keep_alive = False
            await self._refuse(exchange, endpoint.dialect, DRAINING)
            return
        if len(self._active) > self._max_inflight and endpoint.route.auth == "client":
            self._counters.shed += 1
            await self._refuse(exchange, endpoint.dialect, BUSY, (b"retry-after", b"%d" % BUSY_S))
            return
        exchange.body_limit = max(exchange.body_limit, endpoint.least_body_limit)
        await endpoint.handler(exchange, parameter)

    def _dialect_of(self, exchange: HttpExchange) -> Dialect:
        endpoint = None if exchange.found is None else exchange.found[0].get(exchange.method)
        return self._fallback_dialect if endpoint is None else endpoint.dialect

    async def _refuse(
        self, exchange: HttpExchange, dialect: Dialect, failure: Failure, *headers: tuple[bytes, bytes]
    ) -> None:
        reply = dialect.encode_failure(failure, exchange.request_id)
        await exchange.reply(reply.status, [_JSON, *headers], reply.body)


def _is_managed(found: tuple[dict[str, Endpoint], str] | None, exchange: HttpExchange) -> bool:
    """Whether the management application answers: everything under /api that is not in the table, and of what is,
    the part that says more to somebody with a credential."""
    if exchange.method == "OPTIONS" or not exchange.path.startswith("/api/"):
        return False
    if found is None:
        return True
    endpoint = found[0].get(exchange.method)
    if endpoint is None:
        return True
    headers = exchange.headers
    return endpoint.more_for_managers and ("authorization" in headers or "cookie" in headers)
