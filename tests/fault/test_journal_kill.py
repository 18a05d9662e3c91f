"""`kill -9` at any moment: every record whose append returned is recovered, and none is counted twice."""

import random
import sqlite3
import subprocess
import sys
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from omniroute.ledger.position import Position
from omniroute.ledger.reader import Reader
from omniroute.ledger.recovery import recover
from omniroute.storage.database import Database
from omniroute.storage.repos import summaries, usage
from omniroute.storage.writer import Writer

APPENDING = """
import os, sys
from pathlib import Path
from omniroute.ledger.journal import Journal
from omniroute.ledger.records import Opened
journal = Journal(Path(sys.argv[1]), generation=1, segment_bytes=512 * 1024)
for number in range(10**9):
    model = "m" * (number * 7919 % 900)
    journal.append(Opened(
        request_id=f"r{number}", at=1.0, key_id="k", dialect="d", operation="chat", model=model, stream=True,
    ))
    os.write(1, b"%d\\n" % number)
"""

DRAINING = """
import os, sys
from pathlib import Path
from omniroute.ledger.drain import Drain
from omniroute.ledger.journal import Journal
from omniroute.ledger.records import Opened, Settled
from omniroute.ledger.recovery import recover
from omniroute.storage.database import Database
from omniroute.storage.writer import Writer
home = Path(sys.argv[1])
database = Database.open(home / "omniroute.db")
writer = Writer(database)
recovered = recover(home / "journal", database, writer, at=9.0)
journal = Journal(
    home / "journal", generation=recovered.generation, segment_bytes=512 * 1024, wake_s=0.001
)
Drain(journal, writer).start()
for number in range(10**9):
    request_id = f"{recovered.generation}-{number}"
    journal.append(Opened(
        request_id=request_id, at=1.0, key_id="k", dialect="d", operation="chat", model="m", stream=True,
    ))
    journal.append(Settled(
        request_id=request_id, at=2.0, outcome="ok", status=200, provider="p", connection_id="c", model="m",
        input_tokens=1, attempts=1,
    ))
    os.write(1, b"%s\\n" % request_id.encode())
"""

# Lines for what must happen once and what must not happen: a batch applied twice changes no value, but shows here.
WITNESS = """
CREATE TABLE witness (request_id TEXT, what TEXT);
CREATE TRIGGER inserted AFTER INSERT ON requests BEGIN INSERT INTO witness VALUES (new.id, 'inserted'); END;
CREATE TRIGGER repeated AFTER UPDATE ON requests WHEN old.settled_at IS NOT NULL OR new.settled_at IS NULL
BEGIN INSERT INTO witness VALUES (new.id, 'repeated'); END;
"""


def killed_after(program: str, argument: Path, lines: int) -> list[str]:
    """Everything that the program printed; it is killed while it goes on behind its `lines`-th line."""
    with subprocess.Popen([sys.executable, "-c", program, str(argument)], stdout=subprocess.PIPE) as child:
        printed = [child.stdout.readline() for _ in range(lines)]
        child.kill()
        printed += child.stdout.readlines()
    return [line.decode().rstrip("\n") for line in printed]


@pytest.mark.parametrize("moment", range(20))
def test_every_append_that_returned_survives_kill_9(tmp_path, moment):
    printed = killed_after(APPENDING, tmp_path, random.Random(moment).randrange(1, 6000))
    reader = Reader(tmp_path, Position(0, 0, 0))
    recovered = []
    while (taken := reader.take(500, until=Position(2, 0, 0))).records:
        assert taken.damaged_bytes == taken.unknown == 0
        recovered += [record.request_id for record in taken.records]
    assert recovered == [f"r{number}" for number in range(len(recovered))]
    # One record may have been appended and not yet told of.
    assert len(recovered) - len(printed) in (0, 1)


def test_no_request_is_lost_or_counted_twice_when_draining_is_killed_again_and_again(tmp_path):
    (tmp_path / "journal").mkdir()
    Database.open(tmp_path / "omniroute.db").close()
    with closing(sqlite3.connect(tmp_path / "omniroute.db")) as connection:
        connection.executescript(WITNESS)
    printed = []
    for moment in range(10):
        printed += killed_after(DRAINING, tmp_path, random.Random(moment).randrange(1, 4000))

    database = Database.open(tmp_path / "omniroute.db")
    writer = Writer(database)
    recover(tmp_path / "journal", database, writer, at=99.0)
    assert list((tmp_path / "journal").glob("*.log*")) == []
    rows = {row.id: row for row in database.read(partial(usage.latest, limit=10**6))}
    witnessed = database.read(
        lambda connection: connection.exec_driver_sql(
            "SELECT request_id, group_concat(what) FROM witness GROUP BY request_id"
        ).fetchall()
    )
    summed = database.read(lambda connection: summaries.used(connection, ("provider",)))
    writer.close()
    database.close()

    assert sum(one.requests for one in summed) == len(rows)
    assert sum(one.input_tokens for one in summed) == sum(row.input_tokens for row in rows.values())
    assert set(printed) <= rows.keys()
    told = [rows[request_id] for request_id in printed]
    assert {(row.outcome, row.input_tokens, row.settled_at) for row in told} == {("ok", 1, 2000)}
    # A process may leave one request behind that it had not told of, whole or interrupted.
    assert len(rows) - len(printed) <= 10
    assert {row.outcome for row in rows.values()} <= {"ok", "interrupted"}
    assert {what for _, what in witnessed} == {"inserted"}
    assert len(witnessed) == len(rows)
