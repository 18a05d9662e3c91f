"""`omniroute keys`: the keys with which clients call the gateway."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec
import typer

from omniroute.access.grant import CacheUse, SemanticUse
from omniroute.cli.command import Call
from omniroute.cli.problem import USAGE, Problem
from omniroute.ir.json import JsonObject

Which = Annotated[str, typer.Argument(metavar="KEY", help="A key's id, the beginning of it, or its name.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


class Key(msgspec.Struct, rename="camel"):
    """A client key as the gateway lists it; `key` is masked."""

    id: str
    name: str = ""
    key: str = ""
    is_active: bool = True
    allowed_models: list[str] = []
    scopes: list[str] | None = None
    expires_at: str | None = None
    last_used_at: str | None = None


class _Keys(msgspec.Struct):
    keys: list[JsonObject]


class _Created(msgspec.Struct):
    key: str
    id: str


def ls(call: Call) -> None:
    """List the client keys; what is shown of a key cannot be used as one.

    \b
    Examples:
      omniroute keys ls
      omniroute keys ls --json
    """
    found = call.administration().get("/api/keys", _Keys).keys
    if call.output.json:
        call.output.value(found)
        return
    call.output.table(
        ("ID", "NAME", "KEY", "STATE", "MODELS", "EXPIRES", "LAST USED"),
        [
            (
                key.id,
                key.name,
                key.key,
                "active" if key.is_active else "disabled",
                ", ".join(key.allowed_models) or "all",
                key.expires_at or "never",
                key.last_used_at or "never",
            )
            for key in msgspec.convert(found, list[Key])
        ],
    )


def create(
    call: Call,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the key is for.")],
    models: Annotated[
        str | None, typer.Option("--models", metavar="PATTERNS", help="Only these models: openai/*,demo/hello.")
    ] = None,
    expires: Annotated[
        str | None, typer.Option("--expires", metavar="WHEN", help="30d, 12h, or a date like 2027-01-31.")
    ] = None,
    manage: Annotated[bool, typer.Option("--manage", help="Let the key administrate the gateway too.")] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse requests that would lose meaning in translation.")
    ] = False,
    cache: Annotated[
        CacheUse | None,
        typer.Option("--cache", help="Keep no answers, those at temperature 0 (exact, the default), or all."),
    ] = None,
    semantic: Annotated[
        SemanticUse | None,
        typer.Option(
            "--semantic-cache", help="Give kept answers to questions that mean the same: off, shadow, on."
        ),
    ] = None,
) -> None:
    """Make a client key. It is shown once, on stdout.

    \b
    Examples:
      omniroute keys create laptop
      export OPENAI_API_KEY=$(omniroute keys create ci --models 'openai/*' --expires 30d)
    """
    body: JsonObject = {"name": name}
    if models:
        body["allowedModels"] = [pattern.strip() for pattern in models.split(",") if pattern.strip()]
    if expires:
        body["expiresAt"] = expiry(expires, datetime.now(UTC))
    if manage:
        body["scopes"] = ["manage"]
    if strict:
        body["strict"] = True
    if cache:
        body["cache"] = cache
    if semantic:
        body["semanticCache"] = semantic
    _show_once(call, call.administration().send("POST", "/api/keys", JsonObject, body))


def rotate(call: Call, key: Which, yes: Yes = False) -> None:
    """Replace a key by a new one; the old one stops working at once.

    \b
    Examples:
      omniroute keys rotate laptop
      omniroute keys rotate laptop --yes --json
    """
    chosen = _chosen(call, key)
    call.confirm(f"Stop the present key of {chosen.name!r}?", yes=yes)
    _show_once(call, call.administration().send("POST", f"/api/keys/{chosen.id}/regenerate", JsonObject, {}))


def enable(call: Call, key: Which) -> None:
    """Let a disabled key be used again.

    \b
    Examples:
      omniroute keys enable laptop
      omniroute keys enable 01JD2
    """
    _set_active(call, key, active=True)


def disable(call: Call, key: Which) -> None:
    """Refuse a key until it is enabled again.

    \b
    Examples:
      omniroute keys disable laptop
      omniroute keys disable 01JD2
    """
    _set_active(call, key, active=False)


def rm(call: Call, key: Which, yes: Yes = False) -> None:
    """Delete a key for good.

    \b
    Examples:
      omniroute keys rm laptop
      omniroute keys rm laptop --yes
    """
    chosen = _chosen(call, key)
    call.confirm(f"Delete the key {chosen.name!r} ({chosen.id})?", yes=yes)
    call.administration().send("DELETE", f"/api/keys/{chosen.id}", JsonObject)
    call.output.say(f"deleted the key {chosen.name!r}")


def expiry(text: str, now: datetime) -> str:
    """The moment that `30d`, `12h` or a date means, in ISO 8601 with the zone UTC."""
    units = {"d": "days", "h": "hours", "m": "minutes"}
    number, unit = text[:-1], text[-1:]
    if unit in units and number.isdigit() and int(number) > 0:
        moment = now + timedelta(**{units[unit]: int(number)})
    else:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise Problem(f"{text!r} is no time", hint="use 30d, 12h or 2027-01-31", code=USAGE) from None
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        if moment <= now:
            raise Problem(f"{text!r} is in the past", hint="use 30d, 12h or a date to come", code=USAGE)
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _show_once(call: Call, answer: JsonObject) -> None:
    if call.output.json:
        call.output.value(answer)
        return
    call.output.text(msgspec.convert(answer, _Created).key)
    call.output.say("keep it: it is not shown again")


def _set_active(call: Call, key: str, *, active: bool) -> None:
    chosen = _chosen(call, key)
    call.administration().send("PATCH", f"/api/keys/{chosen.id}", JsonObject, {"isActive": active})
    call.output.say(f"{'enabled' if active else 'disabled'} the key {chosen.name!r}")


def _chosen(call: Call, wanted: str) -> Key:
    keys = msgspec.convert(call.administration().get("/api/keys", _Keys).keys, list[Key])
    found = [key for key in keys if wanted in (key.id, key.name)] or [
        key for key in keys if key.id.startswith(wanted)
    ]
    if len(found) == 1:
        return found[0]
    if not found:
        raise Problem(f"there is no key {wanted!r}", hint="`omniroute keys ls` lists them")
    raise Problem(
        f"{wanted!r} means several keys: {', '.join(key.id for key in found)}", hint="give more of the id"
    )
