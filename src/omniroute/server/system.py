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

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()


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

    def request_id(self) -> str:
        value = (time.time_ns() // 1_000_000) << 80 | self._bits(80)
        pairs = _PAIRS
        return "req_" + "".join(
            [pairs[(value >> shift) & 1023] for shift in (120, 110, 100, 90, 80, 70, 60, 50, 40, 30, 20, 10, 0)]
        )

    def token(self) -> str:
        return f"{self._bits(96):024x}"
