"""Trouble under the ledger of a running gateway: requests go on, health says why, and all is there afterwards."""

import resource
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from tests.support import rows
from tests.support.asking import ask
from tests.support.gateway import Gateway
from tests.support.stage import PATHS, Stage, question
from tests.support.upstream.server import ScriptedUpstream
from tests.support.waiting import soon

HEALTH = "/api/monitoring/health"


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    gateway = Gateway(tmp_path_factory.mktemp("gateway"))
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
def moved_away(behind: Stage) -> Iterator[None]:
    database = behind.gateway.database
    elsewhere = database.with_suffix(".elsewhere")
    database.rename(elsewhere)
    try:
        yield
    finally:
        elsewhere.rename(database)


@contextmanager
def full(behind: Stage) -> Iterator[None]:
    """The kernel lets the gateway write nothing behind the first 4 KiB of any file."""
    before = resource.prlimit(behind.gateway.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(behind.gateway.pid, resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        yield
    finally:
        resource.prlimit(behind.gateway.pid, resource.RLIMIT_FSIZE, before)


@contextmanager
def locked(behind: Stage) -> Iterator[None]:
    with closing(sqlite3.connect(behind.gateway.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            other.execute("ROLLBACK")


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [(moved_away, "not where it was opened"), (full, "OperationalError"), (locked, "database is locked")],
)
def test_requests_go_on_and_are_all_in_the_ledger_when_the_trouble_is_over(
    behind: Stage, model: str, trouble, reason: str
) -> None:
    before = set(rows.requests(behind.gateway.database))
    body = question("openai", model)
    with trouble(behind):
        answers = [behind.ask("openai", body) for _ in range(5)]
        soon(lambda: health(behind)["status"] == "degraded")
        assert reason in health(behind)["reason"]
        answers += [behind.ask("openai", body) for _ in range(5)]
        assert [answer.status for answer in answers] == [200] * 10
    soon(lambda: health(behind)["status"] == "healthy")
    wanted = {answer.headers["x-request-id"] for answer in answers}
    soon(lambda: wanted <= set(rows.requests(behind.gateway.database)))
    ledger = rows.requests(behind.gateway.database)
    assert set(ledger) - before == wanted
    assert {ledger[one].outcome for one in wanted} == {"ok"}
    assert sum(ledger[one].output_tokens for one in wanted) == 7 * 10


def test_a_kill_while_the_database_is_away_loses_nothing(behind: Stage, model: str) -> None:
    with moved_away(behind):
        answers = [ask(behind.url, PATHS["openai"], question("openai", model), headers=behind.headers("openai"))]
        soon(lambda: health(behind)["status"] == "degraded")
        behind.gateway.kill()
    behind.gateway.start()
    ledger = rows.requests(behind.gateway.database)
    assert [ledger[answer.headers["x-request-id"]].outcome for answer in answers] == ["ok"]
