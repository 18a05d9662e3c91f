"""Log lines to a file descriptor, in batches, from a thread: a slow or broken stderr never stops a request.

A line that cannot be written is dropped, and so is the oldest when they come faster than they can be written;
nothing is ever logged about logging (a log of failed log lines is how gateways have filled disks).
"""

import os
import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, Literal, Protocol, TypeAlias

import msgspec

from omniroute.telemetry.redact import redacted

Level: TypeAlias = Literal["debug", "info", "warning", "error"]
FieldValue: TypeAlias = str | int | float | bool | None

_RANK: Final[dict[Level, int]] = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_BATCH_S: Final = 0.05
_QUEUE: Final = 10_000


class Log(Protocol):
    """One line per call: a short event name and its fields."""

    def debug(self, event: str, **fields: FieldValue) -> None: ...

    def info(self, event: str, **fields: FieldValue) -> None: ...

    def warning(self, event: str, **fields: FieldValue) -> None: ...

    def error(self, event: str, **fields: FieldValue) -> None: ...


class StreamLog:
    """A `Log` that writes text or JSON lines to `descriptor`. Call `close` to write what is left."""

    def __init__(
        self,
        *,
        descriptor: int = 2,
        level: Level = "info",
        style: Literal["text", "json"] = "text",
        now: Callable[[], float] = time.time,
    ) -> None:
        self._descriptor = descriptor
        self._rank = _RANK[level]
        self._json = style == "json"
        self._now = now
        self._lines: deque[tuple[float, Level, str, dict[str, FieldValue]]] = deque(maxlen=_QUEUE)
        self._wanted = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def debug(self, event: str, **fields: FieldValue) -> None:
        if self._rank <= 10:
            self._put("debug", event, fields)

    def info(self, event: str, **fields: FieldValue) -> None:
        if self._rank <= 20:
            self._put("info", event, fields)

    def warning(self, event: str, **fields: FieldValue) -> None:
        if self._rank <= 30:
            self._put("warning", event, fields)

    def error(self, event: str, **fields: FieldValue) -> None:
        self._put("error", event, fields)

    def close(self) -> None:
        """Writes the rest and ends the thread. Idempotent."""
        self._closing = True
        self._wanted.set()
        self._thread.join(timeout=2.0)

    def _put(self, level: Level, event: str, fields: dict[str, FieldValue]) -> None:
        self._lines.append((self._now(), level, event, fields))
        if not self._wanted.is_set():
            self._wanted.set()

    def _run(self) -> None:
        while True:
            self._wanted.wait()
            if not self._closing:
                time.sleep(_BATCH_S)
            self._wanted.clear()
            self._write()
            if self._closing:
                return

    def _write(self) -> None:
        lines: list[str] = []
        while self._lines:
            lines.append(self._line(*self._lines.popleft()))
        data = "".join(lines).encode("utf-8", "replace")
        while data:
            try:
                written = os.write(self._descriptor, data)
            except OSError:
                return
            data = data[written:]

    def _line(self, at: float, level: Level, event: str, fields: dict[str, FieldValue]) -> str:
        second, milliseconds = divmod(int(at * 1000), 1000)
        time_text = f"{_second_text(second)}.{milliseconds:03d}Z"
        if self._json:
            clean = {key: redacted(value) if isinstance(value, str) else value for key, value in fields.items()}
            return (
                msgspec.json.encode({"time": time_text, "level": level, "event": event, **clean}).decode() + "\n"
            )
        pairs = [f"{key}={_shown(value)}" for key, value in fields.items() if value is not None and value != ""]
        return redacted(f"{time_text} {level:<7} {event} {' '.join(pairs)}".rstrip()) + "\n"


@lru_cache(maxsize=2)
def _second_text(second: int) -> str:
    """Lines come many to a second, and formatting a date costs more than the rest of a line."""
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _shown(value: FieldValue) -> str:
    if isinstance(value, str):
        return repr(value) if not value.isprintable() or " " in value or '"' in value else value
    if isinstance(value, float):
        return f"{value:.3f}".rstrip("0").rstrip(".")
    return str(value)
