"""What surrounds every management request: its id, the Host rule, the size of its body, and the last resort."""

import logging
from typing import Final

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from omniroute.access.perimeter import Perimeter
from omniroute.clock import Ids
from omniroute.management import errors

BODY_LIMIT: Final = 10 * 1024 * 1024

_HEADERS: Final = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)


class Edge:
    """Pure ASGI. A request id that the server has given already (`state.request_id`) is kept."""

    def __init__(self, app: ASGIApp, perimeter: Perimeter, ids: Ids) -> None:
        self._app = app
        self._perimeter = perimeter
        self._ids = ids

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        request_id: str = state.setdefault("request_id", self._ids.request_id())
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        replying = False

        async def marked(message: Message) -> None:
            nonlocal replying
            if message["type"] == "http.response.start":
                replying = True
                own = (*_HEADERS, (b"x-request-id", request_id.encode()))
                message = {**message, "headers": [*message.get("headers", ()), *own]}
            await send(message)

        refusal = self._perimeter.refusal_of_host(headers)
        if refusal is not None:
            answer = errors.reply(refusal.status, refusal.message, code=refusal.code, request_id=request_id)
            await answer(scope, receive, marked)
            return
        try:
            await self._app(scope, _bounded(receive, headers.get("content-length")), marked)
        except Exception:
            logging.getLogger("omniroute.management").exception("%s failed", request_id)
            if not replying:
                message = "Something went wrong here; the log has the details under this request id."
                answer = errors.reply(500, message, code="internal_error", request_id=request_id)
                await answer(scope, receive, marked)


def _bounded(receive: Receive, declared: str | None) -> Receive:
    """The same messages, until they hold more than the limit."""
    seen = 0

    async def bounded() -> Message:
        nonlocal seen
        if declared is not None and declared.isdigit() and int(declared) > BODY_LIMIT:
            raise HTTPException(413)
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > BODY_LIMIT:
            raise HTTPException(413)
        return message

    return bounded
