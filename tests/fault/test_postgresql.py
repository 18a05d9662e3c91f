"""A gateway on PostgreSQL: requests go on while the server is away, and are all in its tables, once, later."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.asking import ask
from tests.support.gateway import Gateway
from tests.support.postgresql import PostgreSQL
from tests.support.stage import Stage, question
from tests.support.upstream.server import ScriptedUpstream
from tests.support.waiting import soon

HEALTH = "/api/monitoring/health"
SCHEMA = "gateway"


@pytest.fixture(scope="module")
def behind(postgresql: PostgreSQL, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    postgresql.sql(f"CREATE SCHEMA {SCHEMA}")
    home = tmp_path_factory.mktemp("gateway")
    gateway = Gateway(home, env={"OMNIROUTE_STORAGE_URL": postgresql.url(search_path=SCHEMA)})
    with ScriptedUpstream() as upstream:
        gateway.start()
        yield Stage(upstream, gateway, gateway.client_key("tests"))
        assert gateway.stop() == 0


@pytest.fixture(scope="module")
def model(behind: Stage) -> str:
    return behind.model("openai")


def health(behind: Stage) -> dict:
    answer = ask(behind.url, HEALTH)
    assert answer.status == 200
    return answer.json


@contextmanager
def away(postgresql: PostgreSQL) -> Iterator[None]:
    postgresql.stop()
    try:
        yield
    finally:
        postgresql.start()


def ledger(postgresql: PostgreSQL) -> dict[str, str]:
    return dict(postgresql.sql(f"SELECT id, outcome FROM {SCHEMA}.requests"))


def counted(postgresql: PostgreSQL, what: str) -> int:
    ((number,),) = postgresql.sql(f"SELECT coalesce(sum({what}), 0)::bigint FROM {SCHEMA}.usage_hours")
    return number


def asked(behind: Stage, model: str, times: int) -> set[str]:
    answers = [behind.ask("openai", question("openai", model)) for _ in range(times)]
    assert [answer.status for answer in answers] == [200] * times
    return {answer.headers["x-request-id"] for answer in answers}


def test_requests_are_in_its_tables_and_no_database_lies_in_the_data_dir(
    behind: Stage, model: str, postgresql: PostgreSQL
) -> None:
    wanted = asked(behind, model, 3)
    soon(lambda: ledger(postgresql).keys() >= wanted)
    assert not behind.gateway.database.exists()
    assert behind.gateway.admin("GET", "/api/providers")["connections"]


def test_requests_go_on_while_it_is_away_and_are_all_there_once_when_it_is_back(
    behind: Stage, model: str, postgresql: PostgreSQL
) -> None:
    earlier = asked(behind, model, 1)
    soon(lambda: ledger(postgresql).keys() >= earlier)
    before = set(ledger(postgresql))
    tokens = counted(postgresql, "output_tokens")
    with away(postgresql):
        wanted = asked(behind, model, 5)
        soon(lambda: health(behind)["status"] == "degraded")
        assert "the database server cannot be reached" in health(behind)["reason"]
        wanted |= asked(behind, model, 5)
    soon(lambda: health(behind)["status"] == "healthy")
    soon(lambda: ledger(postgresql).keys() >= wanted)
    found = ledger(postgresql)
    assert set(found) - before == wanted
    assert {found[one] for one in wanted} == {"ok"}
    assert counted(postgresql, "requests") == len(found)
    assert counted(postgresql, "output_tokens") - tokens == 7 * 10
    # What is configured is changed again, on the new session.
    assert behind.gateway.client_key("afterwards").startswith("sk-omni-")


def test_a_kill_while_it_is_away_loses_nothing_and_no_start_is_made_without_it(
    behind: Stage, model: str, postgresql: PostgreSQL
) -> None:
    with away(postgresql):
        wanted = asked(behind, model, 3)
        behind.gateway.kill()
        before = behind.gateway.log()
        with pytest.raises(AssertionError, match=r"PostgreSQL database .postgres. of .* cannot be used"):
            behind.gateway.start()
        assert "Traceback" not in behind.gateway.log().removeprefix(before)
    behind.gateway.start()
    found = ledger(postgresql)
    assert {found.get(one) for one in wanted} == {"ok"}
    assert counted(postgresql, "requests") == len(found)


def test_a_second_gateway_on_the_same_database_does_not_start(
    behind: Stage, postgresql: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = Gateway(
        tmp_path_factory.mktemp("other"), env={"OMNIROUTE_STORAGE_URL": postgresql.url(search_path=SCHEMA)}
    )
    with pytest.raises(AssertionError, match="another gateway uses the database"):
        other.start()
