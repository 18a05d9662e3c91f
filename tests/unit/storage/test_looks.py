"""Looking for requests costs by what is looked at, and not by how many there are: steps of SQLite are counted."""

import pytest
from sqlalchemy import create_engine, insert

from omniroute.storage.filters.grammar import parse
from omniroute.storage.migrate import create
from omniroute.storage.repos import requests as repo
from omniroute.storage.schema import requests

NOW = 1_000_000
MANY = 20_000
EMPTY = dict.fromkeys(
    ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens", "losses"), 0
)


@pytest.fixture(scope="module")
def log():
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        create(connection)
        connection.execute(insert(requests), [_row(number) for number in range(MANY)])
        yield connection
    engine.dispose()


def _row(number):
    return EMPTY | {
        "id": f"r{number:06d}",
        "at": number,
        "key_id": f"k{number % 5}",
        "dialect": "openai_chat",
        "operation": "chat",
        "model_asked": f"m{number % 2}",
        "stream": False,
        "outcome": "ok" if number % 3 else "server",
        "status": 200,
        "provider": f"p{number % 2}",
        "connection_id": f"a{number % 2}",
        "model": "m",
        "usage_source": "none",
        "first_event_ms": 1,
        "duration_ms": 1,
        "attempts": 1,
        "message": "",
    }


def steps(connection, query, **options):
    """How many steps of its machine SQLite needs for a page, to the nearest ten."""
    taken = 0

    def count():
        nonlocal taken
        taken += 10

    driver = connection.connection.driver_connection
    driver.set_progress_handler(count, 10)
    found = repo.page(connection, parse(query), now=NOW, limit=50, **options)
    driver.set_progress_handler(None, 10)
    return taken, found


@pytest.mark.parametrize("query", ['"needle"', "latency:>5s", "model:n*", "is:fellback tokens:>90k"])
def test_a_look_at_a_thousand_rows_does_not_pass_by_the_others(log, query):
    taken, found = steps(log, query, first_look=1000, patient=lambda: False)
    assert (found.rows, found.complete) == ((), False)
    assert taken < 1000 * 100


@pytest.mark.parametrize(
    "query",
    [
        "provider:p1 model:m0",
        "key:k1 model:none",
        "key:k1 provider:none",
        "status:error key:none",
        "status:error model:none",
        "status:error account:none",
    ],
)
def test_two_fields_that_an_index_holds_are_compared_without_the_rows(log, query):
    """A row that is fetched takes two steps more, and several pages; so the plan is looked at instead."""
    driver = log.connection.driver_connection
    asked = []
    driver.set_trace_callback(asked.append)
    assert repo.page(log, parse(query), now=NOW, limit=50).rows == ()
    driver.set_trace_callback(None)
    wide = {
        "key": "ix_requests_key_id_at_id_model_asked_provider",
        "status": "ix_requests_failed",
        "provider": "ix_requests_model_asked_at_id_provider",
    }
    asked = [statement for statement in asked if "FROM requests" in statement]
    assert asked
    for statement in asked:
        (plan,) = driver.execute("EXPLAIN QUERY PLAN " + statement).fetchall()
        assert wide[query.split(":")[0]] in plan[3]
