"""How much goes to providers, and how long requests wait for their turn, as a setting."""

from collections.abc import Mapping
from typing import Final

import msgspec
from sqlalchemy import Connection

from omniroute.access.actor import Actor, record
from omniroute.ir.json import JsonObject, JsonValue
from omniroute.routing.bounds import UNLIMITED, Limits, ProviderLimits
from omniroute.storage.repos import settings
from omniroute.storage.writer import Writer

KEY: Final = "limits"
"""The setting that holds it: a `Limits`."""


class LimitsChange(msgspec.Struct, frozen=True, kw_only=True):
    """Of `providers`, by id, those that are named get these members, None taking one away; a provider without any
    is not limited, and so is one for which None is given. `queue` are the members of `Queue` that change."""

    providers: Mapping[str, Mapping[str, int | None] | None] = {}
    queue: Mapping[str, int | float] = {}


class Limiting:
    """Writes the setting. Methods block until the change is live: the next attempt is held to it."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def change(self, change: LimitsChange, actor: Actor, *, now: int) -> Limits:
        """What is not named stays as it is."""

        def write(connection: Connection) -> Limits:
            before = _limits(settings.get(connection, KEY))
            providers = dict(before.providers)
            for name, given in change.providers.items():
                after = msgspec.structs.replace(providers.get(name, ProviderLimits()), **(given or {}))
                if given is None or after == ProviderLimits():
                    providers.pop(name, None)
                else:
                    providers[name] = after
            queue = msgspec.structs.replace(before.queue, **change.queue)
            limits = Limits(providers=providers, queue=queue)
            plain: JsonObject = msgspec.to_builtins(limits)
            settings.put(connection, {KEY: plain})
            record(connection, actor, at=now, action="settings.limits", detail=plain)
            return limits

        return self._writer.write(write)


def limits_of(stored: JsonObject) -> Limits:
    """The limits among the settings; none for those that are not understood (any more)."""
    return _limits(stored.get(KEY))


def _limits(value: JsonValue) -> Limits:
    try:
        return UNLIMITED if value is None else msgspec.convert(value, Limits)
    except msgspec.ValidationError:
        return UNLIMITED
