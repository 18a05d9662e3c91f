"""What is kept of requests, and for how long, as a setting."""

from collections.abc import Callable, Iterable
from typing import Annotated, Final

import msgspec
from sqlalchemy import Connection

from omniroute.access.actor import Actor, record
from omniroute.access.grant import BodyPolicy, Grant
from omniroute.ir.json import JsonObject, JsonValue
from omniroute.storage.repos import settings
from omniroute.storage.writer import Writer

KEY: Final = "logging"
"""The setting that holds it: a `Logging`."""

_Days = Annotated[int, msgspec.Meta(ge=0, le=36_500)]


class Logging(msgspec.Struct, frozen=True, kw_only=True):
    """`bodies` is for keys that say nothing else; of each body at most `body_bytes` are kept. Days are how long
    something is kept, 0 for ever: requests with their attempts, sums by hour and day, and captured bodies, which
    take at most `capture_bytes` altogether."""

    bodies: BodyPolicy = "off"
    body_bytes: Annotated[int, msgspec.Meta(ge=1024, le=16 * 1024 * 1024)] = 128 * 1024
    request_days: _Days = 90
    rollup_days: _Days = 0
    capture_days: _Days = 7
    capture_bytes: Annotated[int, msgspec.Meta(ge=1024 * 1024)] = 2 * 1024 * 1024 * 1024

    def policy(self, grant: Grant) -> BodyPolicy:
        """What is kept of a key's requests."""
        if not grant.log_bodies:
            return "off"
        return self.bodies if grant.bodies is None else grant.bodies

    def captures(self, grants: Iterable[Grant]) -> bool:
        """Whether anybody's bodies are kept."""
        return self.bodies != "off" or any(self.policy(grant) != "off" for grant in grants)


DEFAULT: Final = Logging()


class LoggingRules:
    """Writes the setting. Methods block until the change is live."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def change(self, revise: Callable[[Logging], Logging], actor: Actor, *, now: int) -> Logging:
        """Sets what `revise` makes of what was set before."""

        def write(connection: Connection) -> Logging:
            after = revise(_logging(settings.get(connection, KEY)))
            plain: JsonObject = msgspec.to_builtins(after)
            settings.put(connection, {KEY: plain})
            record(connection, actor, at=now, action="settings.logging", detail=plain)
            return after

        return self._writer.write(write)


def logging_of(stored: JsonObject) -> Logging:
    """The rules among the settings; the defaults for rules that are not understood (any more)."""
    return _logging(stored.get(KEY))


def _logging(value: JsonValue) -> Logging:
    try:
        return DEFAULT if value is None else msgspec.convert(value, Logging)
    except msgspec.ValidationError:
        return DEFAULT
