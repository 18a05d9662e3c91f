"""The journal as it is written: segments, windows, a full disk, and who is woken."""

import threading
from pathlib import Path

import msgspec
import pytest

from omniroute.ledger.framing import MAX_FRAME_BYTES, framed
from omniroute.ledger.journal import Fullness, Journal, LedgerFull
from omniroute.ledger.position import Position, segments
from omniroute.ledger.reader import Reader
from tests.support.full_disk import full_disk
from tests.support.records import opened, settled

SMALL = MAX_FRAME_BYTES
BIG = "m" * 60_000


def small(directory: Path, **options) -> Journal:
    return Journal(directory, **{"generation": 1, "segment_bytes": SMALL} | options)


def read(directory: Path) -> list[str]:
    taken = Reader(directory, Position(0, 0, 0)).take(10_000, until=Position(99, 0, 0))
    return [record.request_id for record in taken.records]


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


def size(record) -> int:
    return len(framed(msgspec.msgpack.encode(record)))


def test_a_new_journal_has_a_segment_and_a_reserve_both_private_and_in_full_size(tmp_path):
    journal = Journal(tmp_path, generation=7)
    assert names(tmp_path) == {"7-1.log", "reserve"}
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    for path in tmp_path.iterdir():
        assert path.stat().st_size == 16 * 1024 * 1024
        assert path.stat().st_blocks * 512 >= 16 * 1024 * 1024
    journal.close(Position(7, 1, 0))


def test_the_end_is_where_the_next_record_goes(tmp_path):
    journal = small(tmp_path)
    assert journal.beginning < journal.end == Position(1, 1, 0)
    journal.append(opened("r1"))
    assert journal.end == Position(1, 1, size(opened("r1")))
    journal.close(journal.end)


def test_a_record_is_in_the_file_when_append_returns(tmp_path):
    journal = small(tmp_path)
    for number in range(100):
        journal.append(opened(f"r{number}"))
        assert read(tmp_path)[-1] == f"r{number}"
    journal.close(journal.end)


@pytest.mark.parametrize("fsync", [False, True])
def test_a_full_segment_is_followed_by_the_next_and_deleted_once_drained(tmp_path, fsync):
    journal = small(tmp_path, fsync=fsync)
    for number in range(10):
        journal.append(opened(f"r{number}", model=BIG))
        journal.tend()
    assert segments(tmp_path) == ((1, 1), (1, 2), (1, 3))
    assert read(tmp_path) == [f"r{number}" for number in range(10)]
    journal.forget(Position(1, 2, 0))
    assert segments(tmp_path) == ((1, 2), (1, 3))
    journal.forget(Position(1, 3, 0))
    assert names(tmp_path) == {"1-3.log", "reserve"}
    journal.close(journal.end)
    assert names(tmp_path) == set()


def test_more_than_one_window_of_a_segment_is_written(tmp_path):
    journal = Journal(tmp_path, generation=1, segment_bytes=4 * 1024 * 1024)
    for number in range(60):
        journal.append(opened(f"r{number}", model=BIG))
    assert len(segments(tmp_path)) == 1
    assert read(tmp_path) == [f"r{number}" for number in range(60)]
    journal.close(journal.end)


def test_what_is_not_drained_stays_after_close(tmp_path):
    journal = small(tmp_path)
    journal.append(opened("r1"))
    journal.close(Position(1, 1, 0))
    assert names(tmp_path) == {"1-1.log"}
    assert read(tmp_path) == ["r1"]


def test_nothing_can_be_appended_after_close(tmp_path):
    journal = small(tmp_path)
    journal.close(journal.end)
    journal.close(journal.end)
    with pytest.raises(RuntimeError, match="closed"):
        journal.append(opened("r1"))
    journal.tend()
    assert names(tmp_path) == set()


def test_a_reserve_left_by_a_killed_process_is_made_anew(tmp_path):
    (tmp_path / "reserve").write_bytes(framed(msgspec.msgpack.encode(opened("stale"))))
    journal = small(tmp_path)
    journal.append(opened("r1"))
    assert read(tmp_path) == ["r1"]
    journal.close(journal.end)


def test_on_a_full_disk_the_reserve_serves_first_and_then_memory_until_there_is_space(tmp_path):
    journal = small(tmp_path)
    with full_disk():
        for number in range(12):
            journal.append(opened(f"r{number}", model=BIG))
            journal.tend()
        assert segments(tmp_path) == ((1, 1), (1, 2))
        assert read(tmp_path) == [f"r{number}" for number in range(8)]
        assert journal.fullness == Fullness(4 * size(opened("r9", model=BIG)) + 2, 0)
    journal.tend()
    assert journal.fullness == Fullness(0, 0)
    assert read(tmp_path) == [f"r{number}" for number in range(12)]
    journal.append(opened("r12"))
    assert read(tmp_path)[-1] == "r12"
    journal.close(journal.end)


def test_a_small_record_does_not_overtake_a_large_one_that_waits(tmp_path):
    journal = small(tmp_path)
    with full_disk():
        for number in range(9):
            journal.append(opened(f"r{number}", model=BIG))
        journal.append(opened("small"))
        assert "small" not in read(tmp_path)
    journal.tend()
    assert read(tmp_path) == [*(f"r{number}" for number in range(9)), "small"]
    journal.close(journal.end)


def test_a_start_on_a_full_disk_keeps_records_in_memory(tmp_path):
    with full_disk():
        journal = small(tmp_path)
        journal.append(opened("r1"))
        assert journal.fullness.waiting_bytes == size(opened("r1"))
        assert names(tmp_path) == set()
    journal.tend()
    assert read(tmp_path) == ["r1"]
    journal.close(journal.end)


def test_refuse_turns_new_requests_away_and_keeps_room_for_the_admitted(tmp_path):
    journal = small(tmp_path, on_full="refuse", memory_bytes=4 * 60_200)
    with full_disk():
        for number in range(8 + 3):
            journal.append(opened(f"r{number}", model=BIG))
        with pytest.raises(LedgerFull) as refused:
            journal.append(opened("refused", model=BIG))
        journal.append(settled("r0", model=BIG))
        with pytest.raises(LedgerFull):
            journal.append(settled("r1", model=BIG))
    assert (refused.value.status, refused.value.code) == (503, "ledger_full")
    journal.tend()
    assert read(tmp_path) == [*(f"r{number}" for number in range(8 + 3)), "r0"]
    journal.append(opened("again"))
    journal.close(journal.end)


def test_serve_goes_on_and_counts_what_was_lost(tmp_path):
    journal = small(tmp_path, on_full="serve", memory_bytes=2 * 60_200)
    with full_disk():
        for number in range(20):
            journal.append(settled(f"r{number}", model=BIG))
        assert journal.fullness.lost == 20 - 8 - 2
    journal.tend()
    assert read(tmp_path) == [f"r{number}" for number in range(10)]
    journal.close(journal.end)


def test_records_of_many_threads_are_all_kept_each_thread_in_its_order(tmp_path):
    journal = small(tmp_path)

    def write(thread: int) -> None:
        for number in range(500):
            journal.append(opened(f"{thread}-{number}", model="m" * (number % 700)))

    threads = [threading.Thread(target=write, args=(thread,)) for thread in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        journal.tend()
    found = read(tmp_path)
    assert len(found) == 2000
    for thread in range(4):
        assert [name for name in found if name.startswith(f"{thread}-")] == [f"{thread}-{n}" for n in range(500)]
    journal.close(journal.end)


def test_the_drain_is_woken_by_the_first_record_and_at_once_by_many(tmp_path):
    journal = small(tmp_path, wake_s=60.0)
    ends = []
    waiter = threading.Thread(target=lambda: ends.append(journal.wait()))
    waiter.start()
    for number in range(500):
        journal.append(opened(f"r{number}"))
    waiter.join(30)
    assert ends == [journal.end]
    journal.close(journal.end)


def test_wake_ends_a_wait_without_records(tmp_path):
    journal = small(tmp_path)
    journal.wake()
    assert journal.wait() == Position(1, 1, 0)
    journal.close(journal.end)


def test_a_count_beyond_what_msgpack_can_write_is_cut(tmp_path):
    journal = small(tmp_path)
    journal.append(settled("r1", input_tokens=10**30))
    (record,) = Reader(tmp_path, Position(0, 0, 0)).take(9, until=journal.end).records
    assert record == settled("r1", input_tokens=2**53)
    journal.close(journal.end)


def test_a_segment_that_could_not_hold_one_record_is_a_mistake(tmp_path):
    with pytest.raises(ValueError, match="at least"):
        Journal(tmp_path, generation=1, segment_bytes=MAX_FRAME_BYTES - 1)
