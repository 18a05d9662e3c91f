"""Requests as the dashboard of OmniRoute's earlier generation lists them, with what was captured of each."""

from typing import Annotated, Literal

from fastapi import Path, Query
from pydantic import Field, RootModel

from omniroute.errors import GatewayError, InvalidRequest
from omniroute.ir.json import JsonObject
from omniroute.management.captured import CaptureShape, capture_shape
from omniroute.management.naming import Names
from omniroute.management.router import ManagementRouter
from omniroute.management.searching import patience
from omniroute.management.shapes import Reply, ServicesOf, iso
from omniroute.storage.filters.grammar import Compare, Pattern, Term, Word
from omniroute.storage.filters.grammar import Query as Filter
from omniroute.storage.repos import requests, usage
from omniroute.storage.repos.usage import RequestRow

router = ManagementRouter(auth="manage", prefix="/api/usage/call-logs", tag="usage")

_Text = Annotated[str | None, Query(max_length=200)]


class CallTokens(Reply):
    """`in` holds fresh input, cache reads and cache writes."""

    input: int = Field(serialization_alias="in")
    output: int = Field(serialization_alias="out")
    cache_read: int
    cache_write: int
    reasoning: int


class CallLog(Reply):
    """`detailState` is `ready` when something was captured of it. Durations are milliseconds."""

    id: str
    timestamp: str
    method: Literal["POST"] = "POST"
    path: str | None
    status: int
    model: str
    requested_model: str
    provider: str
    account: str
    connection_id: str
    duration: int
    tokens: CallTokens
    cache_source: Literal["upstream", "cache"]
    request_type: str
    source_format: str
    api_key_id: str
    api_key_name: str
    combo_name: str | None
    error: str | None
    detail_state: Literal["none", "ready"]
    has_request_body: bool
    has_response_body: bool
    has_pipeline_details: bool = False


class CallLogs(RootModel[list[CallLog]]):
    """Newest first."""


class CallLogDetail(CallLog):
    """Bodies as they were sent, redacted and cut; `capture` says what was left out of them."""

    request_body: str | None
    response_body: str | None
    pipeline_payloads: None = None
    capture: CaptureShape | None


@router.get("")
def call_logs(
    services: ServicesOf,
    status: Annotated[str | None, Query(max_length=10, description="error, ok, or a status code")] = None,
    model: _Text = None,
    provider: _Text = None,
    account: _Text = None,
    api_key: Annotated[_Text, Query(alias="apiKey")] = None,
    combo: Annotated[str | None, Query(pattern="^1$")] = None,
    search: _Text = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 200,
) -> CallLogs:
    """The latest requests; all that is asked for must hold."""
    query = _query(status, model, provider, account, api_key, search) + (_OF_COMBOS if combo else ())
    patient = patience()
    page = services.database.read(
        lambda connection: requests.page(connection, query, now=services.now_ms(), limit=limit, patient=patient)
    )
    names = Names(services)
    captured = services.captures.known((row.id, row.at) for row in page.rows)
    return CallLogs([CallLog(**_shape(row, names, captured=row.id in captured)) for row in page.rows])


@router.get("/{request_id}")
def call_log(request_id: Annotated[str, Path(max_length=64)], services: ServicesOf) -> CallLogDetail:
    """One request, with its bodies when they were captured."""
    row = services.database.read(lambda connection: usage.get(connection, request_id))
    if row is None:
        raise GatewayError(404, f"There is no request {request_id!r} in the log.", code="request_not_found")
    capture = services.captures.find(row.id, at_ms=row.at)
    shape = {**_shape(row, Names(services), captured=capture is not None)}
    if capture is not None:
        shape["path"] = capture.path
    return CallLogDetail(
        **shape,
        request_body=None if capture is None else capture.request.text,
        response_body=None if capture is None else capture.response.text,
        capture=None if capture is None else capture_shape(capture),
    )


_OF_COMBOS: Filter = (Term(field="combo", values=(Pattern(("",)),), negated=True),)


def _query(
    status: str | None,
    model: str | None,
    provider: str | None,
    account: str | None,
    key: str | None,
    search: str | None,
) -> Filter:
    terms: list[Term] = []
    if status in ("error", "ok"):
        terms.append(Term(field="status", values=(Word(status),)))
    elif status:
        if not status.isdecimal():
            raise InvalidRequest(f"{status!r} is no status; write error, ok, or a number.", code="bad_filter")
        terms.append(Term(field="status", values=(Compare("=", int(status)),)))
    if model:
        terms.append(Term(field="models", values=(Pattern(("", model, "")),)))
    for field, value in (("provider", provider), ("account", account), ("key", key), ("text", search)):
        if value:
            terms.append(Term(field=field, values=(Pattern((value,)),)))
    return tuple(terms)


def _shape(row: RequestRow, names: Names, *, captured: bool) -> JsonObject:
    return {
        "id": row.id,
        "timestamp": iso(row.at) or "",
        "path": None,
        "status": row.status,
        "model": row.model or row.model_asked,
        "requested_model": row.model_asked,
        "provider": row.provider,
        "account": names.account(row.connection_id),
        "connection_id": row.connection_id,
        "duration": row.duration_ms,
        "tokens": CallTokens(
            input=row.input_tokens + row.cache_read_tokens + row.cache_write_tokens,
            output=row.output_tokens,
            cache_read=row.cache_read_tokens,
            cache_write=row.cache_write_tokens,
            reasoning=row.reasoning_tokens,
        ),
        "cache_source": "cache" if row.usage_source == "cache" else "upstream",
        "request_type": row.operation,
        "source_format": row.dialect,
        "api_key_id": row.key_id,
        "api_key_name": names.key(row.key_id),
        "combo_name": row.combo or None,
        "error": row.message or None,
        "detail_state": "ready" if captured else "none",
        "has_request_body": captured,
        "has_response_body": captured,
    }
