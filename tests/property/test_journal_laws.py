"""Laws of the journal: what was appended is read back, in order; any crash leaves a prefix; any way to drain it
leaves the same tables."""

import tempfile
from itertools import accumulate, pairwise
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine, delete, select
from sqlalchemy.pool import StaticPool

from omniroute.ledger.drain import drained_position, store
from omniroute.ledger.framing import MAX_FRAME_BYTES, framed, frames, resume_at
from omniroute.ledger.journal import Journal
from omniroute.ledger.position import Position, parse, segments
from omniroute.ledger.reader import Reader, Taken
from omniroute.storage.migrate import create
from omniroute.storage.schema import SUMS, attempts, budget_spends, meta, requests, usage_days, usage_hours
from tests.support.records import any_record, lives, opened, texts

END = Position(9, 0, 0)


def read_all(directory, *, batch=500, until=END):
    reader = Reader(directory, Position(0, 0, 0))
    records = []
    while (taken := reader.take(batch, until=until)).records:
        assert taken.unknown == taken.damaged_bytes == 0
        records += taken.records
    return records


def framed_records(records):
    return [framed(msgspec.msgpack.encode(record)) for record in records]


@given(st.lists(any_record(), max_size=30), st.integers(1, 40))
def test_what_is_appended_is_read_back_in_order_in_batches_of_any_size(records, batch):
    with tempfile.TemporaryDirectory() as directory:
        journal = Journal(Path(directory), generation=1, segment_bytes=MAX_FRAME_BYTES)
        for record in records:
            journal.append(record)
        assert read_all(Path(directory), batch=batch, until=journal.end) == records
        assert read_all(Path(directory), batch=batch) == records
        journal.close(journal.end)


@given(st.lists(any_record(), min_size=1, max_size=3))
def test_a_segment_cut_at_any_byte_holds_exactly_the_whole_records(records):
    parts = framed_records(records)
    data = b"".join(parts)
    ends = list(accumulate(map(len, parts)))
    payloads = [part[8:] for part in parts]
    for cut in range(len(data) + 1):
        whole = sum(end <= cut for end in ends)
        assert frames(data[:cut], 0, 100) == (payloads[:whole], ends[whole - 1] if whole else 0)
        # Preallocated space reads as zeros; a record is whole already when only zeros of its end are missing.
        found = frames(data[:cut] + bytes(len(data) - cut + 64), 0, 100)
        assert found.payloads == payloads[: len(found.payloads)]
        assert len(found.payloads) == whole or data[cut : found.end].strip(b"\0") == b""


@given(st.lists(any_record(), min_size=1, max_size=3), st.data())
def test_nothing_is_found_behind_a_torn_tail(records, data):
    whole = b"".join(framed_records(records))
    torn = whole[: data.draw(st.integers(0, len(whole)))]
    assert resume_at(torn + bytes(64), frames(torn, 0, 100).end) is None


@given(st.lists(any_record(), min_size=1, max_size=6), st.data())
def test_a_crash_at_any_byte_is_recovered_to_a_prefix(records, data):
    parts = framed_records(records)
    whole = b"".join(parts)
    cut = data.draw(st.integers(0, len(whole)))
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "1-1.log").write_bytes(whole[:cut])
        recovered = read_all(Path(directory))
        assert recovered == records[: len(recovered)]
        assert len(recovered) == sum(len(b"".join(parts[: count + 1])) <= cut for count in range(len(parts)))


@given(st.lists(any_record(), min_size=2, max_size=8), st.data())
def test_damage_costs_only_the_records_it_touches(records, data):
    parts = framed_records(records)
    struck = data.draw(st.integers(0, len(parts) - 2))
    part = bytearray(parts[struck])
    part[data.draw(st.integers(0, len(part) - 1))] ^= data.draw(st.integers(1, 255))
    with tempfile.TemporaryDirectory() as directory:
        content = b"".join([*parts[:struck], bytes(part), *parts[struck + 1 :]])
        (Path(directory) / "1-1.log").write_bytes(content + bytes(4096))
        taken = Reader(Path(directory), Position(0, 0, 0)).take(100, until=END)
        assert list(taken.records) == records[:struck] + records[struck + 1 :]
        assert taken.damaged_bytes == len(part)


@given(texts, st.sampled_from(["model", "session_id", "client_request_id"]), st.booleans())
def test_whatever_a_client_writes_can_be_appended(word, field, huge):
    awkward = {field: (word + "\ud800\0") * (300_000 if huge and word else 1)}
    with tempfile.TemporaryDirectory() as directory:
        journal = Journal(Path(directory), generation=1, segment_bytes=MAX_FRAME_BYTES)
        journal.append(opened("r1", **awkward))
        (record,) = read_all(Path(directory))
        assert getattr(record, field).startswith(word[:1])
        journal.close(journal.end)


@given(st.tuples(*[st.integers(0, 10**18 - 1)] * 3))
def test_a_position_survives_being_written_as_text(numbers):
    position = Position(*numbers)
    assert parse(str(position)) == position


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 10**6)), max_size=20, unique=True))
def test_segments_are_found_in_the_order_of_their_numbers_and_nothing_else_is(names):
    with tempfile.TemporaryDirectory() as directory:
        for other in ("reserve", "1-1.log.damaged", "x-1.log", "1.log", "1-1-1.log"):
            (Path(directory) / other).touch()
        for generation, n in names:
            (Path(directory) / f"{generation}-{n}.log").touch()
        assert list(segments(Path(directory))) == sorted(names)


@pytest.fixture(scope="module")
def database():
    engine = create_engine("sqlite://", poolclass=StaticPool)
    with engine.begin() as connection:
        create(connection)
    yield engine
    engine.dispose()


def empty(connection):
    for table in (requests, attempts, meta, usage_hours, usage_days, budget_spends):
        connection.execute(delete(table))


def tables_after(database, batches):
    with database.connect() as connection, connection.begin() as transaction:
        empty(connection)
        for offset, batch in enumerate(batches, start=1):
            store(connection, Taken(tuple(batch), Position(1, 1, offset)))
        content = [
            connection.execute(select(requests).order_by(requests.c.id)).fetchall(),
            connection.execute(select(attempts).order_by(attempts.c.request_id, attempts.c.number)).fetchall(),
            *(
                connection.execute(select(table).order_by(*table.primary_key)).fetchall()
                for table in (usage_hours, usage_days, budget_spends)
            ),
        ]
        assert drained_position(connection) == Position(1, 1, len(batches))
        transaction.rollback()
    return content


@given(lives(), st.data())
def test_any_way_to_cut_a_journal_into_batches_leaves_the_same_tables(database, records, data):
    cuts = sorted(data.draw(st.sets(st.integers(1, len(records)), max_size=len(records))) if records else [])
    batches = [records[start:stop] for start, stop in pairwise([0, *cuts, len(records)])]
    one_by_one = [[record] for record in records] or [[]]
    assert tables_after(database, batches) == tables_after(database, one_by_one)


@given(lives())
def test_a_batch_stored_again_changes_nothing(database, records):
    taken = Taken(tuple(records), Position(3, 2, 1))
    with database.begin() as connection:
        empty(connection)
        store(connection, taken)
        changes = connection.connection.driver_connection.total_changes
        store(connection, taken)
        store(connection, taken._replace(end=Position(3, 1, 99)))
        assert connection.connection.driver_connection.total_changes == changes
        assert drained_position(connection) == taken.end


@given(lives(), st.data())
def test_the_roll_ups_are_the_sums_of_the_settled_rows_however_they_came(database, records, data):
    cut = data.draw(st.integers(0, len(records)))
    _, _, hours, days, _ = content = tables_after(database, [records[:cut], records[cut:]])
    settled = [row for row in content[0] if row.settled_at is not None]
    for table, period_ms in ((hours, 3_600_000), (days, 86_400_000)):
        assert {row.at % period_ms for row in table} <= {0}
        summed = {name: sum(getattr(row, name) for row in table) for name in SUMS}
        assert summed["requests"] == len(settled)
        assert summed["failed"] == sum(row.outcome != "ok" for row in settled)
        for name in ("input_tokens", "output_tokens", "duration_ms"):
            assert summed[name] == sum(getattr(row, name) for row in settled)
        for row in table:
            own = [
                one for one in settled if one.at // period_ms * period_ms == row.at and one.key_id == row.key_id
            ]
            assert row.last_at <= max(one.at for one in own)


@given(lives(), st.data())
def test_what_budgets_spent_is_the_sum_of_all_charges(database, records, data):
    cut = data.draw(st.integers(0, len(records)))
    charged = {}
    for charge in (charge for record in records for charge in getattr(record, "charges", ())):
        before = charged.get(charge[:2], (0, 0))
        charged[charge[:2]] = (before[0] + charge.micro_usd, before[1] + charge.guessed)
    *_, spends = tables_after(database, [records[:cut], records[cut:]])
    assert {(row.budget_id, row.window_start // 1000): tuple(row[2:]) for row in spends} == charged
