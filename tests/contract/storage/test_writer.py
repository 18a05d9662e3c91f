"""The one writer, on both engines: a change is committed and heard of before `write` returns, and no mistake stops
the thread."""

import asyncio
import threading

import pytest
from sqlalchemy.exc import DBAPIError

from omniroute.storage.repos import meta, settings
from omniroute.storage.writer import Writer, WriterClosed


@pytest.fixture
def writer(database):
    writer = Writer(database)
    yield writer
    writer.close()


def put(key, value):
    return lambda connection: settings.put(connection, {key: value})


def test_a_change_is_committed_and_heard_before_write_returns(database, writer):
    heard = []
    writer.subscribe(lambda revision: heard.append((revision, database.read(settings.every))))
    writer.write(put("a", 1))
    writer.write(put("b", 2))
    assert heard == [(1, {"a": 1}), (2, {"a": 1, "b": 2})]
    assert database.read(meta.revision) == 2


def test_write_returns_what_the_change_returned(writer):
    assert writer.write(lambda connection: "answer") == "answer"


async def test_changes_that_wait_together_are_told_of_once_with_the_newest_revision(database, writer):
    heard = []
    begun, go = threading.Event(), threading.Event()

    def slow(connection):
        begun.set()
        assert go.wait(30)

    writer.subscribe(heard.append)
    first = asyncio.ensure_future(writer.awrite_quietly(slow))
    await asyncio.to_thread(begun.wait, 30)
    rest = [asyncio.ensure_future(writer.awrite(put(str(n), n))) for n in range(5)]
    await asyncio.sleep(0)
    go.set()
    await asyncio.gather(first, *rest)
    assert heard == [5]
    assert database.read(meta.revision) == 5


async def test_a_failure_among_changes_that_wait_together_is_told_to_its_own_caller(database, writer):
    begun, go = threading.Event(), threading.Event()

    def slow(connection):
        begun.set()
        assert go.wait(30)

    first = asyncio.ensure_future(writer.awrite(slow))
    await asyncio.to_thread(begun.wait, 30)
    good = asyncio.ensure_future(writer.awrite(put("good", 1)))
    bad = asyncio.ensure_future(writer.awrite(lambda connection: 1 / 0))
    also_good = asyncio.ensure_future(writer.awrite(put("also good", 1)))
    await asyncio.sleep(0)
    go.set()
    await asyncio.gather(first, good, also_good)
    with pytest.raises(ZeroDivisionError):
        await bad
    assert database.read(settings.every) == {"good": 1, "also good": 1}


def test_a_quiet_change_is_committed_without_a_revision(database, writer):
    heard = []
    writer.subscribe(heard.append)
    writer.write_quietly(put("a", 1))
    writer.write_quietly(put("b", 2), durable=True)
    assert heard == []
    assert database.read(meta.revision) == 0
    assert database.read(settings.every) == {"a": 1, "b": 2}


def test_a_failed_change_leaves_nothing_behind_and_the_writer_goes_on(database, writer):
    def change(connection):
        settings.put(connection, {"half": 1})
        raise KeyError("a mistake")

    for write in (writer.write, writer.write_quietly, lambda change: writer.write_quietly(change, durable=True)):
        with pytest.raises(KeyError, match="a mistake"):
            write(change)
    assert database.read(settings.every) == {}
    assert database.read(meta.revision) == 0
    writer.write(put("whole", 1))
    assert database.read(settings.every) == {"whole": 1}


def test_a_failing_listener_is_told_to_the_caller_and_the_change_stands(database, writer):
    def listener(revision):
        raise RuntimeError(f"cannot show revision {revision}")

    writer.subscribe(listener)
    with pytest.raises(RuntimeError, match="revision 1"):
        writer.write(put("a", 1))
    assert database.read(settings.every) == {"a": 1}


def test_writing_from_within_a_change_is_refused_instead_of_waiting_for_ever(writer):
    with pytest.raises(RuntimeError, match="wait for itself"):
        writer.write(lambda connection: writer.write(put("a", 1)))


async def test_close_makes_every_accepted_change(database):
    writer = Writer(database)
    begun, go = threading.Event(), threading.Event()

    def slow(connection):
        begun.set()
        assert go.wait(30)

    changes = [
        asyncio.ensure_future(writer.awrite(change)) for change in [slow, *(put(str(n), n) for n in range(20))]
    ]
    await asyncio.to_thread(begun.wait, 30)
    closing = asyncio.ensure_future(asyncio.to_thread(writer.close))
    go.set()
    await asyncio.gather(closing, *changes)
    assert database.read(settings.every) == {str(n): n for n in range(20)}
    with pytest.raises(WriterClosed):
        writer.write(put("late", 1))


async def test_the_event_loop_can_wait_for_a_change(database, writer):
    await asyncio.gather(*(writer.awrite(put(str(n), n)) for n in range(10)))
    await writer.awrite_quietly(put("quiet", 1))
    assert await database.aread(meta.revision) == 10
    assert len(await database.aread(settings.every)) == 11


async def test_a_cancelled_change_is_whole_or_absent(database, writer):
    begun, go = threading.Event(), threading.Event()

    def slow(connection):
        begun.set()
        assert go.wait(30)
        settings.put(connection, {"slow": 1})

    running = asyncio.ensure_future(writer.awrite(slow))
    waiting = asyncio.ensure_future(writer.awrite(put("never", 1)))
    await asyncio.to_thread(begun.wait, 30)
    waiting.cancel()
    running.cancel()
    await asyncio.gather(running, waiting, return_exceptions=True)
    go.set()
    await writer.awrite(put("after", 1))
    assert database.read(settings.every) == {"slow": 1, "after": 1}


def test_a_reader_cannot_write(database):
    with pytest.raises(DBAPIError, match=r"read-?only"):
        database.read(put("a", 1))


def test_a_reader_sees_one_state_while_changes_are_made(database, writer):
    writer.write(put("a", 1))

    def twice(connection):
        before = settings.every(connection)
        writer.write(put("a", 2))
        return before, settings.every(connection)

    assert database.read(twice) == ({"a": 1}, {"a": 1})
    assert database.read(settings.every) == {"a": 2}


def test_readers_are_served_in_many_threads_at_once(database, writer):
    writer.write(put("a", 1))
    answers = []

    def ask():
        for _ in range(50):
            answers.append(database.read(settings.every))

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [{"a": 1}] * 800
