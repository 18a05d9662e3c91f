"""What holds for every combo that does not say otherwise, as a setting."""

from collections.abc import Collection
from typing import Final

import msgspec
from sqlalchemy import Connection

from omniroute.access.actor import Actor, record
from omniroute.dialects.look import as_array, as_object
from omniroute.errors import InvalidRequest
from omniroute.ir.json import JsonObject, JsonValue
from omniroute.routing.combo import Combo, ComboConfig, ModelStep, faults
from omniroute.storage.repos import settings
from omniroute.storage.writer import Writer

KEY: Final = "comboDefaults"
"""The setting that holds them: a `ComboConfig` as msgspec writes it."""
_IN_PARTS: Final = ("on", "handoff", "timeouts")
"""Members whose own members are inherited one by one."""
_ANY: Final = (ModelStep(id="any", model="any"),)


class ComboDefaults:
    """Writes them. Methods block until the change is live."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def change(self, given: ComboConfig, named: Collection[str], actor: Actor, *, now: int) -> ComboConfig:
        """Sets the members of `given` that are `named`, as `name` or `name.part`; what is the usual there is taken
        back. Raises `InvalidRequest`."""
        config: JsonObject = msgspec.to_builtins(given)

        def write(connection: Connection) -> ComboConfig:
            after = dict(as_object(settings.get(connection, KEY)) or {})
            for name in named:
                whole, _, part = name.partition(".")
                if part:
                    parts = _without(as_object(after.get(whole)) or {}, part)
                    _set(after, whole, parts | _only(as_object(config.get(whole)) or {}, part))
                else:
                    _set(after, whole, config.get(whole))
            wrong = faults(Combo(id="", name="any", steps=_ANY, config=stored_config(after)), {})
            if wrong:
                raise InvalidRequest(f"{wrong[0][0].upper()}{wrong[0][1:]}.", code="bad_combo")
            settings.put(connection, {KEY: after})
            record(connection, actor, at=now, action="settings.combo-defaults", detail=after)
            return stored_config(after)

        return self._writer.write(write)


def defaults_of(stored: JsonObject) -> JsonObject:
    """Of the settings; nothing where they are not understood (any more)."""
    found = as_object(stored.get(KEY)) or {}
    return found if stored_config(found) != ComboConfig() else {}


def inherited(config: JsonObject, defaults: JsonObject) -> JsonObject:
    """The stored `config` of a combo with what it leaves to the `defaults`."""
    said = as_array(config.get("own")) or ()
    found: JsonObject = {name: value for name, value in defaults.items() if name not in said}
    if "mode_pack" in config and "weights" not in config:
        found.pop("weights", None)  # they would go before the combo's own pack
    for name, value in config.items():
        part, usual = as_object(value), as_object(found.get(name))
        found[name] = {**usual, **part} if name in _IN_PARTS and part is not None and usual is not None else value
    return found


def stored_config(plain: JsonObject) -> ComboConfig:
    """`plain` as a configuration; the usual one where it is not understood (any more)."""
    try:
        return msgspec.convert(plain, ComboConfig)
    except msgspec.ValidationError:
        return ComboConfig()


def _set(into: JsonObject, name: str, value: JsonValue) -> None:
    if value is None or value == {}:
        into.pop(name, None)
    else:
        into[name] = value


def _without(members: JsonObject, name: str) -> JsonObject:
    return {key: value for key, value in members.items() if key != name}


def _only(members: JsonObject, name: str) -> JsonObject:
    return {name: members[name]} if name in members else {}
