"""`omniroute logs`: the requests that went through the gateway, newest last."""

import time
from collections.abc import Iterator
from typing import Annotated, Final
from urllib.parse import quote, urlencode

import msgspec
import typer

from omniroute.cli.client import Gateway
from omniroute.cli.command import Call
from omniroute.cli.problem import USAGE, Problem
from omniroute.ir.json import JsonObject

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


def ls(
    call: Call,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with requests as they end.")] = False,
    errors: Annotated[bool, typer.Option("--errors", help="Only requests that failed.")] = False,
    model: Annotated[str, typer.Option("--model", metavar="TEXT", help="Only models that hold this text.")] = "",
    limit: Annotated[str, typer.Option("--limit", metavar="N", help="How many at most.")] = "20",
) -> None:
    """List the latest requests, the newest last. With --json, one object per line. `ls` may be left out.

    \b
    Examples:
      omniroute logs --errors --limit 5
      omniroute logs -f --model claude
    """
    if not limit.isdigit() or int(limit) < 1:
        raise Problem(f"--limit must be a whole number from 1, not {limit!r}", code=USAGE)
    gateway = call.place.gateway()
    filters = {"status": "error"} if errors else {}
    filters |= {"model": model} if model else {}
    latest = _latest(gateway, filters, int(limit))
    _print(call, latest)
    seen = {str(item.get("id")) for item in latest}
    while follow:
        time.sleep(_FOLLOW_EVERY_S)
        latest = _latest(gateway, filters, _PAGE)
        fresh = [item for item in latest if str(item.get("id")) not in seen and item.get("outcome") != "open"]
        _print(call, fresh)
        seen |= {str(item.get("id")) for item in fresh}


def show(call: Call, request: Annotated[str, typer.Argument(metavar="ID", help="A request's id.")]) -> None:
    """Show all that is known about one request, as JSON.

    \b
    Examples:
      omniroute logs show req_01JD2Y8Q4F6ZB3V9K7M5N1P0XA
      omniroute logs show req_01JD2Y8Q4F6ZB3V9K7M5N1P0XA | less
    """
    call.output.value(call.place.gateway().get(f"/api/usage/request-logs/{quote(request, safe='')}", JsonObject))


def _latest(gateway: Gateway, filters: dict[str, str], limit: int) -> list[JsonObject]:
    """Up to `limit` requests, the oldest first; the gateway lists the newest first, page by page."""
    found: list[JsonObject] = []
    for item in _newest_first(gateway, filters, min(limit, _PAGE)):
        found.append(item)
        if len(found) == limit:
            break
    return found[::-1]


def _newest_first(gateway: Gateway, filters: dict[str, str], size: int) -> Iterator[JsonObject]:
    cursor: str | None = None
    while True:
        query = urlencode({"limit": str(size), **filters, **({"cursor": cursor} if cursor else {})})
        page = gateway.get(f"/api/usage/request-logs?{query}", _Page)
        yield from page.items
        cursor = page.next_cursor
        if cursor is None or not page.items:
            return


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
