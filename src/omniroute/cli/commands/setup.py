"""`omniroute setup`: the first password and the first provider of a running gateway."""

import sys
from typing import Annotated, Final

import msgspec
import typer

from omniroute.cli.command import Call
from omniroute.cli.commands import providers
from omniroute.cli.problem import USAGE, Problem
from omniroute.ir.json import JsonObject

_SHORTEST: Final = 8


class _Link(msgspec.Struct):
    url: str


def setup(
    call: Call,
    link: Annotated[
        bool, typer.Option("--link", help="Only print a new one-time link, valid for an hour.")
    ] = False,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from stdin.")
    ] = False,
    provider: Annotated[
        str | None, typer.Option("--provider", metavar="NAME", help="Connect this provider.")
    ] = None,
    key_env: Annotated[
        str | None, typer.Option("--key-env", metavar="NAME", help="The variable that holds its API key.")
    ] = None,
    test: Annotated[bool, typer.Option("--test", help="Test the provider's connection.")] = False,
) -> None:
    """Set the first password and connect a first provider; asks for what no option gave.

    \b
    Examples:
      omniroute setup
      omniroute setup --password-stdin --provider openai --key-env OPENAI_API_KEY --test < password.txt
    """
    if link:
        _print_link(call)
        return
    asked = not password_stdin and provider is None
    if asked and not call.output.interactive:
        raise Problem(
            "there is no terminal to ask at", hint="use --link, --password-stdin or --provider", code=USAGE
        )
    if password_stdin or asked:
        _set_password(call, sys.stdin.readline().rstrip("\r\n") if password_stdin else _asked_password())
    if asked:
        provider = typer.prompt("Provider to connect (empty for none)", default="", show_default=False, err=True)
    if provider:
        providers.add(call, provider, key_env=key_env, test=test)


def _print_link(call: Call) -> None:
    answer = call.place.gateway().send("POST", "/api/auth/setup-link", JsonObject, {})
    if call.output.json:
        call.output.value(answer)
    else:
        call.output.text(msgspec.convert(answer, _Link).url)


def _set_password(call: Call, password: str) -> None:
    if len(password) < _SHORTEST:
        raise Problem(f"a password has at least {_SHORTEST} characters", code=USAGE)
    gateway = call.place.gateway()
    token = gateway.send("POST", "/api/auth/setup-link", _Link, {}).url.rpartition("#token=")[2]
    gateway.send("POST", "/api/auth/setup", JsonObject, {"token": token, "password": password})
    call.output.say("the password is set")


def _asked_password() -> str:
    from getpass import getpass

    password = getpass("New password: ")
    if getpass("Once more: ") != password:
        raise Problem("the two passwords differ")
    return password
