"""The operator's own names: an alias, or a pattern of names, stands for a model or a combo."""

from collections.abc import Mapping
from typing import Final

from sqlalchemy import Connection

from omniroute.access.actor import Actor, record
from omniroute.catalog.patterns import MAX_LENGTH, is_pattern, most_specific
from omniroute.errors import GatewayError, InvalidRequest
from omniroute.ir.json import JsonObject, JsonValue
from omniroute.storage.repos import settings
from omniroute.storage.writer import Writer

KEY: Final = "modelAliases"
"""The setting that holds them: a JSON object from alias to target."""


class Aliases:
    """Writes aliases. Methods block until the change is live."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def put(self, alias: str, target: str, actor: Actor, *, now: int) -> None:
        """`alias` may hold `*` and `?`; one that is there already gets the new target. Raises `InvalidRequest`."""
        alias, target = alias.strip(), target.strip()
        if not alias or len(alias) > MAX_LENGTH or any(ord(char) < 32 for char in alias):
            raise InvalidRequest(f"An alias has 1 to {MAX_LENGTH} characters.", code="bad_alias")
        if not target or "*" in target:
            raise InvalidRequest(f"An alias stands for one model or combo, not for {target!r}.", code="bad_alias")

        def change(connection: Connection) -> None:
            known = dict(_stored(connection))
            if target in known and target != alias:
                raise InvalidRequest(
                    f"{target!r} is an alias itself; give the model it stands for, {known[target]!r}.",
                    code="bad_alias",
                )
            users = sorted(name for name, meant in known.items() if meant == alias and name != alias)
            if users:
                raise InvalidRequest(
                    f"{alias!r} is what {users[0]!r} stands for; an alias of an alias is not followed.",
                    code="bad_alias",
                )
            settings.put(connection, {KEY: {**known, alias: target}})
            record(connection, actor, at=now, action="alias.put", target=alias, detail={"model": target})

        self._writer.write(change)

    def remove(self, alias: str, actor: Actor, *, now: int) -> None:
        """Raises `GatewayError` 404 when there is none."""

        def change(connection: Connection) -> None:
            known = dict(_stored(connection))
            if known.pop(alias, None) is None:
                raise GatewayError(404, f"There is no alias {alias[:80]!r}.", code="alias_not_found")
            settings.put(connection, {KEY: known})
            record(connection, actor, at=now, action="alias.delete", target=alias)

        self._writer.write(change)


def aliases_of(stored: JsonObject) -> Mapping[str, str]:
    """The aliases among the settings."""
    return _texts(stored.get(KEY))


def meant(aliases: Mapping[str, str], name: str) -> str:
    """What `name` stands for: an exact alias first, then the most specific pattern, else itself."""
    found = aliases.get(name)
    if found is not None:
        return found
    pattern = most_specific((alias for alias in aliases if is_pattern(alias)), name)
    return name if pattern is None else aliases[pattern]


def _stored(connection: Connection) -> Mapping[str, str]:
    return _texts(settings.get(connection, KEY))


def _texts(value: JsonValue) -> Mapping[str, str]:
    if not isinstance(value, dict):
        return {}
    pairs: dict[object, object] = value  # pyright: ignore[reportUnknownVariableType] # JSON
    return {key: text for key, text in pairs.items() if isinstance(key, str) and isinstance(text, str)}
