"""Idle connections, newest first, kept until they are too old."""

import asyncio

from omniroute.upstream.head import Key
from omniroute.upstream.native.protocol import Connection


class Pool:
    """Knows every connection, also those at work, so that all of them can be closed."""

    def __init__(self, idle_s: float, size: int) -> None:
        self._idle_s = idle_s
        self._size = size
        self._stacks: dict[Key, list[Connection]] = {}
        self._open: set[Connection] = set()
        self._sweeping: asyncio.TimerHandle | None = None
        self._closed = False

    def connection(self, key: Key, origin: str) -> Connection:
        """A connection that will come back here; `adopt` it when it is connected."""
        return Connection(key, origin, self._put, self._open.discard)

    def adopt(self, connection: Connection) -> None:
        if self._closed:
            connection.abort()
        elif not connection.closed:
            self._open.add(connection)

    def take(self, key: Key, now: float) -> Connection | None:
        stack = self._stacks.get(key)
        while stack:
            connection = stack.pop()
            if not connection.closed:
                if connection.idle_since > now - self._idle_s:
                    return connection
                connection.abort()
        return None

    def close(self) -> None:
        self._closed = True
        for connection in list(self._open):
            connection.abort()
        self._stacks.clear()
        if self._sweeping is not None:
            self._sweeping.cancel()

    def _put(self, connection: Connection) -> None:
        stack = self._stacks.setdefault(connection.key, [])
        if self._closed or len(stack) >= self._size:
            connection.abort()
            return
        stack.append(connection)
        if self._sweeping is None:
            self._sweeping = asyncio.get_running_loop().call_later(self._idle_s / 2, self._sweep)

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        oldest = loop.time() - self._idle_s
        for key, stack in list(self._stacks.items()):
            # The oldest lie at the bottom.
            while stack and (stack[0].closed or stack[0].idle_since <= oldest):
                stack.pop(0).abort()
            if not stack:
                del self._stacks[key]
        self._sweeping = loop.call_later(self._idle_s / 2, self._sweep) if self._stacks else None
