"""How patient the gateway is, as a setting: profiles by category of account, and waiting for rests to end."""

from collections.abc import Mapping
from typing import Final

import msgspec
from sqlalchemy import Connection

from omniroute.access.actor import Actor, record
from omniroute.ir.json import JsonObject, JsonValue
from omniroute.routing.resilience import DEFAULT, Category, Resilience
from omniroute.storage.repos import settings
from omniroute.storage.writer import Writer

KEY: Final = "resilience"
"""The setting that holds it: a `Resilience`."""


class ResilienceChange(msgspec.Struct, frozen=True, kw_only=True):
    """The members that change, by the names of `Profile` and `Waiting`."""

    profiles: Mapping[Category, Mapping[str, float | int | bool]] = {}
    waiting: Mapping[str, float | int | bool] = {}


class Patience:
    """Writes the setting. Methods block until the change is live: the next failure is judged by it."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def change(self, change: ResilienceChange, actor: Actor, *, now: int) -> Resilience:
        """What is not named stays as it is."""

        def write(connection: Connection) -> Resilience:
            after = _resilience(settings.get(connection, KEY))
            for category, given in change.profiles.items():
                profile = msgspec.structs.replace(after.of(category), **given)
                after = msgspec.structs.replace(after, **{category: profile})
            waiting = msgspec.structs.replace(after.waiting, **change.waiting)
            after = msgspec.structs.replace(after, waiting=waiting)
            plain: JsonObject = msgspec.to_builtins(after)
            settings.put(connection, {KEY: plain})
            record(connection, actor, at=now, action="settings.resilience", detail=plain)
            return after

        return self._writer.write(write)


def resilience_of(stored: JsonObject) -> Resilience:
    """The setting among the settings; the default for one that is not understood (any more)."""
    return _resilience(stored.get(KEY))


def _resilience(value: JsonValue) -> Resilience:
    try:
        return DEFAULT if value is None else msgspec.convert(value, Resilience)
    except msgspec.ValidationError:
        return DEFAULT
