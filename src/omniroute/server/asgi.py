"""Requests for the management application, which is ASGI: uvicorn's cycle on our connection."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final, cast

from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle
from uvicorn.protocols.utils import get_local_addr

from omniroute.server.exchange import HttpExchange, Line, Receive, Scope, Send

AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

_LOGGER: Final = logging.getLogger("uvicorn.error")


class AsgiRequest(RequestResponseCycle):
    """One request in the hands of an ASGI application; the connection talks to it as to an `HttpExchange`."""

    def __init__(self, line: Line, exchange: HttpExchange, path: str, fields: list[tuple[bytes, bytes]]) -> None:
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": exchange.method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": exchange.query,
            "root_path": "",
            "headers": [(name.lower(), value) for name, value in fields],
            "client": line.client,
            "server": get_local_addr(line.transport),
            "state": {},
        }
        super().__init__(
            scope=cast(Any, scope),  # uvicorn's TypedDict of the same
            transport=line.transport,
            flow=line.flow,
            logger=_LOGGER,
            access_logger=_LOGGER,
            access_log=False,
            default_headers=[],
            message_event=asyncio.Event(),
            expect_100_continue=exchange.headers.get("expect", "").lower() == "100-continue",
            keep_alive=exchange.keep_alive,
            on_response=line.on_response_complete,
        )
        self._task: asyncio.Task[None] | None = None

    @property
    def ended(self) -> bool:
        return self.response_complete

    def start(self, loop: asyncio.AbstractEventLoop, app: AsgiApp) -> None:
        self._task = loop.create_task(self.run_asgi(cast(Any, app)))  # uvicorn's name for the same type

    def feed(self, piece: bytes) -> None:
        """More of the request's body."""
        if not self.response_complete:
            self.body += piece
            if len(self.body) > HIGH_WATER_LIMIT:
                self.flow.pause_reading()
            self.message_event.set()

    def whole(self) -> None:
        """That was all of the request."""
        self.more_body = False
        self.message_event.set()

    def lost(self) -> None:
        """The client has closed the connection."""
        self.disconnected = self.disconnected or not self.response_complete
        self.message_event.set()
