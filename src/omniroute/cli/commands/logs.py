"""`omniroute logs`: the requests that went through the gateway, newest last, and what one of them said."""

import time
from collections.abc import Iterator
from typing import Annotated, Final
from urllib.parse import quote, urlencode

import msgspec
import typer

from omniroute.cli.client import Gateway
from omniroute.cli.command import Call
from omniroute.cli.commands import explanation
from omniroute.cli.problem import USAGE, Problem
from omniroute.ir.json import JsonObject
from omniroute.storage.filters.grammar import FilterError, parse

_FOLLOW_EVERY_S: Final = 1.0
_PAGE: Final = 100


class _Tokens(msgspec.Struct, rename={"input": "in", "output": "out"}):
    input: int | None = None
    output: int | None = None


class Entry(msgspec.Struct, rename="camel"):
    """One request as the gateway lists it."""

    id: str
    timestamp: str | float = ""
    status: int | str = ""
    model: str | None = None
    requested_model: str | None = None
    provider: str | None = None
    account: str | None = None
    duration: float | None = None
    tokens: _Tokens = msgspec.field(default_factory=_Tokens)
    error: str | None = None


class _Page(msgspec.Struct, rename="camel"):
    items: list[JsonObject]
    next_cursor: str | None = None
    searched_until: str | None = None


class _Body(msgspec.Struct):
    text: str | None
    size: int


class _Capture(msgspec.Struct):
    method: str
    path: str
    status: int
    request: _Body
    response: _Body


class _Captured(msgspec.Struct):
    capture: _Capture | None = None


def ls(
    call: Call,
    query: Annotated[
        list[str] | None, typer.Argument(metavar="FILTER", help="Which ones, such as 'status:error cost>0.01'.")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with requests as they end.")] = False,
    errors: Annotated[bool, typer.Option("--errors", help="Only requests that failed.")] = False,
    model: Annotated[str, typer.Option("--model", metavar="TEXT", help="Only models that hold this text.")] = "",
    limit: Annotated[str, typer.Option("--limit", metavar="N", help="How many at most.")] = "20",
) -> None:
    """List the latest requests, the newest last. With --json, one object per line. `ls` may be left out.

    \b
    Examples:
      omniroute logs 'status:error model:claude-* since:1d'
      omniroute logs -f --model claude
    """
    if not limit.isdigit() or int(limit) < 1:
        raise Problem(f"--limit must be a whole number from 1, not {limit!r}", code=USAGE)
    gateway = call.place.gateway()
    filters = _checked(" ".join(query or ()))
    filters |= {"status": "error"} if errors else {}
    filters |= {"model": model} if model else {}
    latest = _latest(call, gateway, filters, int(limit))
    _print(call, latest)
    seen = {str(item.get("id")) for item in latest}
    while follow:
        time.sleep(_FOLLOW_EVERY_S)
        latest = _latest(call, gateway, filters, _PAGE)
        fresh = [item for item in latest if str(item.get("id")) not in seen and item.get("outcome") != "open"]
        _print(call, fresh)
        seen |= {str(item.get("id")) for item in fresh}


def show(call: Call, request: Annotated[str, typer.Argument(metavar="ID", help="A request's id.")]) -> None:
    """Say what became of one request, and why it went where it went. With --json, all that is known about it.

    \b
    Examples:
      omniroute logs show req_01JD2Y8Q4F6ZB3V9K7M5N1P0XA
      omniroute logs show req_01JD2Y8Q4F6ZB3V9K7M5N1P0XA --json
    """
    gateway = call.place.gateway()
    name = quote(request, safe="")
    row = gateway.get(f"/api/usage/request-logs/{name}", JsonObject)
    trace = _trace(gateway, name)
    if call.output.json:
        call.output.value({**row, "explanation": trace})
        return
    said = None if trace is None else msgspec.convert(trace, explanation.Trace)
    for text in explanation.lines(msgspec.convert(row, explanation.Row), said):
        call.output.text("".join(letter if letter.isprintable() else " " for letter in text))
    capture = msgspec.convert(row, _Captured).capture
    if capture is not None:
        for head, body in (
            (f"{capture.method} {capture.path}", capture.request),
            (f"{capture.status}", capture.response),
        ):
            call.output.text(f"\n{_printable(head)}  ({body.size} bytes)")
            call.output.text(_printable(body.text or ""))


def _printable(text: str) -> str:
    """Line ends and tabs stay; nothing else moves a cursor."""
    return "".join(letter if letter.isprintable() or letter in "\n\t" else " " for letter in text)


def _trace(gateway: Gateway, name: str) -> JsonObject | None:
    """Why the request went where it went; None when that is no longer known."""
    try:
        return gateway.get(f"/api/explain/{name}", JsonObject)
    except Problem:  # the log of it was found, so what is missing is the trace
        return None


def _checked(query: str) -> dict[str, str]:
    """The filter as the gateway is asked with it; a mistake is shown where it is."""
    try:
        parse(query)
    except FilterError as error:
        shown = "".join(letter if letter.isprintable() else " " for letter in query)
        place = f"{shown}\n{' ' * (len('hint: ') + error.position)}^"
        raise Problem(f"the filter is wrong: {error.message}", hint=place, code=USAGE) from None
    return {"q": query} if query.strip() else {}


def _latest(call: Call, gateway: Gateway, filters: dict[str, str], limit: int) -> list[JsonObject]:
    """Up to `limit` requests, the oldest first; the gateway lists the newest first, page by page."""
    found: list[JsonObject] = []
    for item in _newest_first(call, gateway, filters, min(limit, _PAGE)):
        found.append(item)
        if len(found) == limit:
            break
    return found[::-1]


def _newest_first(call: Call, gateway: Gateway, filters: dict[str, str], size: int) -> Iterator[JsonObject]:
    cursor: str | None = None
    while True:
        query = urlencode({"limit": str(size), **filters, **({"cursor": cursor} if cursor else {})})
        page = gateway.get(f"/api/usage/request-logs?{query}", _Page)
        yield from page.items
        cursor = page.next_cursor
        if cursor is None:
            return
        if page.searched_until is not None:
            call.output.say(f"searched back to {page.searched_until}")


def _print(call: Call, items: list[JsonObject]) -> None:
    if call.output.json:
        for item in items:
            call.output.text(msgspec.json.encode(item).decode())
        return
    for entry in msgspec.convert(items, list[Entry]):
        call.output.text(line(entry))


def line(entry: Entry) -> str:
    """One request on one line: id, when, status, model, provider, time, tokens, and why it failed."""
    tokens = f"{entry.tokens.input or 0}>{entry.tokens.output or 0}"
    cells = (
        entry.id,
        str(entry.timestamp),
        str(entry.status),
        entry.model or entry.requested_model or "-",
        "/".join(part for part in (entry.provider, entry.account) if part) or "-",
        "-" if entry.duration is None else f"{entry.duration:.0f}ms",
        tokens,
        entry.error or "",
    )
    return "\t".join(
        "".join(letter if letter.isprintable() else " " for letter in cell) for cell in cells
    ).rstrip()
