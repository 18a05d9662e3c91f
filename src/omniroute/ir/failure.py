"""A failed attempt or request, as a value."""

from typing import Literal, TypeAlias

import msgspec

from omniroute.ir.json import JsonObject

FailureKind: TypeAlias = Literal[
    "invalid_request",  # 400, 404, 405, 413, 422 ...: repeating it elsewhere will not help
    "authentication",  # 401
    "payment",  # 402
    "permission",  # 403
    "not_found",  # 404 about a model
    "timeout",  # 408, 504, our own deadlines
    "rate_limit",  # 429
    "overloaded",  # 503, 529
    "server",  # other 5xx
    "connect",  # no connection to the provider; nothing was sent
    "cut",  # the answer ended before its terminal event
    "protocol",  # the answer cannot be understood
    "empty",  # a success without content
    "cancelled",  # the client left
]


class Failure(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What went wrong. `status` is the HTTP status to report; `retry_after` is in seconds.

    `message` is one line and safe to show; `raw` is the provider's own error object, for the log.
    `code` is the provider's or our own machine-readable code, where there is one.
    """

    kind: FailureKind
    status: int
    message: str
    code: str | None = None
    retry_after: float | None = None
    raw: JsonObject | None = None
