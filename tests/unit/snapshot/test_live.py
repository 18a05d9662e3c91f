"""The snapshot in force: there when `write` returns, whole for every reader, never going back."""

import threading

import pytest
from msgspec.structs import replace

from omniroute.accounts.connection import Connection
from omniroute.catalog.provider import Operation, Provider
from omniroute.snapshot.live import Live
from omniroute.storage.database import Database
from omniroute.storage.repos import connections, keys, meta, settings
from omniroute.storage.repos.connections import ConnectionRow
from omniroute.storage.repos.keys import KeyRow
from omniroute.storage.sealing import Sealer
from omniroute.storage.writer import Writer

CATALOG = {
    "demo": Provider(
        id="demo",
        alias="demo",
        name="demo",
        base_url="http://localhost",
        operations={"chat": Operation(codec="openai_chat")},
    )
}
ROW = ConnectionRow(id="c1", provider="demo", name="c1", created_at=0, updated_at=0)
KEY = KeyRow(id="k1", name="k1", digest=b"d" * 32, prefix="sk-omni-abcd", created_at=0, updated_at=0)
EXTRA = Connection(id="env:demo", provider="demo", name="env", origin="env")


@pytest.fixture
def stage(tmp_path):
    database = Database.open(tmp_path / "omniroute.db")
    writer = Writer(database)
    yield writer, Live(database, writer, Sealer(bytes(32)), CATALOG, [EXTRA])
    writer.close()
    database.close()


def test_a_new_key_is_there_when_write_returns_and_a_removed_one_is_gone(stage):
    writer, live = stage
    assert KEY.digest not in live.current.grants
    writer.write(lambda connection: keys.add(connection, KEY))
    assert KEY.digest in live.current.grants
    writer.write(lambda connection: keys.remove(connection, "k1"))
    assert KEY.digest not in live.current.grants


def test_a_request_keeps_the_snapshot_it_started_with(stage):
    writer, live = stage
    mine = live.current
    writer.write(lambda connection: connections.add(connection, ROW))
    assert set(mine.by_id) == {"env:demo"}
    assert set(live.current.by_id) == {"c1", "env:demo"}
    assert live.current.revision == mine.revision + 1


def test_quiet_changes_do_not_replace_it(stage):
    writer, live = stage
    before = live.current
    writer.write_quietly(lambda connection: meta.put(connection, "any", "thing"))
    assert live.current is before


def test_a_failed_change_does_not_replace_it(stage):
    writer, live = stage
    before = live.current
    with pytest.raises(ZeroDivisionError):
        writer.write(lambda connection: 1 / 0)
    assert live.current is before


def test_connections_that_are_not_stored_can_be_replaced(stage):
    writer, live = stage
    live.set_extra([replace(EXTRA, id="local:demo", origin="local")])
    assert set(live.current.by_id) == {"local:demo"}
    writer.write(lambda connection: connections.add(connection, ROW))
    assert [one.id for one in live.current.connections["demo"]] == ["c1", "local:demo"]
    live.set_extra([])
    assert set(live.current.by_id) == {"c1"}


def test_in_10_000_edits_no_reader_sees_half_of_one_or_an_older_one_again(stage):
    writer, live = stage
    edits, editors, readers = 10_000, 40, 3

    def prepare(connection):
        connections.add(connection, ROW)
        keys.add(connection, replace(KEY, name="0"))
        settings.put(connection, {"edit": 0})

    def edit(connection):
        number = connection.exec_driver_sql("SELECT updated_at FROM connections").scalar() + 1
        connection.exec_driver_sql("UPDATE connections SET updated_at = ?", (number,))
        connection.exec_driver_sql("UPDATE api_keys SET name = ?", (str(number),))
        connection.exec_driver_sql("UPDATE settings SET value = ?", (str(number),))
        return number

    writer.write(prepare)
    first = live.current.revision
    wrong: list[str] = []
    seen: list[set[int]] = [set() for _ in range(readers)]
    done = threading.Event()

    def read(reader):
        newest = 0
        while not done.wait(0.0005):
            snapshot = live.current
            number = snapshot.settings["edit"]
            related = (snapshot.by_id["c1"].version, snapshot.grants[KEY.digest].name, snapshot.revision - first)
            if related != (number, str(number), number) or number < newest:
                wrong.append(f"{number}: {related}, after {newest}")
            newest = number
            seen[reader].add(number)

    def write():
        for _ in range(edits // editors):
            number = writer.write(edit)
            if live.current.settings["edit"] < number:
                wrong.append(f"edit {number} was not there when write returned")

    reading = [threading.Thread(target=read, args=(reader,)) for reader in range(readers)]
    editing = [threading.Thread(target=write) for _ in range(editors)]
    for thread in reading + editing:
        thread.start()
    for thread in editing:
        thread.join()
    done.set()
    for thread in reading:
        thread.join()

    assert wrong == []
    assert min(len(numbers) for numbers in seen) > 10
    assert live.current.settings["edit"] == edits
    assert live.current.revision == first + edits
