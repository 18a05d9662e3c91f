"""Laws of looking for requests: kept and left out are everything, terms narrow, pages are the list."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine, event, insert
from sqlalchemy.pool import StaticPool

from omniroute.storage.filters.grammar import parse
from omniroute.storage.migrate import create
from omniroute.storage.repos import requests as repo
from omniroute.storage.schema import requests

NOW = 10_000
MODELS = ("gpt-5", "claude-x", "claude_x", "100%")
TERMS = st.sampled_from(
    [
        "status:error",
        "is:error",
        "is:ok,running",
        "is:running",
        "is:stream",
        "is:fellback",
        "is:unpriced",
        "cache:hit",
        "status:>=400",
        "status:4xx,200",
        "model:gpt-5",
        "model:claude*",
        "model:*_x",
        "model:*%",
        "served:gpt-5",
        "key:k1",
        "key:k*",
        "provider:p1",
        "provider:p1,p2",
        "account:c1",
        "cost>0.000002",
        "cost:<=0",
        "latency:>5ms",
        "tokens:>10",
        "tps:>200",
        "tps:<=1k",
        "has:session",
        "has:cost,combo",
        "has:losses",
        "error:rate_limit",
        "error:*",
        "combo:best",
        'session:"s*"',
        "session:s*",
        "broken",
        '"GPT"',
    ]
)
BOUNDS = st.sampled_from(["", "since:5s", "until:4s", "since:8s until:2s", "id:r3"])


def row(number, at, outcome, status, model, provider, cost, more):
    settled = outcome != "open"
    return {
        "id": f"r{number}",
        "at": at,
        "key_id": f"k{number % 3}",
        "dialect": "openai_chat",
        "operation": "chat",
        "model_asked": model,
        "stream": more,
        "session_id": None if more else "s*",
        "client_request_id": None,
        "outcome": outcome,
        "status": status if settled else 0,
        "provider": provider,
        "connection_id": f"c{number % 2}",
        "model": "gpt-5" if settled else "",
        "input_tokens": number * 3,
        "output_tokens": number,
        "cache_read_tokens": 0,
        "cache_write_tokens": 0,
        "reasoning_tokens": 0,
        "usage_source": "cache" if more and cost == 0 else "reported",
        "cost_micro_usd": cost if settled else None,
        "first_event_ms": 1,
        "duration_ms": number,
        "attempts": 1 + more,
        "losses": 0,
        "message": "broken" if outcome != "ok" else "",
        "settled_at": at + 1 if settled else None,
        "price_source": None,
        "combo": "best" if more else "",
    }


rows = st.lists(
    st.tuples(
        st.integers(0, NOW),
        st.sampled_from(["ok", "ok", "rate_limit", "cancelled", "open"]),
        st.sampled_from([200, 404, 429, 500]),
        st.sampled_from(MODELS),
        st.sampled_from(["p1", "p2", ""]),
        st.sampled_from([None, 0, 3]),
        st.booleans(),
    ),
    max_size=12,
).map(lambda drawn: [row(number, *fields) for number, fields in enumerate(drawn)])


@pytest.fixture(scope="module")
def database():
    engine = create_engine("sqlite://", poolclass=StaticPool)
    with engine.begin() as connection:
        create(connection)
    yield engine
    engine.dispose()


class Asking:
    """Some requests in a database, and what is found among them."""

    def __init__(self, engine, stored):
        self._engine, self._stored = engine, stored

    def __enter__(self):
        self._connection = self._engine.connect()
        self._transaction = self._connection.begin()
        self._connection.execute(requests.delete())
        if self._stored:
            self._connection.execute(insert(requests), self._stored)
        return self

    def __exit__(self, *exception):
        self._transaction.rollback()
        self._connection.close()

    def pages(self, text, limit=100, **how):
        before, found = None, []
        while True:
            page = repo.page(self._connection, parse(text), now=NOW, limit=limit, before=before, **how)
            found.append([one.id for one in page.rows])
            before = page.cursor
            if before is None:
                return found

    def ids(self, text):
        return [one for page in self.pages(text) for one in page]


@given(rows, TERMS)
def test_a_term_and_its_negation_share_nothing_and_leave_nothing_out(database, stored, one):
    with Asking(database, stored) as asking:
        kept, left = asking.ids(one), asking.ids(f"-{one}")
        assert set(kept).isdisjoint(left)
        assert sorted(kept + left) == sorted(asking.ids(""))


@given(rows, TERMS, TERMS, BOUNDS)
def test_terms_narrow_each_other_in_any_order(database, stored, one, other, bound):
    with Asking(database, stored) as asking:
        both = asking.ids(f"{one} {other} {bound}")
        assert set(both) == set(asking.ids(one)) & set(asking.ids(other)) & set(asking.ids(bound))
        assert asking.ids(f"{bound} {other} {one}") == both


@given(rows, TERMS, BOUNDS, st.integers(1, 4), st.integers(1, 5), st.booleans())
def test_pages_of_any_size_are_the_list_newest_first(database, stored, one, bound, size, look, hurried):
    with Asking(database, stored) as asking:
        whole = asking.ids(f"{one} {bound}")
        pages = asking.pages(f"{one} {bound}", limit=size, first_look=look, patient=lambda: not hurried)
        assert [one for page in pages for one in page] == whole
        assert all(len(page) <= size for page in pages)
        at = {one["id"]: (one["at"], one["id"]) for one in stored}
        assert whole == sorted(whole, key=at.get, reverse=True)


def per_second(one):
    spoken = one["duration_ms"] - one["first_event_ms"] * one["stream"]
    return -1 if spoken == 0 else int(one["output_tokens"] * 1000 / spoken)


@given(rows)
def test_words_hold_for_the_rows_that_they_say(database, stored):
    def those(holds):
        return {one["id"] for one in stored if holds(one)}

    with Asking(database, stored) as asking:
        assert set(asking.ids("is:error")) == those(lambda one: one["outcome"] not in ("ok", "open"))
        assert set(asking.ids("status:4xx")) == those(lambda one: 400 <= one["status"] <= 499)
        assert set(asking.ids("model:claude*")) == those(lambda one: one["model_asked"].startswith("claude"))
        assert set(asking.ids("model:*_x")) == those(lambda one: one["model_asked"].endswith("_x"))
        assert set(asking.ids("cost>0.000002")) == those(lambda one: (one["cost_micro_usd"] or 0) > 2)
        assert set(asking.ids("tokens:>10")) == those(lambda one: one["input_tokens"] + one["output_tokens"] > 10)
        assert set(asking.ids("tps:>200")) == those(lambda one: per_second(one) > 200)
        assert set(asking.ids("has:session")) == those(lambda one: one["session_id"] is not None)
        assert set(asking.ids("has:cost")) == those(lambda one: one["cost_micro_usd"] is not None)
        assert set(asking.ids('"GPT"')) == those(lambda one: "gpt" in (one["model_asked"] + one["model"]))
        assert set(asking.ids("since:5s until:2s")) == those(lambda one: NOW - 5000 <= one["at"] < NOW - 2000)


@pytest.mark.parametrize(
    ("text", "index"),
    [
        ("since:1h", "ix_requests_at_id"),
        ("key:k1 since:1h", "ix_requests_key_id_at_id"),
        ("account:c1", "ix_requests_connection_id_at_id"),
        ("model:gpt-5 until:1h", "ix_requests_model_asked_at_id"),
        ("provider:p1", "ix_requests_provider_at_id"),
        ("is:error", "ix_requests_failed"),
        ("cost>1", "ix_requests_at_id"),
    ],
)
def test_a_page_of_what_is_looked_up_reads_one_index_in_its_order(database, text, index):
    said = []

    def hear(connection, cursor, statement, parameters, *_):
        said.append((statement, parameters))

    with Asking(database, []) as asking:
        event.listen(database, "before_cursor_execute", hear)
        try:
            asking.ids(text)
        finally:
            event.remove(database, "before_cursor_execute", hear)
        statement, parameters = said[-1]
        plan = asking._connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall()
    assert f"USING INDEX {index}" in plan[0].detail
    assert not any("TEMP B-TREE" in step.detail for step in plan)
