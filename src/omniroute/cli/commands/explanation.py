"""One request for people: what was asked, who answered, why it went there, and what went wrong on the way."""

from collections.abc import Iterator

import msgspec


class Tokens(msgspec.Struct, rename={"input": "in", "output": "out", "cache_read": "cacheRead"}):
    input: int = 0
    output: int = 0
    cache_read: int = 0
    source: str = ""


class Row(msgspec.Struct, rename="camel"):
    """What the log has of it. Times are milliseconds."""

    id: str
    timestamp: str = ""
    outcome: str = ""
    status: int = 0
    dialect: str = ""
    requested_model: str = ""
    model: str | None = None
    provider: str | None = None
    account: str | None = None
    key_id: str = ""
    stream: bool = False
    duration: int = 0
    first_event: int = 0
    attempts: int = 0
    tokens: Tokens = msgspec.field(default_factory=Tokens)
    cost_micro_usd: int | None = None
    error: str | None = None


class Place(msgspec.Struct, rename="camel"):
    provider: str
    model: str
    account: str
    execution_key: str = ""
    because: list[str] = []


class Left(msgspec.Struct, rename="camel"):
    execution_key: str
    reason: str


class Tried(msgspec.Struct, rename="camel"):
    provider: str
    model: str
    account: str
    kind: str
    status: int
    message: str
    duration_ms: int = 0
    rest_s: float = 0.0


class Lost(msgspec.Struct):
    path: str
    what: str
    how: str
    weight: str


class Trace(msgspec.Struct, rename="camel"):
    """What is still known of why it went there."""

    key: str = ""
    combo: str | None = None
    strategy: str | None = None
    conduct: str | None = None
    config_version: int | None = None
    cache: str | None = None
    order: list[Place] = []
    excluded: list[Left] = []
    tried: list[Tried] = []
    winner: Place | None = None
    interrupted: Place | None = None
    losses: list[Lost] = []


def lines(row: Row, trace: Trace | None) -> Iterator[str]:
    """The account of one request, line by line."""
    yield f"{row.id}  {row.timestamp}"
    yield f"  {_ending(row)}"
    yield f"  asked for    {_asked(row, trace)}"
    if row.provider:
        yield f"  went to      {row.provider}/{row.model or '-'}, account {row.account or '-'}"
    yield f"  took         {_took(row)}"
    yield f"  used         {_used(row)}"
    if trace is None:
        yield "  why          is no longer known: the gateway keeps it for its last 2,000 requests"
        return
    if trace.cache is not None:
        yield f"  cache        {trace.cache}"
    if trace.conduct is not None:
        yield f"  conduct      {trace.conduct}"
    yield from _block("order", [_placed(number, one) for number, one in enumerate(trace.order, start=1)])
    yield from _block("left out", [f"{one.execution_key}: {one.reason}" for one in trace.excluded])
    yield from _block("in vain", [_tried(number, one) for number, one in enumerate(trace.tried, start=1)])
    if trace.interrupted is not None:
        asked = trace.interrupted
        who = f"{asked.provider}/{asked.model}, account {asked.account}"
        yield f"  unfinished   {who}: the request ended before it answered"
    yield from _block("changed", [f"{one.what} {one.how} at {one.path} ({one.weight})" for one in trace.losses])
    if trace.config_version is not None:
        yield f"  configured   as of version {trace.config_version}"


def _ending(row: Row) -> str:
    if row.outcome == "ok":
        return f"answered with {row.status}"
    if row.outcome == "open":
        return "still under way"
    return f"failed with {row.status}, {row.outcome}: {row.error or 'nothing was said'}"


def _asked(row: Row, trace: Trace | None) -> str:
    combo = f", a combo ({trace.strategy})" if trace is not None and trace.combo is not None else ""
    who = row.key_id if trace is None or not trace.key else trace.key
    return (
        f"{row.requested_model}{combo} in {row.dialect}{', as a stream' if row.stream else ''}, by the key {who}"
    )


def _took(row: Row) -> str:
    if not row.attempts:
        return f"{row.duration} ms; no provider was asked"
    attempts = f"{row.attempts} attempt{'' if row.attempts == 1 else 's'}"
    return f"{row.duration} ms over {attempts}; its first event came after {row.first_event} ms"


def _used(row: Row) -> str:
    cost = "at an unknown price" if row.cost_micro_usd is None else f"for {row.cost_micro_usd / 1_000_000:.6f} USD"
    cached = f" ({row.tokens.cache_read} of them cached)" if row.tokens.cache_read else ""
    source = f", {row.tokens.source}" if row.tokens.source and row.tokens.source != "reported" else ""
    if row.tokens.source == "none":
        return "nothing"
    return f"{row.tokens.input} tokens in{cached}, {row.tokens.output} out{source}, {cost}"


def _placed(number: int, one: Place) -> str:
    # What is said of the account itself need not name it again.
    reasons = [reason.removeprefix(f"account {one.account}: ") for reason in one.because]
    why = f": {'; '.join(reasons)}" if reasons else ""
    return f"{number}. {one.provider}/{one.model}, account {one.account}{why}"


def _tried(number: int, one: Tried) -> str:
    rest = f"; rests for {one.rest_s:.0f} s" if one.rest_s else ""
    who = f"{one.provider}/{one.model}, account {one.account}"
    return f"{number}. {who}: {one.status} {one.kind} after {one.duration_ms} ms: {one.message}{rest}"


def _block(title: str, entries: list[str]) -> Iterator[str]:
    for number, entry in enumerate(entries):
        yield f"  {title if not number else '':<12} {entry}"
