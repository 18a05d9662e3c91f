"""The one ASGI application: owns every path, matched exactly, and keeps account of the requests under way."""

import asyncio
import traceback
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from omniroute.access.perimeter import Perimeter
from omniroute.clock import Clock, Ids
from omniroute.dialects.base import Dialect
from omniroute.ir.failure import Failure
from omniroute.pipeline.failures import DRAINING, INTERNAL
from omniroute.server.cors import Cors
from omniroute.server.exchange import AsgiExchange, ClientLeft, Receive, Scope, Send
from omniroute.server.presence import Presence
from omniroute.surfaces.table import Endpoint, Table
from omniroute.telemetry.log import Log

AsgiApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

_CLOSE: Final = (b"connection", b"close")
_JSON: Final = (b"content-type", b"application/json")


def canonical(path: str) -> str:
    """The path under which a route is registered: base-path aliases and a trailing slash are taken off.

    `/api/v1/X` and `/v1/v1/X` (users paste a base URL that already ends in /v1) are `/v1/X`.
    """
    for alias in ("/api/v1", "/v1/v1"):
        if path == alias or path.startswith(alias + "/"):
            path = "/v1" + path[len(alias) :]
    return path.rstrip("/") or "/"


class Dispatcher:
    """Data-plane routes are raw ASGI; `/api` beyond the table goes to the management application, which may still
    be loading: the first such request waits for it."""

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
        self._active: dict[AsgiExchange, asyncio.Task[object]] = {}
        self._idle: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.draining = False

    async def idle(self) -> None:
        """Returns when no request is under way."""
        if self._active:
            self._idle = asyncio.Event()
            await self._idle.wait()

    def abort_all(self) -> None:
        """Cancels what is still under way; each request ends in its dialect's own error."""
        for exchange, task in list(self._active.items()):
            exchange.stopped = DRAINING
            task.cancel()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await _refuse_other(scope, receive, send)
            return
        path: str = scope["path"]
        found = self._table.find(path)
        if found is None:
            path = canonical(path)
            found = self._table.find(path)
        exchange = AsgiExchange(
            scope,
            receive,
            send,
            request_id=self._ids.request_id(),
            started=self._clock.monotonic(),
            path=path,
            body_limit=self._body_limit,
        )
        if self._cors.enabled:
            exchange.extra_headers = self._cors.headers(exchange.headers)
        if _is_managed(found, exchange):
            await self._manage(exchange, scope, receive, send)
            return
        loop = self._loop
        if loop is None:  # once: asking for the running loop is a system call
            loop = self._loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        assert task is not None
        self._active[exchange] = task
        presence = Presence(exchange, task, loop)
        try:
            await self._answer(exchange, found)
        except ClientLeft:
            pass
        except asyncio.CancelledError:
            if exchange.stopped is None:
                raise
            task.uncancel()
            if exchange.stopped is DRAINING and not exchange.replying:
                await self._refuse(exchange, self._fallback_dialect, DRAINING)
        except Exception:
            self._log.error("bug", id=exchange.request_id, path=path, traceback=traceback.format_exc())
            if not exchange.replying:
                await self._refuse(exchange, self._fallback_dialect, INTERNAL)
        finally:
            presence.stop()
            del self._active[exchange]
            if self._idle is not None and not self._active:
                self._idle.set()

    async def _answer(self, exchange: AsgiExchange, found: tuple[dict[str, Endpoint], str] | None) -> None:
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
            message = f"{exchange.method} is not allowed on {exchange.path!r}; use {allowed}"
            failure = Failure(kind="invalid_request", status=405, message=message, code="method_not_allowed")
            await self._refuse(exchange, self._fallback_dialect, failure, (b"allow", allowed.encode()))
            return
        if self.draining and endpoint.route.auth == "client":
            await self._refuse(exchange, endpoint.dialect, DRAINING, _CLOSE)
            return
        await endpoint.handler(exchange, parameter)

    async def _manage(self, exchange: AsgiExchange, scope: Scope, receive: Receive, send: Send) -> None:
        """Hands the request to the management application under the same request id."""
        scope["state"] = {"request_id": exchange.request_id}
        if self.draining:
            await self._refuse(exchange, self._fallback_dialect, DRAINING, _CLOSE)
            return
        await self._management(scope, receive, send)

    async def _refuse(
        self, exchange: AsgiExchange, dialect: Dialect, failure: Failure, *headers: tuple[bytes, bytes]
    ) -> None:
        reply = dialect.encode_failure(failure, exchange.request_id)
        await exchange.reply(reply.status, [_JSON, *headers], reply.body)


def _is_managed(found: tuple[dict[str, Endpoint], str] | None, exchange: AsgiExchange) -> bool:
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


async def _refuse_other(scope: Scope, receive: Receive, send: Send) -> None:
    """No websockets are served."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008})
