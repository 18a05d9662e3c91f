"""`omniroute translate`: a body in another dialect, without a gateway."""

import sys
from pathlib import Path
from typing import Annotated, get_args

import msgspec
import typer

from omniroute.catalog.loader import load
from omniroute.catalog.provider import Provider
from omniroute.cli.command import Call
from omniroute.cli.problem import USAGE, Problem
from omniroute.dialects.base import Context, Encoded
from omniroute.dialects.registry import DIALECTS, UPSTREAMS
from omniroute.errors import GatewayError
from omniroute.pipeline.translation import Kind, Wish, translated

_CONTEXT = Context(request_id="req_translate", token="translate", created=0, model="")
"""Nothing here comes from a real request; the same file always gives the same output."""


def translate(
    call: Call,
    file: Annotated[str, typer.Argument(metavar="FILE", help="The body; - reads stdin.")],
    source: Annotated[str, typer.Option("--from", metavar="DIALECT", help=f"One of {', '.join(UPSTREAMS)}.")],
    to: Annotated[
        str | None, typer.Option("--to", metavar="DIALECT", help="May be left out with --provider.")
    ] = None,
    kind: Annotated[
        str, typer.Option("--kind", metavar="KIND", help=f"What the body is: {', '.join(get_args(Kind))}.")
    ] = "request",
    provider: Annotated[
        str | None, typer.Option("--provider", metavar="ID", help="Apply the quirks of this provider.")
    ] = None,
    model: Annotated[str | None, typer.Option("--model", metavar="MODEL", help="Instead of the body's.")] = None,
) -> None:
    """Translate a request, an answer or a stream between dialects, offline.

    The body goes to stdout and what was lost to stderr, a line each; with --json both are in one object.

    \b
    Examples:
      omniroute translate request.json --from anthropic --to openai_chat
      omniroute translate - --from openai_chat --provider mistral < request.json
    """
    if kind not in get_args(Kind):
        raise Problem(f"there is no kind {kind!r}", hint=f"one of {', '.join(get_args(Kind))}", code=USAGE)
    wish = Wish(
        body=_read(file),
        source=source,
        to=to,
        kind=msgspec.convert(kind, Kind),
        provider=None if provider is None else _row(provider),
        model=model,
    )
    try:
        encoded = translated(wish, _CONTEXT)
    except GatewayError as error:
        known = ", ".join(DIALECTS)
        hint = f"the dialects of clients are {known}" if error.code == "unknown_dialect" else ""
        raise Problem(error.message, hint=hint) from None
    _print(call, encoded, streamed=kind == "stream")


def _print(call: Call, encoded: Encoded, *, streamed: bool) -> None:
    text = encoded.body.decode()
    if call.output.json:
        body = text if streamed else msgspec.Raw(encoded.body)
        call.output.value({"body": body, "losses": encoded.losses})
        return
    for loss in encoded.losses:
        call.output.say(f"{loss.how} ({loss.weight}): {loss.what} at {loss.path}")
    call.output.text(text, end="" if streamed else "\n")


def _read(file: str) -> bytes:
    if file == "-":
        return sys.stdin.read().encode()
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise Problem(f"{file!r} cannot be read: {error.strerror}") from None


def _row(name: str) -> Provider:
    found = load().prefixes.get(name)
    if found is None:
        raise Problem(f"there is no provider {name!r}", hint="`omniroute providers catalog` lists them")
    return found
