"""How accounts are chosen, as a setting: for all providers, and what single ones have otherwise."""

from collections.abc import Collection, Mapping
from typing import Final

import msgspec
from sqlalchemy import Connection

from omniroute.access.actor import Actor, record
from omniroute.errors import InvalidRequest
from omniroute.ir.json import JsonObject, JsonValue
from omniroute.routing.selection.rules import DEFAULT, OwnRule, Rule, Selection
from omniroute.storage.repos import settings
from omniroute.storage.writer import Writer

KEY: Final = "accountSelection"
"""The setting that holds it: a `Selection`."""


class SelectionChange(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be set: `usual` holds the members that change for all; of `providers` those that are named are
    replaced, and go back to what holds for all where None is given."""

    usual: OwnRule = OwnRule()
    providers: Mapping[str, OwnRule | None] = {}
    strict_tags: bool | None = None


class Selecting:
    """Writes the setting. Methods block until the change is live."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def change(self, change: SelectionChange, known: Collection[str], actor: Actor, *, now: int) -> Selection:
        """`known` are the ids of the providers that there are. Raises `InvalidRequest` for another one."""
        strange = sorted(name for name, own in change.providers.items() if own is not None and name not in known)
        if strange:
            raise InvalidRequest(f"There is no provider with the id {strange[0][:80]!r}.", code="unknown_provider")

        def write(connection: Connection) -> Selection:
            before = _selection(settings.get(connection, KEY))
            given = {name: value for name in Rule.__struct_fields__ if (value := getattr(change.usual, name))}
            providers = dict(before.providers)
            for name, own in change.providers.items():
                if own is None or own == OwnRule():
                    providers.pop(name, None)
                else:
                    providers[name] = own
            after = Selection(
                usual=msgspec.structs.replace(before.usual, **given),
                providers=providers,
                strict_tags=before.strict_tags if change.strict_tags is None else change.strict_tags,
            )
            plain: JsonObject = msgspec.to_builtins(after)
            settings.put(connection, {KEY: plain})
            record(connection, actor, at=now, action="settings.routing", detail=plain)
            return after

        return self._writer.write(write)


def selection_of(stored: JsonObject) -> Selection:
    """The rule among the settings; the default for one that is not understood (any more)."""
    return _selection(stored.get(KEY))


def _selection(value: JsonValue) -> Selection:
    try:
        return DEFAULT if value is None else msgspec.convert(value, Selection)
    except msgspec.ValidationError:
        return DEFAULT
