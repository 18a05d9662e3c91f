"""A start after a process that ended without a word."""

from functools import partial

import msgspec
import pytest

from omniroute.ledger.drain import drained_position, store
from omniroute.ledger.framing import framed
from omniroute.ledger.position import Position
from omniroute.ledger.reader import Taken
from omniroute.ledger.recovery import Recovered, recover
from omniroute.storage.database import Database
from omniroute.storage.repos import usage
from omniroute.storage.writer import Writer
from tests.support.records import opened, progress, settled


@pytest.fixture
def stage(tmp_path):
    database = Database.open(tmp_path / "omniroute.db")
    writer = Writer(database)
    directory = tmp_path / "journal"
    directory.mkdir()
    yield directory, database, writer
    writer.close()
    database.close()


def segment(*records, tail=b"\0" * 4096):
    return b"".join(framed(msgspec.msgpack.encode(record)) for record in records) + tail


def outcomes(database):
    return {row.id: row.outcome for row in database.read(partial(usage.latest, limit=100))}


def test_the_first_start_finds_nothing(stage):
    assert recover(*stage, at=1.0) == Recovered(generation=1)


def test_everything_accepted_is_stored_and_open_requests_are_interrupted(stage):
    directory, database, writer = stage
    (directory / "1-1.log").write_bytes(segment(opened("r1"), settled("r1"), opened("r2")))
    (directory / "1-2.log").write_bytes(segment(progress("r2"), opened("r3"), tail=b""))
    (directory / "reserve").write_bytes(bytes(4096))
    assert recover(directory, database, writer, at=9.0) == Recovered(generation=2, records=5, interrupted=2)
    assert outcomes(database) == {"r1": "ok", "r2": "interrupted", "r3": "interrupted"}
    row = database.read(partial(usage.get, request_id="r2"))
    assert (row.output_tokens, row.usage_source, row.settled_at) == (8, "estimated", 9000)
    assert [path.name for path in directory.iterdir()] == ["reserve"]


def test_a_torn_record_was_never_accepted(stage):
    directory, database, writer = stage
    torn = segment(opened("r2"), tail=b"")[:-1]
    (directory / "1-1.log").write_bytes(segment(opened("r1"), tail=torn))
    assert recover(directory, database, writer, at=9.0).records == 1
    assert outcomes(database) == {"r1": "interrupted"}
    assert list(directory.iterdir()) == []


def test_what_was_drained_before_is_not_read_again(stage):
    directory, database, writer = stage
    (directory / "3-1.log").write_bytes(segment(opened("r1"), opened("r2")))
    first = len(segment(opened("r1"), tail=b""))
    writer.write_quietly(partial(store, taken=Taken((opened("r1"),), Position(3, 1, first))))
    assert recover(directory, database, writer, at=9.0) == Recovered(generation=4, records=1, interrupted=2)


def test_the_generation_goes_on_counting_when_no_segment_is_left(stage):
    directory, database, writer = stage
    writer.write_quietly(partial(store, taken=Taken((), Position(6, 2, 50))))
    assert recover(directory, database, writer, at=9.0).generation == 7


def test_a_lost_database_is_filled_from_the_journal(stage):
    directory, database, writer = stage
    (directory / "12-40.log").write_bytes(segment(opened("r1"), settled("r1")))
    assert recover(directory, database, writer, at=9.0) == Recovered(generation=13, records=2)
    assert outcomes(database) == {"r1": "ok"}
    assert database.read(drained_position)[:2] == (12, 40)


def test_a_damaged_segment_is_kept_and_its_whole_records_stored(stage):
    directory, database, writer = stage
    damaged = bytearray(segment(opened("r1"), opened("r2"), opened("r3")))
    damaged[len(segment(opened("r1"), tail=b"")) + 20] ^= 1
    (directory / "1-1.log").write_bytes(damaged)
    (directory / "1-2.log").write_bytes(segment(opened("r4")))
    recovered = recover(directory, database, writer, at=9.0)
    assert (recovered.records, recovered.damaged_bytes) == (3, len(segment(opened("r2"), tail=b"")))
    assert outcomes(database).keys() == {"r1", "r3", "r4"}
    assert (directory / "1-1.log.damaged").read_bytes() == bytes(damaged)


def test_records_of_a_kind_this_version_does_not_know_are_counted_and_kept(stage):
    directory, database, writer = stage
    strange = framed(msgspec.msgpack.encode(["zz", "from the future"]))
    (directory / "1-1.log").write_bytes(segment(opened("r1"), tail=strange) + segment(opened("r2")))
    recovered = recover(directory, database, writer, at=9.0)
    assert (recovered.records, recovered.unknown, recovered.damaged_bytes) == (2, 1, 0)
    assert [path.name for path in directory.iterdir()] == ["1-1.log.damaged"]


def test_a_second_recovery_changes_nothing(stage):
    directory, database, writer = stage
    content = segment(opened("r1"), settled("r1"), opened("r2"))
    (directory / "1-1.log").write_bytes(content)
    recover(directory, database, writer, at=9.0)
    # As if the process had ended after the commit and before the segment was deleted.
    (directory / "1-1.log").write_bytes(content)
    assert recover(directory, database, writer, at=10.0) == Recovered(generation=2)
    assert outcomes(database) == {"r1": "ok", "r2": "interrupted"}
