"""`omniroute providers`: the accounts at providers through which requests go out."""

import sys
from typing import Annotated

import msgspec
import typer

from omniroute.cli.command import Call
from omniroute.cli.problem import USAGE, Problem
from omniroute.ir.json import JsonObject

Which = Annotated[
    str,
    typer.Argument(
        metavar="CONNECTION", help="A connection's id, the beginning of it, its name, or its provider."
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


class Connection(msgspec.Struct, rename="camel"):
    """A connection as the gateway lists it, without its credential."""

    id: str
    provider: str
    name: str = ""
    auth_type: str = ""
    priority: int = 1
    is_active: bool = True
    test_status: str = "unknown"
    last_error: str | None = None


class _Connections(msgspec.Struct):
    connections: list[JsonObject]


class _Stored(msgspec.Struct):
    connection: JsonObject


class Tested(msgspec.Struct, rename="camel"):
    """What a test of one connection found."""

    valid: bool
    error: str | None = None
    warning: str | None = None
    latency_ms: float | None = None


class _Model(msgspec.Struct):
    id: str
    name: str | None = None


class _Models(msgspec.Struct):
    models: list[JsonObject]
    warning: str | None = None


def ls(call: Call) -> None:
    """List the connections, stored ones and those armed by the environment.

    \b
    Examples:
      omniroute providers ls
      omniroute providers ls --json
    """
    found = call.administration().get("/api/providers", _Connections).connections
    if call.output.json:
        call.output.value(found)
        return
    call.output.table(
        ("ID", "PROVIDER", "NAME", "PRIORITY", "STATE", "LAST TEST"),
        [
            (
                row.id,
                row.provider,
                row.name,
                str(row.priority),
                "active" if row.is_active else "disabled",
                row.last_error or row.test_status,
            )
            for row in msgspec.convert(found, list[Connection])
        ],
    )


def catalog(
    call: Call,
    query: Annotated[str, typer.Argument(metavar="[QUERY]", help="Part of an id, a name or a tag.")] = "",
    every: Annotated[bool, typer.Option("--all", help="Rows that are off by default too.")] = False,
) -> None:
    """List the providers that OmniRoute knows; it asks no gateway.

    \b
    Examples:
      omniroute providers catalog
      omniroute providers catalog mistral --json
    """
    from omniroute.catalog.loader import load

    word = query.lower()
    rows = [
        row
        for row in load().served(unverified=every).providers.values()
        if word in row.id or word in row.name.lower() or word in row.alias or word in row.tags
    ]
    if call.output.json:
        call.output.value(rows)
        return
    call.output.table(
        ("ID", "NAME", "OPERATIONS", "KEY VARIABLE", "VERIFIED"),
        [
            (
                row.id,
                row.name,
                ", ".join(row.operations),
                ", ".join(row.env) or ("none needed" if row.auth.kind == "none" or row.auth.optional else ""),
                row.verified,
            )
            for row in rows
        ],
    )


def add(
    call: Call,
    provider: Annotated[
        str, typer.Argument(metavar="PROVIDER", help="A provider of the catalog, or a node's id.")
    ],
    name: Annotated[str | None, typer.Option("--name", help="What to call the connection.")] = None,
    key_env: Annotated[
        str | None, typer.Option("--key-env", metavar="NAME", help="The variable that holds the API key.")
    ] = None,
    key_stdin: Annotated[bool, typer.Option("--key-stdin", help="Read the API key from stdin.")] = False,
    no_key: Annotated[bool, typer.Option("--no-key", help="The provider needs none.")] = False,
    base_url: Annotated[str | None, typer.Option("--base-url", metavar="URL", help="Another address.")] = None,
    test: Annotated[bool, typer.Option("--test", help="Test the connection after storing it.")] = False,
) -> None:
    """Store an account at a provider.

    Its key is asked for, or comes from a variable or stdin; never as an argument, which others could see.

    \b
    Examples:
      omniroute providers add openai
      omniroute providers add anthropic --name work --key-env ANTHROPIC_API_KEY --test
    """
    body: JsonObject = {"provider": provider, "name": name or provider}
    if not no_key:
        body["apiKey"] = api_key(call, provider, key_env=key_env, key_stdin=key_stdin)
    if base_url:
        body["providerSpecificData"] = {"baseUrl": base_url}
    gateway = call.administration()
    answer = gateway.send("POST", "/api/providers", _Stored, body).connection
    stored = msgspec.convert(answer, Connection)
    if call.output.json:
        call.output.value(answer)
    else:
        call.output.text(stored.id)
        call.output.say(f"stored {stored.name!r}; models are called {provider}/...")
    if test:
        _report(call, [(stored, _tested(call, stored))])


def api_key(call: Call, provider: str, *, key_env: str | None, key_stdin: bool) -> str:
    """An API key from a variable, from stdin, or from the person, in this order."""
    if key_env:
        key = call.place.environ.get(key_env, "").strip()
        if not key:
            raise Problem(f"the variable {key_env!r} is not set", code=USAGE)
    elif key_stdin:
        key = sys.stdin.readline().strip()
    elif call.output.interactive:
        from getpass import getpass

        key = getpass(f"API key for {provider}: ").strip()
    else:
        raise Problem("no API key was given", hint="use --key-env NAME, --key-stdin or --no-key", code=USAGE)
    if not key:
        raise Problem("the API key is empty", code=USAGE)
    return key


def probe(
    call: Call,
    connection: Annotated[str | None, typer.Argument(metavar="[CONNECTION]", help="See `providers ls`.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Test all active connections.")] = False,
) -> None:
    """Ask providers whether the stored credentials work. The exit code is 1 when one does not.

    \b
    Examples:
      omniroute providers test openai
      omniroute providers test --all --json
    """
    if (connection is None) is not every:
        raise Problem("name one connection, or give --all", code=USAGE)
    chosen = [row for row in _all(call) if row.is_active] if connection is None else [_chosen(call, connection)]
    _report(call, [(row, _tested(call, row)) for row in chosen])


def show(call: Call, connection: Which) -> None:
    """Show one connection with all that is known about it, as JSON.

    \b
    Examples:
      omniroute providers show openai
      omniroute providers show 01JD2
    """
    chosen = _chosen(call, connection)
    call.output.value(call.administration().get(f"/api/providers/{chosen.id}", _Stored).connection)


def enable(call: Call, connection: Which) -> None:
    """Use a disabled connection again.

    \b
    Examples:
      omniroute providers enable work
      omniroute providers enable 01JD2
    """
    _set_active(call, connection, active=True)


def disable(call: Call, connection: Which) -> None:
    """Leave a connection out of routing until it is enabled again.

    \b
    Examples:
      omniroute providers disable work
      omniroute providers disable 01JD2
    """
    _set_active(call, connection, active=False)


def rm(call: Call, connection: Which, yes: Yes = False) -> None:
    """Delete a connection and its credential.

    \b
    Examples:
      omniroute providers rm work
      omniroute providers rm 01JD2 --yes
    """
    chosen = _chosen(call, connection)
    call.confirm(f"Delete the connection {chosen.name!r} to {chosen.provider}?", yes=yes)
    call.administration().send("DELETE", f"/api/providers/{chosen.id}", JsonObject)
    call.output.say(f"deleted the connection {chosen.name!r}")


def models(
    call: Call,
    connection: Which,
    refresh: Annotated[bool, typer.Option("--refresh", help="Ask the provider again.")] = False,
) -> None:
    """List the models that a connection offers.

    \b
    Examples:
      omniroute providers models openai
      omniroute providers models work --refresh
    """
    chosen = _chosen(call, connection)
    answer = call.administration().get(
        f"/api/providers/{chosen.id}/models{'?refresh=true' if refresh else ''}", _Models
    )
    if answer.warning:
        call.output.say(answer.warning)
    if call.output.json:
        call.output.value(answer.models)
        return
    found = msgspec.convert(answer.models, list[_Model])
    call.output.table(("ID", "NAME"), [(model.id, model.name or "") for model in found])


def _all(call: Call) -> list[Connection]:
    return msgspec.convert(call.administration().get("/api/providers", _Connections).connections, list[Connection])


def _chosen(call: Call, wanted: str) -> Connection:
    rows = _all(call)
    found = (
        [row for row in rows if row.id == wanted]
        or [row for row in rows if row.name == wanted]
        or [row for row in rows if row.provider == wanted]
        or [row for row in rows if row.id.startswith(wanted)]
    )
    if len(found) == 1:
        return found[0]
    if not found:
        raise Problem(f"there is no connection {wanted!r}", hint="`omniroute providers ls` lists them")
    several = ", ".join(f"{row.id} ({row.name})" for row in found)
    raise Problem(f"{wanted!r} means several connections: {several}", hint="give the id")


def _set_active(call: Call, connection: str, *, active: bool) -> None:
    chosen = _chosen(call, connection)
    call.administration().send("PUT", f"/api/providers/{chosen.id}", JsonObject, {"isActive": active})
    call.output.say(f"{'enabled' if active else 'disabled'} the connection {chosen.name!r}")


def _tested(call: Call, row: Connection) -> Tested:
    return call.administration().send("POST", f"/api/providers/{row.id}/test", Tested, {})


def _report(call: Call, results: list[tuple[Connection, Tested]]) -> None:
    if call.output.json:
        call.output.value(
            [{"id": row.id, "provider": row.provider, **msgspec.to_builtins(out)} for row, out in results]
        )
    else:
        call.output.table(
            ("PROVIDER", "NAME", "RESULT", "TIME", "WHY"),
            [
                (
                    row.provider,
                    row.name,
                    "works" if out.valid else "fails",
                    "" if out.latency_ms is None else f"{out.latency_ms:.0f} ms",
                    out.error or out.warning or "",
                )
                for row, out in results
            ],
        )
    failed = [row.name for row, out in results if not out.valid]
    if failed:
        raise Problem(f"{len(failed)} of {len(results)} connections failed: {', '.join(failed)}")
