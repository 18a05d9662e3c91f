"""The administrator, on a real database, with several threads at once."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from omniroute.access.actor import Actor
from omniroute.access.administrator import Administrator, LockedOut, NoPassword, SignedIn, WrongPassword
from omniroute.access.setup import SetupTokens
from omniroute.errors import GatewayError
from omniroute.storage.database import Database
from omniroute.storage.repos import audit
from omniroute.storage.writer import Writer

SOMEBODY = Actor(name="anonymous", address="203.0.113.7")
PASSWORD = "correct horse"


class Hand:
    def now(self) -> float:
        return 1_000_000.0

    def monotonic(self) -> float:
        return 0.0


class Desk:
    def __init__(self, path: Path) -> None:
        self.database = Database.open(path / "omniroute.db")
        self.writer = Writer(self.database)
        self.tokens = SetupTokens(Hand(), os.urandom)
        self.administrator = Administrator(
            database=self.database,
            writer=self.writer,
            clock=Hand(),
            random=os.urandom,
            session_secret=b"s" * 32,
            setup_tokens=self.tokens,
        )

    def close(self) -> None:
        self.writer.close()
        self.database.close()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.close()


def test_without_a_password_nobody_logs_in(desk: Desk) -> None:
    assert desk.administrator.log_in("", SOMEBODY) == NoPassword()
    assert not desk.administrator.has_password()


def test_one_link_sets_one_password_however_many_try(desk: Desk) -> None:
    token = desk.tokens.issue()

    def attempt(number: int) -> bool:
        try:
            desk.administrator.set_up(token, f"{PASSWORD} {number}", SOMEBODY)
        except GatewayError:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(attempt, range(4))) == 1


def test_guessing_in_parallel_gets_no_more_tries(desk: Desk) -> None:
    desk.administrator.set_up(desk.tokens.issue(), PASSWORD, SOMEBODY)
    with ThreadPoolExecutor(12) as pool:
        outcomes = list(pool.map(lambda n: desk.administrator.log_in(f"guess {n}", SOMEBODY), range(12)))
    assert outcomes.count(WrongPassword()) == 5
    assert outcomes.count(LockedOut(900)) == 7


def test_what_is_returned_and_written_down_shows_no_secret(desk: Desk) -> None:
    signed_in = desk.administrator.set_up(desk.tokens.issue(), PASSWORD, SOMEBODY)
    again = desk.administrator.log_in(PASSWORD, SOMEBODY)
    assert isinstance(again, SignedIn)
    assert signed_in.cookie not in repr(signed_in)
    rows = desk.database.read(lambda connection: audit.latest(connection, limit=10))
    assert [row.action for row in rows] == ["auth.login.success", "auth.setup"]
    assert PASSWORD not in str(rows)
    assert desk.administrator.session(again.cookie) is not None
    assert desk.administrator.session(again.cookie + "x") is None
    assert desk.administrator.session(None) is None
