"""Which requests broke the prompt cache of their provider, of those whose bodies were captured."""

from collections.abc import Iterable
from typing import Annotated

import msgspec
from fastapi import Query

from omniroute.caching.prefix import Asked, Cause, breaks
from omniroute.dialects.envelope import open_envelope
from omniroute.dialects.reading import written_in
from omniroute.dialects.registry import DIALECTS
from omniroute.errors import GatewayError
from omniroute.ir.request import GenerateRequest
from omniroute.management.router import ManagementRouter
from omniroute.management.services import Services
from omniroute.management.shapes import Reply, ServicesOf, iso
from omniroute.routing.affinity import conversation
from omniroute.storage.repos import requests
from omniroute.storage.repos.usage import RequestRow

router = ManagementRouter(auth="manage", prefix="/api/cache/breaks", tag="cache")


class BreakShape(Reply):
    """`path` is the first place that differs from the request before, in the order of a prompt: tools,
    instructions, messages. `cause` is `volatile` where a time or an id in a text changed. `lostTokens` estimates
    what stood behind it unchanged and had to be read anew; `cacheReadTokens` is what the provider still served."""

    request_id: str
    at: str
    model: str
    path: str
    cause: Cause
    before: str
    after: str
    lost_tokens: int
    cache_read_tokens: int


class Breaks(Reply):
    """Of `looked` captured requests in `conversations`; `unreadable` ones were cut or of a dialect without
    conversations."""

    looked: int
    conversations: int
    unreadable: int
    breaks: list[BreakShape]


@router.get("")
def cache_breaks(services: ServicesOf, limit: Annotated[int, Query(ge=2, le=500)] = 200) -> Breaks:
    """Among the latest `limit` requests whose bodies were kept (`bodies` of `/api/settings/logging`)."""
    page = services.database.read(lambda it: requests.page(it, (), now=services.now_ms(), limit=limit))
    rows = [row for row in reversed(page.rows) if row.operation in ("chat", "responses")]
    captured = services.captures.known((row.id, row.at) for row in rows)
    by_name: dict[str, list[tuple[RequestRow, Asked]]] = {}
    unreadable = 0
    for row in rows:
        if row.id not in captured:
            continue
        read = _read(services, row)
        if read is None:
            unreadable += 1
        else:
            name, request = read
            by_name.setdefault(f"{row.key_id} {name}", []).append((row, Asked(row.id, request)))
    return Breaks(
        looked=len(captured),
        conversations=len(by_name),
        unreadable=unreadable,
        breaks=[shape for members in by_name.values() for shape in _shapes(members)],
    )


def _read(services: Services, row: RequestRow) -> tuple[str, GenerateRequest] | None:
    """The conversation and what was asked; None for what cannot be read any more."""
    capture = services.captures.find(row.id, at_ms=row.at)
    dialect = DIALECTS.get(row.dialect)
    if capture is None or dialect is None or capture.request.text is None or capture.request.left_out:
        return None
    try:
        body = msgspec.json.decode(capture.request.text, type=dict[str, msgspec.Raw])
        envelope = open_envelope(
            msgspec.json.encode({"model": msgspec.Raw(msgspec.json.encode(row.model_asked)), **body})
        )
        written = DIALECTS[written_in(dialect.name, envelope.fields)]
        name = row.session_id or conversation({}, envelope.fields)
        return None if name is None else (name, written.decode_request(envelope.decoded()))
    except (msgspec.DecodeError, GatewayError, ValueError, RecursionError):
        return None


def _shapes(members: list[tuple[RequestRow, Asked]]) -> Iterable[BreakShape]:
    by_id = {row.id: row for row, _ in members}
    for found in breaks([asked for _, asked in members]):
        row = by_id[found.request_id]
        yield BreakShape(
            request_id=found.request_id,
            at=iso(row.at) or "",
            model=row.model or row.model_asked,
            path=found.path,
            cause=found.cause,
            before=found.before,
            after=found.after,
            lost_tokens=found.lost_tokens,
            cache_read_tokens=row.cache_read_tokens,
        )
