"""What happens to one request: its answer, its pace, and the way it goes wrong."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from tests.support.upstream.answer import Answer
from tests.support.upstream.gate import Gate


@dataclass(frozen=True, kw_only=True)
class Refuse:
    """An error status. `body` None means the dialect's own error object with `message`."""

    status: int
    message: str = "refused by script"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None


@dataclass(frozen=True)
class Hang:
    """Silence until the client leaves: before the head (`after` None) or after so many events."""

    after: int | None = None


@dataclass(frozen=True)
class Alive:
    """A stream that has no more to say after so many events, and says so with comments until the client leaves."""

    after: int = 0
    every_s: float = 0.05


@dataclass(frozen=True)
class Cut:
    """The connection breaks, by a close or a reset: before the head (`after` None) or after so many events."""

    after: int | None = None
    how: Literal["close", "reset"] = "close"


@dataclass(frozen=True)
class Malformed:
    """Broken JSON: the body of a plain answer, or the event after so many good ones (the stream then goes on)."""

    after: int = 0


@dataclass(frozen=True)
class ErrorEvent:
    """A 200 that carries the dialect's error object: as the last event after so many good ones, or as the
    body of a plain answer."""

    after: int = 0
    message: str = "overloaded by script"
    kind: Literal["overloaded", "rate_limit", "server"] = "overloaded"


@dataclass(frozen=True)
class Empty:
    """A success that says nothing: no bytes at all, or a well-formed answer without content."""

    how: Literal["body", "content"] = "content"


@dataclass(frozen=True)
class EndEarly:
    """The HTTP body ends in good order after so many events, without the dialect's terminal event."""

    after: int


Fault: TypeAlias = Refuse | Hang | Alive | Cut | Malformed | ErrorEvent | Empty | EndEarly


@dataclass(frozen=True, kw_only=True)
class Script:
    """One request's fate.

    `answer` None means what the request itself calls for (`fitting.answer`). A stream waits at `gate` before
    each event and then `drip_s` seconds. `keep_alive`: `close` announces the end of the connection in the
    head; `drop` closes it after the reply without a word, as a tired server does.
    """

    answer: Answer | None = None
    fault: Fault | None = None
    gate: Gate | None = None
    drip_s: float = 0.0
    keep_alive: Literal["keep", "close", "drop"] = "keep"
    headers: tuple[tuple[str, str], ...] = ()


def refused(status: int, message: str = "refused by script", *headers: tuple[str, str]) -> Script:
    return Script(fault=Refuse(status=status, message=message, headers=headers))
