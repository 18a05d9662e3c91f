"""Notices that a client has left, and stops the work that was for it."""

import asyncio
from typing import Final

from omniroute.pipeline.failures import CLIENT_LEFT
from omniroute.server.exchange import AsgiExchange

_GRACE_S: Final = 0.05
"""Most requests are over before this: they never pay for a watcher."""


class Presence:
    """While it watches, a client that leaves cancels the request's task, which finds the reason in `stopped`."""

    __slots__ = ("_exchange", "_loop", "_task", "_timer", "_watcher")

    def __init__(
        self, exchange: AsgiExchange, task: "asyncio.Task[object]", loop: asyncio.AbstractEventLoop
    ) -> None:
        self._exchange = exchange
        self._task = task
        self._loop = loop
        self._watcher: asyncio.Task[None] | None = None
        self._timer = loop.call_later(_GRACE_S, self._start)

    def _start(self) -> None:
        if not self._exchange.complete:
            # Only one may wait for messages, and the body is still being read.
            self._timer = self._loop.call_later(_GRACE_S, self._start)
            return
        self._watcher = self._loop.create_task(self._watch(), name="presence")

    async def _watch(self) -> None:
        await self._exchange.gone()
        if not self._exchange.ended:
            self._exchange.stopped = CLIENT_LEFT
            self._task.cancel()

    def stop(self) -> None:
        """Ends the watch."""
        self._timer.cancel()
        if self._watcher is not None:
            self._watcher.cancel()
