"""Both engines answer alike, whatever is stored and whatever is asked."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from omniroute.ledger.drain import drained_position, store
from omniroute.ledger.position import Position
from omniroute.ledger.reader import Taken
from omniroute.storage.database import Database
from omniroute.storage.filters.grammar import parse
from omniroute.storage.postgresql import connect
from omniroute.storage.repos import requests, summaries, usage
from omniroute.storage.schema import METADATA
from tests.support.records import lives, texts

NOW = 4_000_000_000_000
QUERIES = st.sampled_from(
    [
        "",
        "is:error",
        "is:running",
        "is:ok,running",
        "is:fellback",
        "is:unpriced",
        "-is:stream",
        "cache:miss",
        "status:>=200",
        "-status:4xx,200",
        "model:gpt",
        "model:g*t",
        "model:*_*",
        "served:*x",
        "key:k1",
        "key:*1",
        "provider:openai",
        "-provider:openai,groq",
        "cost>0.000002",
        "-cost:<=0",
        "latency:>5ms",
        "tokens:>1m",
        "error:*",
        "-combo:be*t",
        'session:"*"',
        '"GPT"',
        "since:50w",
        "until:9000h",
    ]
)
BY = st.lists(st.sampled_from(["at", "provider", "model", "key_id", "combo", "connection_id"]), unique=True)


@pytest.fixture(scope="module")
def engines(postgresql, tmp_path_factory):
    file = Database.open(tmp_path_factory.mktemp("alike") / "omniroute.db")
    schema = connect(postgresql.fresh())
    yield file, schema
    file.close()
    schema.close()


def answers(database, batches, question):
    """What `question` finds when nothing but these records was ever stored."""
    with database.writing.connect() as connection, connection.begin() as transaction:
        for offset, batch in enumerate(batches, start=1):
            store(connection, Taken(tuple(batch), Position(1, 1, offset)))
        found = question(connection)
        transaction.rollback()
    return found


def tables(connection):
    names = ("requests", "attempts", "usage_hours", "usage_days", "budget_spends")
    return [
        [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key))]
        for table in (METADATA.tables[name] for name in names)
    ]


def pages(connection, query, size):
    found, before = [], None
    while True:
        page = requests.page(connection, query, now=NOW, limit=size, before=before, first_look=2)
        found.append([row.id for row in page.rows])
        before = page.cursor
        if before is None:
            return found


@given(lives(), st.data(), QUERIES, QUERIES, st.integers(1, 3), BY, st.integers(0, NOW), st.integers(0, NOW))
def test_the_same_journal_leaves_the_same_rows_sums_pages_and_uses(
    engines, records, data, one, other, size, by, since, until
):
    cuts = sorted(data.draw(st.sets(st.integers(1, len(records)), max_size=3))) if records else []
    whole = [records[start:stop] for start, stop in pairwise([0, *cuts, len(records)])]

    def everything(connection):
        return (
            tables(connection),
            drained_position(connection),
            usage.totals(connection),
            usage.totals_by_model(connection, since=since, until=until),
            pages(connection, parse(f"{one} {other}"), size),
            summaries.used(connection, by, since=since, until=until),
            summaries.used(connection, by),
            summaries.minutes(connection, since=since),
            summaries.pending(connection),
        )

    file, schema = engines
    assert answers(file, whole, everything) == answers(schema, whole, everything)


@given(texts)
def test_any_text_is_kept_but_for_its_nul(engines, text):
    def kept(connection):
        table = METADATA.tables["settings"]
        connection.execute(table.insert(), {"key": "k", "value": text + "\0"})
        return connection.execute(select(table.c.value)).scalar_one()

    file, schema = engines
    assert (answers(file, [], kept), answers(schema, [], kept)) == (text + "\0", text + "\ufffd")
