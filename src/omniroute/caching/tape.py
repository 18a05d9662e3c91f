"""A reply as it is sent, for any number of listeners: whoever comes late hears it from the beginning."""

import asyncio
from collections.abc import Sequence


class Tape:
    """One records, the others follow at their own pace, which does not hold up the recording.

    `whole` says that the reply is one body and not a stream. `complete` is false for a recording that broke off
    before its reply did end.
    """

    __slots__ = ("_waiters", "complete", "ended", "headers", "pieces", "size", "status", "whole")

    def __init__(self) -> None:
        self.status = 0
        self.headers: Sequence[tuple[bytes, bytes]] = ()
        self.whole = False
        self.pieces: list[bytes] = []
        self.size = 0
        self.ended = False
        self.complete = False
        self._waiters: list[asyncio.Future[None]] = []

    @property
    def begun(self) -> bool:
        return self.status != 0

    def begin(self, status: int, headers: Sequence[tuple[bytes, bytes]], *, whole: bool) -> None:
        self.status, self.headers, self.whole = status, headers, whole
        self._tell()

    def add(self, piece: bytes) -> None:
        self.pieces.append(piece)
        self.size += len(piece)
        self._tell()

    def end(self) -> None:
        """That was the end of the reply."""
        self.complete = True
        self.close()

    def close(self) -> None:
        """Nothing more comes."""
        if not self.ended:
            self.ended = True
            self._tell()

    async def news(self) -> None:
        """Returns when something was recorded since this was called, or at once when nothing more comes."""
        if self.ended:
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            await waiter
        finally:
            if waiter.cancelled():
                self._waiters = [other for other in self._waiters if other is not waiter]

    def _tell(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
