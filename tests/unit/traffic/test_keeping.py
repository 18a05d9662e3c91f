"""Blocks and breakers over a restart, in a real database."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from omniroute.ir.failure import Failure
from omniroute.ir.target import Target
from omniroute.routing.candidate import Account, Candidate
from omniroute.routing.classify import classify
from omniroute.routing.dice import Dice
from omniroute.routing.resilience import DEFAULT
from omniroute.storage.database import Database
from omniroute.storage.repos import blocks
from omniroute.storage.writer import Writer
from omniroute.traffic.keeping import Keeping, recall
from omniroute.traffic.pulse import Pulse
from omniroute.traffic.resting import Resting

TARGET = Target(provider="p", model="m", dialect="openai_chat")
BROKEN = Failure(kind="server", status=500, message="broken")
BAD_KEY = Failure(kind="authentication", status=401, message="refused sk-abcdefghijklmnop")


class Clock:
    """Two clocks that begin anew with each process."""

    def __init__(self, started: float) -> None:
        self.unix, self.started = 1_800_000_000.0, started

    def now(self) -> float:
        return self.unix

    def monotonic(self) -> float:
        return self.started


class Process:
    """What lives between two starts."""

    def __init__(self, path: Path, *, unix: float = 0.0, started: float = 5.0, **versions: int) -> None:
        self.clock = Clock(started)
        self.clock.unix += unix
        self.database = Database.open(path / "omniroute.db")
        self.writer = Writer(self.database)
        keeping = Keeping(self.writer, self.clock)
        self.pulse = Pulse(Dice(1), kept=keeping)
        self.resting = Resting(kept=keeping)
        recall(self.database, self.resting, self.pulse, self.clock, versions=versions)

    def fails(self, failure: Failure, account: str = "a", version: int = 1) -> None:
        who = Candidate(target=TARGET, account=Account(id=account, provider="p", version=version))
        self.resting.failed(who, classify(failure), failure, self.clock.monotonic())

    def rows(self) -> tuple[blocks.BlockRow, ...]:
        self.writer.write_quietly(lambda connection: None)  # whatever was left for the writer came before this
        return self.database.read(blocks.every)

    def left(self) -> list[tuple[str, float]]:
        now = self.clock.monotonic()
        return [(block.error, block.until - now) for _, block in self.resting.current(now)]

    def end(self) -> None:
        self.writer.close()
        self.database.close()


@pytest.fixture
def first(tmp_path: Path) -> Iterator[Process]:
    process = Process(tmp_path, a=1)
    yield process
    process.end()


def five_hours() -> Failure:
    return Failure(kind="rate_limit", status=429, message="usage limit", retry_after=5 * 3600.0)


def test_a_lock_of_five_hours_outlives_a_restart(first: Process, tmp_path: Path) -> None:
    first.fails(five_hours())
    first.rows()
    first.end()
    second = Process(tmp_path, unix=3600.0, started=77.0, a=1)
    assert second.left() == [("quota_window", 4 * 3600.0)]
    second.end()


def test_what_has_ended_vanishes(first: Process, tmp_path: Path) -> None:
    first.fails(five_hours())
    first.rows()
    first.end()
    second = Process(tmp_path, unix=6 * 3600.0, a=1)
    assert (second.left(), second.rows()) == ([], ())
    second.end()


def test_a_block_without_an_end_stays_until_its_connection_is_edited(first: Process, tmp_path: Path) -> None:
    first.fails(BAD_KEY)
    (row,) = first.rows()
    assert (row.until, row.terminal) == (None, True)
    assert "sk-abcdefghijklmnop" not in str(row.evidence)
    first.end()
    second = Process(tmp_path, a=1)
    assert [error for error, _ in second.left()] == ["auth_invalid"]
    second.end()
    third = Process(tmp_path, a=2)
    assert (third.left(), third.rows()) == ([], ())
    third.end()


def test_a_refused_key_of_the_environment_is_tried_anew(first: Process, tmp_path: Path) -> None:
    first.fails(BAD_KEY, "env:p", version=0)
    first.rows()
    first.end()
    second = Process(tmp_path, **{"env:p": 0})
    assert second.left() == []
    second.end()


def test_what_is_lifted_is_gone_from_the_database_too(first: Process) -> None:
    first.fails(five_hours())
    assert len(first.rows()) == 1
    first.resting.lift(lambda scope, block: True)
    assert first.rows() == ()


def test_changes_of_the_same_scope_are_one_row(first: Process) -> None:
    for wait_s in (10.0, 100.0, 1000.0):
        first.fails(Failure(kind="rate_limit", status=429, message="slow down", retry_after=wait_s))
    (row,) = first.rows()
    assert row.until == round((first.clock.now() + 1000.0) * 1000)


def test_an_open_breaker_outlives_a_restart_and_a_closed_one_is_forgotten(first: Process, tmp_path: Path) -> None:
    for _ in range(DEFAULT.apikey.breaker_failures):
        first.pulse.began(TARGET, 5.0)
        first.pulse.failed(TARGET, BROKEN, 5.0)
    assert first.pulse.failing(TARGET, 6.0)
    first.rows()
    first.end()
    second = Process(tmp_path, unix=10.0, started=500.0)
    assert second.pulse.failing(TARGET, 501.0)
    assert second.pulse.standing(TARGET, 540.0).health == "half-open"
    second.pulse.reset()
    second.rows()
    second.end()
    third = Process(tmp_path, unix=20.0)
    assert not third.pulse.failing(TARGET, 6.0)
    third.end()
