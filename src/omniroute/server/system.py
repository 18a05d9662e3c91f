"""The system's own time, randomness and ids."""

import os
import random
import secrets
import time
from typing import Final

_CROCKFORD: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS: Final = tuple(a + b for a in _CROCKFORD for b in _CROCKFORD)


class SystemClock:
    """`clock.Clock` over the operating system."""

    now = staticmethod(time.time)
    monotonic = staticmethod(time.monotonic)


class SystemRng:
    """`clock.Rng`; routing only, never secrets."""

    def __init__(self) -> None:
        self._random = random.Random(secrets.randbits(64))

    def random(self) -> float:
        return self._random.random()


class SystemIds:
    """`clock.Ids`: ULIDs (48 bits of milliseconds, 80 bits of chance) and random hex.

    These ids are names, not secrets. The system's randomness is asked once: each question gives up the interpreter
    lock, which costs a busy process far more than the answer.
    """

    def __init__(self) -> None:
        self._bits = random.Random(os.urandom(32)).getrandbits
        self._millisecond = -1
        self._start = ""

    def request_id(self) -> str:
        millisecond = time.time_ns() // 1_000_000
        if millisecond != self._millisecond:  # many requests share one, and the start of their ids
            self._millisecond = millisecond
            self._start = "req_" + "".join(
                [_PAIRS[(millisecond >> shift) & 1023] for shift in (40, 30, 20, 10, 0)]
            )
        chance, pairs = self._bits(80), _PAIRS
        return (
            f"{self._start}{pairs[chance >> 70]}{pairs[chance >> 60 & 1023]}{pairs[chance >> 50 & 1023]}"
            f"{pairs[chance >> 40 & 1023]}{pairs[chance >> 30 & 1023]}{pairs[chance >> 20 & 1023]}"
            f"{pairs[chance >> 10 & 1023]}{pairs[chance & 1023]}"
        )

    def seed(self) -> int:
        """64 bits of chance for one request's choices."""
        return self._bits(64)

    def token(self) -> str:
        return f"{self._bits(96):024x}"
