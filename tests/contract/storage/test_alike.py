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
from omniroute.storage.repos import requests, steps, suggestions, summaries, usage
from omniroute.storage.schema import METADATA
from tests.support.records import attempted, lives, opened, settled, texts

NOW = 10 * summaries.DAY_MS
QUERIES = (
    "",
    "is:error",
    "is:running",
    "is:ok,running",
    "is:fellback",
    "tps:>2",
    "has:session,cost",
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
    'session:"s*"',
    '"GPT"',
    "since:100h",
    "until:120h",
)
SUGGESTED = (("model", ""), ("model", "G%"), ("provider", "g"), ("error", ""), ("account", ""))
BY = (
    (),
    ("at",),
    ("provider", "model"),
    ("key_id", "combo", "connection_id"),
    ("at", "provider", "model", "key_id", "combo", "connection_id"),
)


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
        page = requests.page(connection, query, now=NOW, limit=size, before=before, first_look=16)
        found.append([row.id for row in page.rows])
        before = page.cursor
        if before is None:
            return found


@given(lives(), st.data())
def test_the_same_journal_leaves_the_same_tables_however_it_is_cut(engines, records, data):
    cuts = sorted(data.draw(st.sets(st.integers(1, len(records)), max_size=3))) if records else []
    whole = [records[start:stop] for start, stop in pairwise([0, *cuts, len(records)])]
    file, schema = engines
    assert answers(file, whole, tables) == answers(schema, whole, tables)


def many():
    """The records of 200 requests over nine days, of which some are still open."""
    records = []
    for n in range(200):
        at = n * 4_001.0
        records.append(
            opened(
                f"r{n}",
                at=at,
                key_id=f"k{n % 3}",
                model=("gpt", "g%t", "claude_x")[n % 3],
                stream=n % 2 == 0,
                session_id="s*" if n % 6 == 0 else None,
            )
        )
        records.append(attempted(f"r{n}", at=at, provider=("openai", "groq")[n % 2]))
        if n % 7 == 0:
            continue
        failed = n % 5 == 0
        records.append(
            settled(
                f"r{n}",
                at=at + n % 11,
                outcome="rate_limit" if failed else "ok",
                status=429 if failed else 200,
                provider=("openai", "groq")[n % 2],
                connection_id=f"c{n % 4}",
                model=("gpt-x", "")[n % 2],
                input_tokens=n * n * 1000,
                usage_source=("reported", "estimated", "cache")[n % 3],
                cost_micro_usd=None if n % 4 == 0 else n,
                duration_ms=n,
                attempts=1 + n % 2,
            )
        )
    return records


def test_the_same_questions_find_the_same(engines):
    since, until = 3 * summaries.DAY_MS + 5 * summaries.MINUTE_MS, 7 * summaries.DAY_MS + 1

    def everything(connection):
        return (
            tables(connection),
            drained_position(connection),
            usage.totals(connection),
            usage.totals_by_model(connection, since=since, until=until),
            {query: pages(connection, parse(query), 9) for query in QUERIES},
            [summaries.used(connection, by, since=since, until=until) for by in BY],
            [summaries.used(connection, by) for by in BY],
            summaries.minutes(connection, since=since),
            [
                steps.steps(connection, since=start, length=length, by_account=by_account)
                for by_account in (False, True)
                for length, start in ((300_000, since), (3_600_000, since), (86_400_000, 3 * summaries.DAY_MS))
            ],
            [suggestions.values(connection, field, prefix, limit=3) for field, prefix in SUGGESTED],
            summaries.pending(connection),
        )

    file, schema = engines
    found = answers(file, [many()], everything)
    assert answers(schema, [many()], everything) == found
    assert [query for query, (first, *_) in found[4].items() if not first] == []


@given(texts)
def test_any_text_is_kept_but_for_its_nul(engines, text):
    def kept(connection):
        table = METADATA.tables["settings"]
        connection.execute(table.insert(), {"key": "k", "value": text + "\0"})
        return connection.execute(select(table.c.value)).scalar_one()

    file, schema = engines
    assert (answers(file, [], kept), answers(schema, [], kept)) == (text + "\0", text + "\ufffd")
