"""Protocols for time, randomness and ids; their system implementations live in `server.system`."""

from typing import Protocol


class Clock(Protocol):
    """Two clocks: one that people read, one that only ever moves forward."""

    def now(self) -> float:
        """Unix time in seconds."""
        ...

    def monotonic(self) -> float:
        """Seconds since an arbitrary start; use it for every deadline and duration."""
        ...


class Rng(Protocol):
    """Randomness for routing; never for secrets."""

    def random(self) -> float:
        """A number in [0, 1)."""
        ...


class Ids(Protocol):
    """Names for things that have none yet."""

    def request_id(self) -> str:
        """`req_` and a ULID: unique, and sorted by time."""
        ...

    def token(self) -> str:
        """24 lower-case hex characters, unique, for ids shown to clients; not a secret."""
        ...
