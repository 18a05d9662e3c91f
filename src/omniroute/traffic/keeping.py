"""Blocks and breakers in the database, so that a restart does not rush at a provider that has locked us out.

What changes is noted at once and written by the database's own thread when it comes to it: changes of the same
scope in the meantime are one, and no request waits.
"""

import math
import threading
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec
from sqlalchemy import Connection

from omniroute.clock import Clock
from omniroute.ir.failure import Failure
from omniroute.routing.blocks import EVERY, Block, Scope, Source
from omniroute.routing.classify import ErrorClass
from omniroute.routing.health import Condition
from omniroute.storage.database import Database
from omniroute.storage.repos import blocks
from omniroute.storage.repos.blocks import BlockRow, BreakerRow
from omniroute.storage.writer import Writer, WriterClosed
from omniroute.telemetry.redact import redacted
from omniroute.traffic.pulse import Pulse
from omniroute.traffic.resting import Resting

_LONGEST_MODEL: Final = 255


class Keeping:
    """A scope or target whose model's name is too long for a row lives in memory only."""

    def __init__(self, writer: Writer, clock: Clock) -> None:
        self._writer = writer
        self._clock = clock
        self._gate = threading.Lock()
        self._blocks: dict[Scope, Block | None] = {}
        self._breakers: dict[tuple[str, str], Condition | None] = {}
        self._due = False

    def put(self, scope: Scope, block: Block) -> None:
        """The block of `scope` is this one now."""
        with self._gate:
            self._blocks[scope] = block
        self._ask()

    def drop(self, scopes: Iterable[Scope]) -> None:
        """These have none any more."""
        with self._gate:
            self._blocks.update(dict.fromkeys(scopes))
        self._ask()

    def breaker(self, provider: str, model: str, condition: Condition) -> None:
        """It opened or closed."""
        with self._gate:
            self._breakers[provider, model] = condition if condition.open_until is not None else None
        self._ask()

    def _ask(self) -> None:
        with self._gate:
            if self._due:
                return
            self._due = True
        try:
            self._writer.leave_quietly(self._write)
        except WriterClosed:
            return

    def _write(self, connection: Connection) -> None:
        with self._gate:
            changed, self._blocks = self._blocks, {}
            opened, self._breakers = self._breakers, {}
            self._due = False
        try:
            self._store(connection, changed, opened)
        except BaseException:
            with self._gate:  # tried again with the next change
                self._blocks = {**changed, **self._blocks}
                self._breakers = {**opened, **self._breakers}
            raise

    def _store(
        self,
        connection: Connection,
        changed: Mapping[Scope, Block | None],
        opened: Mapping[tuple[str, str], Condition | None],
    ) -> None:
        ahead_s = self._clock.now() - self._clock.monotonic()
        kept = {scope: block for scope, block in changed.items() if len(scope.model) <= _LONGEST_MODEL}
        blocks.put(connection, [_row(scope, block, ahead_s) for scope, block in kept.items() if block is not None])
        blocks.remove(connection, [scope for scope, block in kept.items() if block is None])
        known = {target: one for target, one in opened.items() if len(target[1]) <= _LONGEST_MODEL}
        rows = [_breaker_row(*target, one, ahead_s) for target, one in known.items() if one is not None]
        blocks.put_breakers(connection, [row for row in rows if row is not None])
        blocks.remove_breakers(connection, [target for target, one in known.items() if one is None])


def recall(
    database: Database, resting: Resting, pulse: Pulse, clock: Clock, *, versions: Mapping[str, int]
) -> None:
    """Puts back what was written down and still holds. `versions` are those of the connections that there are, by
    id: what held one that is gone or was edited is over. So is what a connection of the environment was refused
    for, because its variable has just been read anew."""
    rows, breakers = database.read(lambda connection: (blocks.every(connection), blocks.breakers_open(connection)))
    now_ms = round(clock.now() * 1000)
    ahead_s = clock.now() - clock.monotonic()
    found: list[tuple[Scope, Block]] = []
    over: list[Scope] = []
    for row in rows:
        scope = Scope(row.provider, row.connection_id, row.model)
        block = _block(row, ahead_s)
        ended = row.until is not None and row.until <= now_ms
        one = row.connection_id != EVERY
        edited = one and versions.get(row.connection_id) != row.version
        read_anew = one and row.terminal and row.version == 0
        if block is None or ended or edited or read_anew:
            over.append(scope)
        else:
            found.append((scope, block))
    resting.restore(found)
    resting.forget(over)
    for breaker in breakers:
        pulse.restore(
            breaker.provider,
            breaker.model,
            Condition(
                open_until=breaker.open_until / 1000 - ahead_s,
                ejections=breaker.ejections,
                last_closed=breaker.at / 1000 - ahead_s,
            ),
        )


def _row(scope: Scope, block: Block, ahead_s: float) -> BlockRow:
    """`ahead_s` is by how much unix time is ahead of the monotonic clock."""
    evidence = msgspec.structs.replace(block.failure, raw=None, message=redacted(block.failure.message))
    return BlockRow(
        provider=scope.provider,
        connection_id=scope.connection,
        model=scope.model,
        error=block.error,
        source=block.source,
        evidence=msgspec.to_builtins(evidence),
        since=round((block.since + ahead_s) * 1000),
        until=None if math.isinf(block.until) else round((block.until + ahead_s) * 1000),
        version=block.version,
        level=block.level,
        firm=block.firm,
        terminal=block.terminal,
    )


def _block(row: BlockRow, ahead_s: float) -> Block | None:
    """None for a row that is not understood (any more)."""
    try:
        return Block(
            until=math.inf if row.until is None else row.until / 1000 - ahead_s,
            error=msgspec.convert(row.error, ErrorClass),
            failure=msgspec.convert(row.evidence, Failure),
            source=msgspec.convert(row.source, Source),
            since=row.since / 1000 - ahead_s,
            version=row.version,
            level=row.level,
            firm=row.firm,
            terminal=row.terminal,
        )
    except msgspec.ValidationError:
        return None


def _breaker_row(provider: str, model: str, condition: Condition, ahead_s: float) -> BreakerRow | None:
    if condition.open_until is None:
        return None
    return BreakerRow(
        provider=provider,
        model=model,
        open_until=round((condition.open_until + ahead_s) * 1000),
        ejections=condition.ejections,
        at=round((condition.last_closed + ahead_s) * 1000),
    )
