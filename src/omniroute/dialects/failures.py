"""What all dialects read alike in a failure: the meaning of a status, and the words that may be shown."""

from typing import Final

from omniroute.dialects.look import as_text
from omniroute.ir.failure import Failure, FailureKind
from omniroute.ir.json import JsonValue

WORDLESS: Final = "the provider reported an error without words"
QUOTA_WORDS: Final = (
    "rate limit",
    "rate_limit",
    "ratelimit",
    "quota",
    "usage limit",
    "usage_limit_reached",
    "limit reached",
    "too many requests",
)
"""What an error without a status says when it means 429."""

_LONGEST: Final = 4096
"""Characters of a message that are passed on."""

_KINDS: Final[dict[int, FailureKind]] = {
    401: "authentication",
    402: "payment",
    403: "permission",
    404: "not_found",
    408: "timeout",
    429: "rate_limit",
    499: "cancelled",
    503: "overloaded",
    504: "timeout",
    529: "overloaded",
}


def kind_of_status(status: int) -> FailureKind:
    """What a provider's error status means where nothing else is said."""
    return _KINDS.get(status, "server" if status >= 500 else "invalid_request")


def error_status(failure: Failure) -> int:
    """The status that a client gets: never one of success, whatever the provider said."""
    return failure.status if failure.status >= 400 else 502


def answered_with(status: int) -> str:
    """The message of a failure whose body says nothing."""
    return f"the provider answered with status {status}"


def one_line(said: JsonValue) -> str:
    """Only the first line of a text ever reaches a client, so that no stack trace does; "" for anything else."""
    lines = (as_text(said) or "").strip().splitlines()
    return lines[0][:_LONGEST] if lines else ""


def plain_text(body: bytes) -> str:
    """A body without markup; "" for the pages of proxies, which are never shown."""
    text = body[:_LONGEST].decode(errors="replace").strip()
    return "" if text.startswith(("<", "{", "[")) else text


def cut_short() -> Failure:
    """A stream that ended in the middle of an answer."""
    return Failure(kind="cut", status=502, message="the provider's stream ended before it was complete")
