"""The one writer: a thread that runs every change of the database in its own transaction, in the order they came.

Who calls `write` returns when the change is committed and every listener has seen its revision: a key that
was just made works on the next request.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import Any, Final, Literal, TypeAlias, TypeVar

import msgspec
from sqlalchemy import Connection

from omniroute.storage.database import Database
from omniroute.storage.repos import meta

T = TypeVar("T")

Listener: TypeAlias = Callable[[int], None]
"""Called on the writer's thread with the newest revision; it may read, and must not write. Changes that come
together are each committed on their own, and told of once."""

_TOGETHER: Final = 64

_Kind: TypeAlias = Literal["configuration", "quiet", "durable"]


class WriterClosed(Exception):
    """A change came after `close`."""


class _Change(msgspec.Struct, frozen=True):
    apply: Callable[[Connection], Any]  # its result belongs to `promise`, whose type the caller knows
    kind: _Kind
    promise: "Future[Any]"


class Writer:
    """Starts its thread at once. All methods may be called from any thread but its own."""

    def __init__(self, database: Database) -> None:
        self._engine: Final = database.writing
        self._queue: SimpleQueue[_Change | None] = SimpleQueue()
        self._listeners: tuple[Listener, ...] = ()
        self._gate = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="storage-writer", daemon=True)
        self._thread.start()

    def subscribe(self, listener: Listener) -> None:
        """`listener` is called after every later change of the configuration."""
        self._listeners = (*self._listeners, listener)

    def write(self, change: Callable[[Connection], T]) -> T:
        """Change the configuration: one transaction, a new revision, the listeners, then the result of `change`.

        Raises what `change` raised (nothing was written), or what a listener raised (it was written).
        """
        return self._submit(change, "configuration").result()

    def write_quietly(self, change: Callable[[Connection], T], *, durable: bool = False) -> T:
        """Change rows that are not configuration (sessions, usage): no new revision, no listeners.

        `durable` waits for the disk (synchronous=FULL): after it returns, not even a power cut undoes the change.
        """
        return self._submit(change, "durable" if durable else "quiet").result()

    def leave_quietly(self, change: Callable[[Connection], T]) -> "Future[T]":
        """As `write_quietly`, without waiting: for what may be lost, such as a cache. Raises `WriterClosed`."""
        return self._submit(change, "quiet")

    async def awrite(self, change: Callable[[Connection], T]) -> T:
        """As `write`, for callers on the event loop. A cancelled change is made whole or not at all."""
        return await asyncio.wrap_future(self._submit(change, "configuration"))

    async def awrite_quietly(self, change: Callable[[Connection], T]) -> T:
        """As `write_quietly`, for callers on the event loop."""
        return await asyncio.wrap_future(self._submit(change, "quiet"))

    def close(self) -> None:
        """Make every change that was accepted, then stop. Later changes raise `WriterClosed`."""
        with self._gate:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._thread.join()

    def _submit(self, change: Callable[[Connection], T], kind: _Kind) -> "Future[T]":
        if threading.current_thread() is self._thread:
            raise RuntimeError("a change or a listener asked the writer to write: it would wait for itself")
        promise: Future[T] = Future()
        with self._gate:
            if self._closed:
                raise WriterClosed("the database is closing; the change was not made")
            self._queue.put(_Change(change, kind, promise))
        return promise

    def _run(self) -> None:
        going_on = True
        while going_on:
            going_on = self._make(self._accepted())

    def _accepted(self) -> list[_Change | None]:
        """What waits now, at least one. Changes that came together share one call of the listeners."""
        changes = [self._queue.get()]
        while len(changes) < _TOGETHER:
            try:
                changes.append(self._queue.get_nowait())
            except Empty:
                break
        return changes

    def _make(self, changes: list[_Change | None]) -> bool:
        """False when the last change was made."""
        unheard: list[tuple[_Change, Any]] = []
        revision = 0
        for change in changes:
            if change is None or not change.promise.set_running_or_notify_cancel():
                continue
            try:
                made, answer = self._commit(change)
            except BaseException as error:  # handed to the caller; the thread lives on
                change.promise.set_exception(error)
                continue
            if made is None:
                change.promise.set_result(answer)
            else:
                revision = made
                unheard.append((change, answer))
        if unheard:
            self._tell(revision, unheard)
        return None not in changes

    def _tell(self, revision: int, unheard: list[tuple[_Change, Any]]) -> None:
        try:
            for listener in self._listeners:
                listener(revision)
        except BaseException as error:  # handed to the callers; the thread lives on
            for change, _ in unheard:
                change.promise.set_exception(error)
        else:
            for change, answer in unheard:
                change.promise.set_result(answer)

    def _commit(self, change: _Change) -> tuple[int | None, Any]:
        with self._engine.connect() as connection:
            if change.kind == "durable":
                _synchronous(connection, "FULL")
            try:
                with connection.begin():
                    answer = change.apply(connection)
                    revision = meta.next_revision(connection) if change.kind == "configuration" else None
            finally:
                if change.kind == "durable":
                    _synchronous(connection, "NORMAL")
        return revision, answer


def _synchronous(connection: Connection, level: Literal["NORMAL", "FULL"]) -> None:
    # PostgreSQL waits for its disk anyway. SQLite refuses this inside a transaction, which `execute` would begin.
    if connection.dialect.name == "sqlite":
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.execute(f"PRAGMA synchronous={level}")
