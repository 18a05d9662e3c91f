"""How long a request may take altogether: one deadline over its queues, waits, refreshes and attempts."""

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from omniroute.errors import InvalidRequest
from omniroute.ir.failure import Failure
from omniroute.ir.target import Target

HEADER: Final = "x-omniroute-timeout-ms"
NEVER: Final = math.inf
"""The deadline of a request that may take as long as it takes."""

_MAX_MS: Final = 86_400_000
_LEAST_SHARE_S: Final = 30.0
_LEAST_S: Final = 1.0
"""With less time than this left nothing new is begun: it could not end."""


def limit_s(headers: Mapping[str, str], *, stream: bool, usual_s: float) -> float:
    """Seconds from the request's arrival; infinite for no deadline. The client's word counts before `usual_s` (0
    for none), which streams do not have: they show that they are alive. Raises `InvalidRequest`."""
    if HEADER in headers:
        return _said(headers[HEADER])
    return NEVER if stream or usual_s <= 0 else usual_s


@lru_cache(maxsize=64)
def passed(limit_s: float) -> Failure:
    """What a caller is told whose deadline ended after `limit_s` seconds."""
    return Failure(
        kind="timeout",
        status=504,
        message=(
            f"the request was not done within its deadline of {limit_s * 1000:.0f} ms; give it more time with the"
            " header X-OmniRoute-Timeout-Ms, or choose a faster model"
        ),
        code="deadline_exceeded",
    )


def share_s(left_s: float, targets: int) -> float | None:
    """How long one of `targets` that are still to be tried may take to begin its answer, of `left_s` seconds. None
    when the deadline itself is all that limits it: for the last one, and where there is too little to share."""
    if targets <= 1 or left_s <= _LEAST_SHARE_S:
        return None
    return max(_LEAST_SHARE_S, left_s / targets)


def too_slow(target: Target, usual_s: float, left_s: float) -> Failure:
    """Why `target`, which takes `usual_s` seconds to begin its answer, is not asked when `left_s` are left."""
    return Failure(
        kind="timeout",
        status=504,
        code="too_little_time",
        message=(
            f"{target.provider}/{target.model} usually takes {usual_s:.1f} s to begin its answer, and"
            f" {max(0.0, left_s):.1f} s of the request's deadline are left; give it more time with the header"
            " X-OmniRoute-Timeout-Ms, or choose a faster model"
        ),
    )


def too_late(left_s: float) -> bool:
    """Whether it makes no sense to begin another attempt."""
    return left_s < _LEAST_S


def _said(value: str) -> float:
    text = value.strip()
    if text.isascii() and text.isdigit() and len(text) <= len(str(_MAX_MS)) and 0 < int(text) <= _MAX_MS:
        return int(text) / 1000
    raise InvalidRequest(
        f"the header X-OmniRoute-Timeout-Ms is a number of milliseconds from 1 to {_MAX_MS}, not {value[:40]!r};"
        " leave it out for no deadline of your own",
        code="invalid_timeout",
    )
