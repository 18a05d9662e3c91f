"""The requests that went through the gateway, and what became of each attempt."""

from typing import Annotated

from fastapi import Path, Query
from pydantic import Field
from sqlalchemy import Connection

from omniroute.errors import GatewayError, InvalidRequest
from omniroute.management.captured import CaptureShape, capture_shape
from omniroute.management.router import ManagementRouter
from omniroute.management.searching import patience, query_of
from omniroute.management.shapes import Reply, ServicesOf, iso
from omniroute.storage.filters.fields import FIELDS, WORDS
from omniroute.storage.filters.grammar import Pattern, Term, Word
from omniroute.storage.repos import requests, usage
from omniroute.storage.repos import suggestions as lately
from omniroute.storage.repos.usage import AttemptRow, Cursor, RequestRow

router = ManagementRouter(auth="manage", prefix="/api/usage/request-logs", tag="usage")


class Tokens(Reply):
    """`in` holds fresh input, cache reads and cache writes. Sound and pictures are parts of `in` and `out`."""

    input: int = Field(serialization_alias="in")
    output: int = Field(serialization_alias="out")
    cache_read: int
    cache_write: int
    reasoning: int
    audio_in: int
    audio_out: int
    image_in: int
    image_out: int
    source: str


class RequestShape(Reply):
    """`outcome` is `ok`, `open`, `interrupted` or the kind of failure; durations are milliseconds."""

    id: str
    timestamp: str
    outcome: str
    status: int
    dialect: str
    requested_model: str
    model: str | None
    provider: str | None
    account: str | None
    key_id: str
    combo: str | None
    stream: bool
    session_id: str | None
    client_request_id: str | None
    duration: int
    first_event: int
    attempts: int
    losses: int
    tokens: Tokens
    cost_micro_usd: int | None
    price_source: str | None
    error: str | None


class AttemptTokens(Reply):
    """`in` holds fresh input, cache reads and cache writes."""

    input: int = Field(serialization_alias="in")
    output: int = Field(serialization_alias="out")
    cache_read: int
    cache_write: int


class AttemptShape(Reply):
    """`tokens` and `costMicroUsd` are what a failed attempt used, as far as its provider said so. They are parts
    of the request's."""

    number: int
    timestamp: str
    provider: str
    account: str
    model: str
    outcome: str
    status: int
    duration: int
    tokens: AttemptTokens
    cost_micro_usd: int | None
    price_source: str | None
    error: str | None


class RequestPage(Reply):
    """Newest first. `nextCursor` is what to send as `cursor` for the next page, null on the last one. A page that
    is not `complete` has fewer items than there may be: the search took too long, got as far as `searchedUntil`,
    and goes on from its cursor."""

    items: list[RequestShape]
    next_cursor: str | None
    complete: bool
    searched_until: str | None


class RequestDetail(RequestShape):
    """`capture` is null when nothing of it was captured."""

    tries: list[AttemptShape]
    capture: CaptureShape | None


class Suggestions(Reply):
    """Values of `field`, or the names of fields where it is null."""

    field: str | None
    values: list[str]


@router.get("")
def request_logs(
    services: ServicesOf,
    q: Annotated[
        str | None, Query(max_length=1000, description="a filter such as `status:error cost>0.01`")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: Annotated[str | None, Query(max_length=100)] = None,
    status: Annotated[str | None, Query(pattern="^(error|ok)$")] = None,
    model: Annotated[str | None, Query(max_length=200)] = None,
) -> RequestPage:
    """All that is asked for must hold. `model` is a text that the name of the model holds."""
    query = query_of(q)
    if status is not None:
        query += (Term(field="status", values=(Word(status),)),)
    if model:
        holding = Pattern(("", model, ""))
        query += (Term(field="models", values=(holding,)),)
    before = _before(cursor)
    patient = patience()
    page = services.database.read(
        lambda connection: requests.page(
            connection, query, now=services.now_ms(), limit=limit, before=before, patient=patient
        )
    )
    return RequestPage(
        items=[_shape(row) for row in page.rows],
        next_cursor=None if page.cursor is None else f"{page.cursor.at}.{page.cursor.id}",
        complete=page.complete,
        searched_until=None if page.complete or page.cursor is None else iso(page.cursor.at),
    )


@router.get("/suggest")
def suggestions(
    services: ServicesOf,
    field: Annotated[str | None, Query(max_length=40, description="without it, the names of fields")] = None,
    prefix: Annotated[str, Query(max_length=200)] = "",
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> Suggestions:
    """What a filter may go on with. Of names and models those of the latest requests, the most frequent first."""
    name = None if field is None else field.lower()
    kind = None if name is None else FIELDS.get(name)
    if name is None:
        words: tuple[str, ...] = tuple(FIELDS)
    elif kind is None:
        raise InvalidRequest(f"There is no field {field!r}; there are {', '.join(FIELDS)}.", code="bad_filter")
    elif kind == "text":
        found = services.database.read(lambda connection: lately.values(connection, name, prefix, limit=limit))
        return Suggestions(field=name, values=list(found))
    else:
        words = WORDS.get(kind, ())
    return Suggestions(field=name, values=[one for one in words if one.startswith(prefix.lower())][:limit])


@router.get("/{request_id}")
def request_log(request_id: Annotated[str, Path(max_length=64)], services: ServicesOf) -> RequestDetail:
    def question(connection: Connection) -> tuple[RequestRow | None, tuple[AttemptRow, ...]]:
        return usage.get(connection, request_id), usage.attempts_of(connection, request_id)

    row, attempts = services.database.read(question)
    if row is None:
        raise GatewayError(404, f"There is no request {request_id!r} in the log.", code="request_not_found")
    capture = services.captures.find(row.id, at_ms=row.at)
    return RequestDetail(
        **_shape(row).model_dump(),
        tries=[_attempt(attempt) for attempt in attempts],
        capture=None if capture is None else capture_shape(capture),
    )


def _before(cursor: str | None) -> Cursor | None:
    if cursor is None:
        return None
    at, dot, request_id = cursor.partition(".")
    if not dot or not at.isdecimal() or len(at) > 15:
        raise InvalidRequest(f"The cursor {cursor!r} is not one of ours; leave it out to start anew.")
    return Cursor(int(at), request_id)


def _shape(row: RequestRow) -> RequestShape:
    return RequestShape(
        id=row.id,
        timestamp=iso(row.at) or "",
        outcome=row.outcome,
        status=row.status,
        dialect=row.dialect,
        requested_model=row.model_asked,
        model=row.model or None,
        provider=row.provider or None,
        account=row.connection_id or None,
        key_id=row.key_id,
        combo=row.combo or None,
        stream=row.stream,
        session_id=row.session_id,
        client_request_id=row.client_request_id,
        duration=row.duration_ms,
        first_event=row.first_event_ms,
        attempts=row.attempts,
        losses=row.losses,
        tokens=Tokens(
            input=row.input_tokens + row.cache_read_tokens + row.cache_write_tokens,
            output=row.output_tokens,
            cache_read=row.cache_read_tokens,
            cache_write=row.cache_write_tokens,
            reasoning=row.reasoning_tokens,
            audio_in=row.audio_input_tokens,
            audio_out=row.audio_output_tokens,
            image_in=row.image_input_tokens,
            image_out=row.image_output_tokens,
            source=row.usage_source,
        ),
        cost_micro_usd=row.cost_micro_usd,
        price_source=row.price_source,
        error=row.message or None,
    )


def _attempt(row: AttemptRow) -> AttemptShape:
    return AttemptShape(
        number=row.number,
        timestamp=iso(row.at) or "",
        provider=row.provider,
        account=row.connection_id,
        model=row.model,
        outcome=row.outcome,
        status=row.status,
        duration=row.duration_ms,
        tokens=AttemptTokens(
            input=row.input_tokens + row.cache_read_tokens + row.cache_write_tokens,
            output=row.output_tokens,
            cache_read=row.cache_read_tokens,
            cache_write=row.cache_write_tokens,
        ),
        cost_micro_usd=row.cost_micro_usd,
        price_source=row.price_source,
        error=row.message or None,
    )
