"""Sessions, on a real database."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from omniroute.access import sessions
from omniroute.storage.database import Database
from omniroute.storage.repos import meta
from omniroute.storage.writer import Writer

NOW = 1_000_000_000_000
DAY = 24 * 3600 * 1000
STORED = sessions.digest(b"s" * 32, "cookie")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database.open(tmp_path / "omniroute.db")
    yield opened
    opened.close()


@pytest.fixture
def writer(database: Database) -> Iterator[Writer]:
    made = Writer(database)

    def begin(connection: object) -> None:
        version = meta.put_password(connection, "hash")  # type: ignore[arg-type]
        sessions.opened(connection, STORED, now=NOW, password_version=version)  # type: ignore[arg-type]

    made.write_quietly(begin)
    yield made
    made.close()


def found(database: Database, now: int) -> sessions.Session | None:
    return database.read(lambda connection: sessions.valid(connection, STORED, now=now))


def test_a_session_lasts_thirty_days_and_may_be_renewed_in_the_last_seven(
    database: Database, writer: Writer
) -> None:
    assert found(database, NOW) == sessions.Session(digest=STORED, renewable=False)
    assert found(database, NOW + 23 * DAY) == sessions.Session(digest=STORED, renewable=False)
    assert found(database, NOW + 23 * DAY + 1) == sessions.Session(digest=STORED, renewable=True)
    assert found(database, NOW + 30 * DAY) is None
    late = NOW + 29 * DAY
    assert writer.write_quietly(lambda connection: sessions.renewed(connection, STORED, now=late))
    assert found(database, NOW + 58 * DAY) is not None


def test_a_new_password_voids_it(database: Database, writer: Writer) -> None:
    writer.write(lambda connection: meta.put_password(connection, "another"))
    assert found(database, NOW) is None


def test_another_cookie_finds_nothing(database: Database, writer: Writer) -> None:
    other = sessions.digest(b"s" * 32, "other")
    assert database.read(lambda connection: sessions.valid(connection, other, now=NOW)) is None
    assert sessions.digest(b"t" * 32, "cookie") != STORED


def test_a_token_is_made_of_32_random_bytes() -> None:
    assert len(sessions.token(b"r" * 32)) == 43
    with pytest.raises(ValueError, match="32 random bytes, not 8"):
        sessions.token(b"r" * 8)
