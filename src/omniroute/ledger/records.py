"""The records of the journal: the life of a request as it is written down, in order.

opened -> attempt* -> progress* -> settled. All are msgpack arrays with a tag first, so fields may only be
added at the end, with a default. Times are unix seconds; money is integer micro-USD; durations milliseconds.
"""

from typing import Literal, TypeAlias

import msgspec

from omniroute.ledger.budgets import Charge

UsageSource: TypeAlias = Literal["reported", "estimated", "none", "cache"]
"""`cache` is an answer that another request has paid for: its tokens are in that one's record."""

Media: TypeAlias = tuple[int, int, int, int, int, int]
"""The fields of `ir.result.MediaTokens` in their order."""


class Opened(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="o"):
    """A request was admitted."""

    request_id: str
    at: float
    key_id: str
    dialect: str
    operation: str
    model: str
    stream: bool
    session_id: str | None = None
    client_request_id: str | None = None
    combo: str = ""
    """The name of the combo that the choice was left to; empty for none."""


class Attempted(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="a"):
    """One try at one provider ended (or, for the winning one, its first event arrived).

    The only attempt of a request may be left out: its settled record says the same.
    """

    request_id: str
    number: int
    at: float
    provider: str
    connection_id: str
    model: str
    outcome: str
    """`ok` or a FailureKind."""
    status: int = 0
    duration_ms: int = 0
    message: str = ""
    input_tokens: int = 0
    """What a failed attempt used all the same, by its provider's own report. What the one that answered has used
    is the request's, less these."""
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cost_micro_usd: int | None = None
    price_source: str | None = None
    charges: tuple[Charge, ...] = ()
    """What its budgets are charged for it."""


class Progress(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="p"):
    """What a request with a long stream has used so far, earlier attempts included: what would hold if nothing
    more were ever heard of it."""

    request_id: str
    at: float
    input_tokens: int
    output_tokens: int
    provider: str = ""
    connection_id: str = ""
    model: str = ""
    cost_micro_usd: int | None = None
    price_source: str | None = None
    charges: tuple[Charge, ...] = ()
    """What its budgets are charged on top of earlier charges for the same request."""
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0


class Settled(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="s"):
    """The request ended, in whatever way. Its tokens and its cost are those of all its attempts."""

    request_id: str
    at: float
    outcome: str
    """`ok`, a FailureKind, or `cancelled`."""
    status: int
    provider: str = ""
    connection_id: str = ""
    model: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    usage_source: UsageSource = "none"
    cost_micro_usd: int | None = None
    first_event_ms: int = 0
    duration_ms: int = 0
    attempts: int = 0
    losses: int = 0
    message: str = ""
    price_source: str | None = None
    """Where the price of `cost_micro_usd` is from, with its version."""
    charges: tuple[Charge, ...] = ()
    """What its budgets are charged on top of earlier charges for the same request."""
    media: Media | None = None
    cache_write_hour_tokens: int = 0
    """Of `cache_write_tokens`."""
    tier: str | None = None
    """`ir.result.Usage.tier` of the attempt that answered."""


Record: TypeAlias = Opened | Attempted | Progress | Settled
