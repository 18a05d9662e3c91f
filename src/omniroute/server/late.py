"""An ASGI application that is still being made while the first requests come: they wait for it."""

import asyncio

from omniroute.server.asgi import AsgiApp
from omniroute.server.exchange import Receive, Scope, Send

_UNAVAILABLE = (
    b'{"error":{"message":"the management API could not be loaded; the server log says why",'
    b'"type":"server_error","code":"management_unavailable"}}'
)


class Late:
    """`resolve` is called once, on the event loop, with the application or None when making it failed."""

    def __init__(self) -> None:
        self._made = asyncio.Event()
        self._app: AsgiApp | None = None

    def resolve(self, app: AsgiApp | None) -> None:
        self._app = app
        self._made.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._made.wait()
        if self._app is not None:
            await self._app(scope, receive, send)
            return
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(_UNAVAILABLE))]
        await send({"type": "http.response.start", "status": 503, "headers": headers})
        await send({"type": "http.response.body", "body": _UNAVAILABLE, "more_body": False})
