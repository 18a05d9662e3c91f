"""What anybody may ask of the process itself: is it healthy, is it set up, and where to go from here."""

import msgspec

from omniroute.pipeline.exchange import Exchange
from omniroute.surfaces.status import Status

_JSON = (b"content-type", b"application/json")


class Health:
    """`GET /api/monitoring/health`: 200 `healthy` or `degraded` while requests are served, 503 while draining.

    A caller that shows a credential is answered by the management application instead, which may say more.
    """

    def __init__(self, status: Status) -> None:
        self._status = status

    async def __call__(self, exchange: Exchange, parameter: str) -> None:
        body = self._status.health()
        code = 503 if body["status"] == "draining" else 200
        await exchange.reply(code, [_JSON, (b"cache-control", b"no-store")], msgspec.json.encode(body))


class Init:
    """`GET /api/init`: has anybody set a password yet?"""

    def __init__(self, status: Status) -> None:
        self._status = status

    async def __call__(self, exchange: Exchange, parameter: str) -> None:
        await exchange.reply(
            200, [_JSON, (b"cache-control", b"no-store")], msgspec.json.encode(self._status.init())
        )
