"""`omniroute pricing`: lists of prices that are brought in from files."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import msgspec
import typer

from omniroute.cli.command import Call
from omniroute.cli.problem import USAGE, Problem
from omniroute.ir.json import JsonObject


class _List(msgspec.Struct, rename="camel"):
    source: str
    dated: str
    models: int
    imported_at: str = ""


class _Lists(msgspec.Struct):
    sources: list[_List]


def import_(
    call: Call,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="LiteLLM's or models.dev's JSON file.")],
    dated: Annotated[
        str | None, typer.Option("--dated", metavar="DATE", help="Of when it is; else when the file changed last.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be taken over.")] = False,
) -> None:
    """Take over the prices of a file. Of two lists the one with the later date counts first.

    \b
    Examples:
      omniroute pricing import model_prices_and_context_window.json
      omniroute pricing import api.json --dated 2026-11-20 --dry-run
    """
    try:
        prices = msgspec.json.decode(file.read_bytes(), type=JsonObject)
        changed = datetime.fromtimestamp(file.stat().st_mtime, UTC).date().isoformat()
    except OSError as error:
        raise Problem(f"{str(file)!r} cannot be read: {error.strerror}", code=USAGE) from None
    except msgspec.MsgspecError as error:
        raise Problem(f"{str(file)!r} is no JSON object: {error}", code=USAGE) from None
    body: JsonObject = {"prices": prices, "dated": dated or changed, "dryRun": dry_run}
    answer = call.administration().send("POST", "/api/pricing/sync", JsonObject, body)
    if call.output.json:
        call.output.value(answer)
        return
    said = msgspec.convert(answer, _List)
    verb = "would take over" if dry_run else "took over"
    call.output.say(f"{verb} the prices of {said.models} models from {said.source}, as of {said.dated}")


def ls(call: Call) -> None:
    """List the files that were taken over, the one that counts first above.

    \b
    Examples:
      omniroute pricing ls
      omniroute pricing ls --json
    """
    answer = call.administration().get("/api/pricing/sync", JsonObject)
    if call.output.json:
        call.output.value(answer)
        return
    rows = [
        (one.source, one.dated, str(one.models), one.imported_at)
        for one in msgspec.convert(answer, _Lists).sources
    ]
    call.output.table(("SOURCE", "DATED", "MODELS", "IMPORTED"), rows)


def rm(call: Call, source: Annotated[str, typer.Argument(metavar="SOURCE", help="litellm or modelsDev.")]) -> None:
    """Take a list away again; the lists that come with the gateway hold where it held.

    \b
    Examples:
      omniroute pricing rm litellm
      omniroute pricing rm modelsDev
    """
    call.administration().send("DELETE", f"/api/pricing/sync?source={quote(source, safe='')}", JsonObject)
    call.output.say(f"took away the prices of {source}")
