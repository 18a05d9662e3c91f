"""The far tier: answers in the database, which survive a restart. Nobody waits for it longer than a moment."""

import asyncio
from concurrent.futures import Future
from typing import Final

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from omniroute.storage.database import Database
from omniroute.storage.repos import answers
from omniroute.storage.repos.answers import AnswerRow
from omniroute.storage.writer import Writer, WriterClosed

DEADLINE_S: Final = 0.02
_SWEEP_EVERY: Final = 64
_WAITING_MOST: Final = 256
"""When so many answers wait for the writer, further ones stay in memory only."""


class Shelf:
    """Trouble with the database is a miss, never an error of a request."""

    def __init__(self, database: Database, writer: Writer, *, rows: int, deadline_s: float = DEADLINE_S) -> None:
        """`rows` are kept at most (roughly: now and then it is tidied up)."""
        self._database = database
        self._writer = writer
        self._rows = rows
        self._deadline_s = deadline_s
        self._written = 0
        self._waiting: set[Future[None]] = set()

    async def find(self, key: bytes, *, now: int) -> tuple[bytes, int] | None:
        """The answer and the unix ms at which it expires; None also when the database takes too long."""
        reading = self._database.aread(lambda connection: answers.find(connection, key, now=now))
        try:
            return await asyncio.wait_for(reading, self._deadline_s)
        except (TimeoutError, SQLAlchemyError):
            return None

    def put(self, row: AnswerRow) -> None:
        """Returns at once; the row is written when the writer comes to it."""
        if len(self._waiting) >= _WAITING_MOST:
            return
        self._written += 1
        tidy = self._written % _SWEEP_EVERY == 1

        def change(connection: Connection) -> None:
            answers.put(connection, row)
            if tidy:
                answers.sweep(connection, now=row.created_at, keep=self._rows)

        try:
            promise = self._writer.leave_quietly(change)
        except WriterClosed:
            return
        self._waiting.add(promise)
        promise.add_done_callback(self._waiting.discard)

    def total(self, *, now: int) -> int:
        return self._database.read(lambda connection: answers.total(connection, now=now))

    def clear(self) -> None:
        self._writer.write_quietly(answers.clear)
