"""Questions to the tables that grow are answered by an index of SQLite."""

import pytest
from sqlalchemy import create_engine

from omniroute.storage.migrate import create
from omniroute.storage.repos import audit, sessions, usage
from omniroute.storage.repos.usage import Cursor


@pytest.fixture
def db():
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        create(connection)
        yield connection
    engine.dispose()


@pytest.mark.parametrize(
    ("question", "index"),
    [
        (lambda db: usage.latest(db, limit=5, before=Cursor(1, "r")), "ix_requests_at_id"),
        (lambda db: usage.settled_after(db, Cursor(1, "r"), limit=5), "ix_requests_settled_at_id"),
        (lambda db: usage.totals(db, since=1, until=2), "ix_requests_at_id"),
        (lambda db: usage.totals_by_model(db, since=1, until=2), "ix_requests_at_id"),
        (lambda db: usage.interrupt_open(db, at=1), "ix_requests_settled_at_id"),
        (lambda db: usage.get(db, "r"), "autoindex_requests"),
        (lambda db: usage.progress_requests(db, [{"id": "r", "status": 1}]), "autoindex_requests"),
        (lambda db: usage.attempts_of(db, "r"), "autoindex_attempts"),
        (lambda db: audit.latest(db, limit=5, before=9), "INTEGER PRIMARY KEY"),
        (lambda db: sessions.remove_expired(db, at=1), "ix_sessions_expires_at"),
        (lambda db: sessions.forget_failures(db, before=1), "ix_login_failures_updated_at"),
    ],
)
def test_every_question_to_a_growing_table_uses_an_index(db, question, index):
    driver = db.connection.driver_connection
    asked = []
    driver.set_trace_callback(asked.append)
    question(db)
    driver.set_trace_callback(None)
    (statement,) = [one for one in asked if not one.startswith("BEGIN")]
    plan = " ".join(row[3] for row in driver.execute("EXPLAIN QUERY PLAN " + statement))
    assert index in plan
    assert "SCAN" not in plan
