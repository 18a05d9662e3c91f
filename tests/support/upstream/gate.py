"""Lets a stream's events through one permit at a time, so that a test decides when each is sent."""

import threading
from asyncio import AbstractEventLoop, Future, get_running_loop
from collections import deque


class Gate:
    def __init__(self, permits: int = 0) -> None:
        self._lock = threading.Lock()
        self._permits = permits
        self._waiting: deque[tuple[AbstractEventLoop, Future[None]]] = deque()

    def release(self, count: int = 1) -> None:
        """May be called from any thread; permits that nobody waits for are kept."""
        with self._lock:
            for _ in range(count):
                while self._waiting and self._waiting[0][1].done():
                    self._waiting.popleft()
                if self._waiting:
                    loop, future = self._waiting.popleft()
                    loop.call_soon_threadsafe(_settle, future)
                else:
                    self._permits += 1

    async def passed(self) -> None:
        with self._lock:
            if self._permits:
                self._permits -= 1
                return
            loop = get_running_loop()
            future: Future[None] = loop.create_future()
            self._waiting.append((loop, future))
        await future


def _settle(future: "Future[None]") -> None:
    if not future.done():
        future.set_result(None)
