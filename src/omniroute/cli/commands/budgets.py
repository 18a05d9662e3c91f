"""`omniroute budgets`: how much may be spent, by whom or where."""

from typing import Annotated
from urllib.parse import quote

import msgspec
import typer

from omniroute.cli.command import Call
from omniroute.cli.problem import USAGE, Problem
from omniroute.ir.json import JsonObject

Key = Annotated[str | None, typer.Option("--key", metavar="KEY", help="Of this client key: its name or id.")]
Tag = Annotated[str | None, typer.Option("--tag", metavar="TAG", help="Of all keys with this tag together.")]
Provider = Annotated[str | None, typer.Option("--provider", metavar="ID", help="Of this provider.")]
Connection = Annotated[str | None, typer.Option("--connection", metavar="ID", help="Of this connection.")]
Everything = Annotated[bool, typer.Option("--global", help="Of the whole gateway.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


class Budget(msgspec.Struct, rename="camel"):
    """A budget as the gateway lists it."""

    id: str
    scope: str
    subject: str
    limit: float
    period: str
    action: str
    mode: str
    spent: float
    percent_used: float
    status: str
    key_name: str | None = None
    resets_at: str | None = None


class _Budgets(msgspec.Struct):
    budgets: list[JsonObject]


class _Key(msgspec.Struct):
    id: str
    name: str


class _Keys(msgspec.Struct):
    keys: list[_Key]


def ls(call: Call) -> None:
    """List the budgets, and what is spent of each.

    \b
    Examples:
      omniroute budgets ls
      omniroute budgets ls --json
    """
    found = call.administration().get("/api/usage/budget", _Budgets).budgets
    if call.output.json:
        call.output.value(found)
        return
    call.output.table(
        ("ID", "OF", "PERIOD", "LIMIT", "SPENT", "USED", "WHEN SPENT", "STATE", "RESETS"),
        [
            (
                one.id,
                " ".join(word for word in (one.scope, one.key_name or one.subject) if word),
                one.period,
                f"{one.limit:.2f}",
                f"{one.spent:.4f}",
                f"{one.percent_used:.0f} %",
                one.action if one.mode == "standard" else f"{one.action} ({one.mode})",
                one.status,
                (one.resets_at or "never")[:16],
            )
            for one in msgspec.convert(found, list[Budget])
        ],
    )


def set_(
    call: Call,
    limit: Annotated[float, typer.Argument(metavar="USD", help="How much; 0 ends the budget.")],
    key: Key = None,
    tag: Tag = None,
    provider: Provider = None,
    connection: Connection = None,
    everything: Everything = False,
    period: Annotated[str, typer.Option("--period", help="daily, weekly, monthly or total.")] = "monthly",
    action: Annotated[str, typer.Option("--action", help="block, warn or downgrade.")] = "block",
    to: Annotated[str | None, typer.Option("--to", metavar="COMBO", help="Where `downgrade` leads.")] = None,
    hard: Annotated[bool, typer.Option("--hard", help="Set aside the most that a request can cost.")] = False,
    reset: Annotated[str, typer.Option("--reset", metavar="HH:MM", help="When windows begin, UTC.")] = "00:00",
) -> None:
    """Make a budget, or change the one of the same subject, period and action.

    \b
    Examples:
      omniroute budgets set 200 --global --hard
      omniroute budgets set 5 --tag team-a --period daily --action downgrade --to cheap
    """
    body: JsonObject = {
        **_whose(call, key=key, tag=tag, provider=provider, connection=connection, everything=everything),
        "limit": limit,
        "period": period,
        "action": action,
        "mode": "hard" if hard else "standard",
        "resetTime": reset,
    }
    if to is not None:
        body["downgradeTo"] = to
    made = call.administration().send("POST", "/api/usage/budget", JsonObject, body)
    if call.output.json:
        call.output.value(made)
    else:
        call.output.say(f"the {period} budget is {limit:.2f} USD" if limit else f"ended the {period} budget")


def rm(
    call: Call, budget: Annotated[str, typer.Argument(metavar="ID", help="From `ls`.")], yes: Yes = False
) -> None:
    """Delete a budget. What was spent in it is forgotten; the usage log keeps it.

    \b
    Examples:
      omniroute budgets rm budget_1f2e3d
      omniroute budgets rm budget_1f2e3d --yes
    """
    call.confirm(f"Delete the budget {budget!r}?", yes=yes)
    call.administration().send("DELETE", f"/api/usage/budget?id={quote(budget, safe='')}", JsonObject)
    call.output.say(f"deleted the budget {budget!r}")


def _whose(
    call: Call, *, key: str | None, tag: str | None, provider: str | None, connection: str | None, everything: bool
) -> JsonObject:
    subjects = {"tag": tag, "provider": provider, "connection": connection}
    given: list[JsonObject] = [
        {"scope": scope, "subject": subject} for scope, subject in subjects.items() if subject is not None
    ]
    if key is not None:
        given.append({"keyId": _key_id(call, key)})
    if everything:
        given.append({"scope": "global"})
    if len(given) != 1:
        raise Problem(
            "whose budget?", hint="one of --key, --tag, --provider, --connection and --global says it", code=USAGE
        )
    return given[0]


def _key_id(call: Call, wanted: str) -> str:
    if wanted in ("local", "env-key"):
        return wanted
    keys = call.administration().get("/api/keys?limit=1000", _Keys).keys
    found = [key.id for key in keys if wanted in (key.id, key.name)]
    if len(found) != 1:
        said = "several keys are" if found else "no key is"
        raise Problem(f"{said} called {wanted!r}", hint="`omniroute keys ls` lists them with their ids")
    return found[0]
