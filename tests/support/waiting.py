"""Waits for what another process does behind its answer: nobody tells when it is done, so one looks again."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_LOOK_AGAIN_S = 0.02


def soon(look: Callable[[], T], suits: Callable[[T], object] = bool, *, timeout_s: float = 30.0) -> T:
    """What `look` gives as soon as it suits. Raises AssertionError with what it gave last."""
    deadline = time.monotonic() + timeout_s
    while not suits(found := look()):
        assert time.monotonic() < deadline, f"after {timeout_s:g} s still {found!r}"
        time.sleep(_LOOK_AGAIN_S)
    return found
