"""`omniroute blocks`: who is left alone for a while, why, until when; and asking them again."""

from typing import Annotated

import msgspec
import typer

from omniroute.cli.command import Call
from omniroute.cli.problem import USAGE, Problem
from omniroute.ir.json import JsonObject

_EVERY = "*"


class Block(msgspec.Struct, rename="camel"):
    """A block as the gateway lists it."""

    provider: str
    connection_id: str
    connection_name: str | None
    model: str
    reason: str
    message: str
    remaining_ms: int | None

    @property
    def account(self) -> str:
        """By name, where it is one."""
        return "every account" if self.connection_id == _EVERY else self.connection_name or self.connection_id

    @property
    def left(self) -> str:
        """How long it lasts."""
        return "until you see to it" if self.remaining_ms is None else _spoken(self.remaining_ms / 1000)


class _Availability(msgspec.Struct, rename="camel"):
    models: list[JsonObject]


class _Lifted(msgspec.Struct):
    count: int


class _Reset(msgspec.Struct, rename="camel"):
    cooldowns: int
    breakers: int


def ls(call: Call) -> None:
    """List what is blocked now. `ls` may be left out.

    \b
    Examples:
      omniroute blocks
      omniroute blocks --json
    """
    found = call.administration().get("/api/models/availability", _Availability).models
    if call.output.json:
        call.output.value(found)
        return
    call.output.table(
        ("PROVIDER", "MODEL", "ACCOUNT", "REASON", "LEFT", "MESSAGE"),
        [
            (one.provider, one.model, one.account, one.reason, one.left, one.message)
            for one in msgspec.convert(found, list[Block])
        ],
    )


def lift(
    call: Call,
    what: Annotated[str, typer.Argument(metavar="[WHAT]", help="A provider, or a model as provider/model.")] = "",
    connection: Annotated[str, typer.Option("--connection", metavar="ACCOUNT", help="Only this account.")] = "",
    everything: Annotated[bool, typer.Option("--all", help="Everything, breakers too.")] = False,
) -> None:
    """Ask somebody again, before the block ends by itself.

    \b
    Examples:
      omniroute blocks lift gemini/gemini-2.5-pro --connection work
      omniroute blocks lift --all
    """
    administration = call.administration()
    if everything:
        reset = administration.send("POST", "/api/resilience/reset", _Reset, {"scope": "all"})
        call.output.say(f"lifted {reset.cooldowns} block(s) and closed {reset.breakers} breaker(s)")
        return
    if not what and not connection:
        raise Problem(
            "nothing to lift was named",
            hint="`omniroute blocks` lists what there is; --all lifts it",
            code=USAGE,
        )
    body: JsonObject = {"action": "clear"}
    if what:
        body["model" if "/" in what else "provider"] = what
    if connection:
        body["connectionId"] = _connection(call, connection)
    count = administration.send("POST", "/api/models/availability", _Lifted, body).count
    call.output.say(f"lifted {count} block(s)")


def _connection(call: Call, wanted: str) -> str:
    """The id of the account that is blocked under this name or id."""
    found = call.administration().get("/api/models/availability", _Availability).models
    for one in msgspec.convert(found, list[Block]):
        if wanted in (one.connection_id, one.connection_name):
            return one.connection_id
    raise Problem(f"no account {wanted!r} is blocked", hint="`omniroute blocks` lists what is")


def _spoken(seconds: float) -> str:
    """`41s`, `12m`, `4h 58m`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    hours, minutes = divmod(round(whole / 60), 60)
    if hours >= 48:
        return f"{round(hours / 24)}d"
    return f"{hours}h {minutes}m" if hours else f"{minutes}m"
