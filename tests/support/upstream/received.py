"""What the upstream saw of one request: its bytes, how far its answer got, and how it ended."""

import threading
from collections.abc import Callable
from typing import Literal, TypeAlias

import msgspec

from tests.support.upstream.wire import Request

Ending: TypeAlias = Literal["whole", "broken", "left"]
"""`whole`: answered to the end; `broken`: cut by script; `left`: the caller closed the connection first."""


class Received:
    """Written by the upstream's thread, read by the test's; `changed` is notified after every change.

    `sent` are the events of the streamed answer so far, without HTTP framing.
    """

    def __init__(self, number: int, connection: int, request: Request, changed: threading.Condition) -> None:
        self.number = number
        self.connection = connection
        self.request = request
        self.sent: list[bytes] = []
        self.ending: Ending | None = None
        self._changed = changed

    @property
    def json(self) -> dict:
        return msgspec.json.decode(self.request.body)

    @property
    def events_sent(self) -> int:
        return len(self.sent)

    def add_sent(self, event: bytes) -> None:
        with self._changed:
            self.sent.append(event)
            self._changed.notify_all()

    def end(self, ending: Ending) -> None:
        """The first ending counts."""
        with self._changed:
            self.ending = self.ending or ending
            self._changed.notify_all()

    def wait_ended(self, timeout_s: float = 10.0) -> Ending:
        self._wait(lambda: self.ending is not None, timeout_s, "its answer has not ended")
        assert self.ending is not None
        return self.ending

    def wait_sent(self, events: int, timeout_s: float = 10.0) -> None:
        self._wait(lambda: self.events_sent >= events, timeout_s, f"fewer than {events} events were sent")

    def _wait(self, reached: Callable[[], bool], timeout_s: float, otherwise: str) -> None:
        with self._changed:
            if not self._changed.wait_for(reached, timeout_s):
                raise AssertionError(
                    f"{self.request.method} {self.request.target}: {otherwise} after {timeout_s} s "
                    f"(sent {self.events_sent}, ending {self.ending})"
                )
