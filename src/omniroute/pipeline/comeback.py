"""Failures with the time after which trying again makes sense, where the provider said one.

Dialects decode what happened; when to come back is said in headers and words that all of them share, and needs a
clock, which a dialect has not.
"""

from typing import Final

import msgspec

from omniroute.dialects.base import Headers
from omniroute.ir.failure import Failure, FailureKind
from omniroute.routing.hints import reset_after

_PASSING: Final[frozenset[FailureKind]] = frozenset(
    {"payment", "permission", "timeout", "rate_limit", "overloaded", "server"}
)
"""Kinds of which time is a cure. Many providers tell their limits with every answer: a refusal of the body itself
must not be read as a rate limit."""


def with_hint(failure: Failure, headers: Headers, body: bytes, now: float) -> Failure:
    """`failure` with `retry_after` from what came with it; `now` is unix seconds."""
    if failure.kind not in _PASSING:
        return msgspec.structs.replace(failure, retry_after=None)
    wait = reset_after(headers, body, now)
    return failure if wait is None else msgspec.structs.replace(failure, retry_after=wait)


def in_band(failure: Failure, headers: Headers, now: float) -> Failure:
    """The same for a failure in an answer that claimed success, of which only the error object is left."""
    said = msgspec.json.encode({"message": failure.message, "error": failure.raw})
    return with_hint(failure, headers, said, now)
