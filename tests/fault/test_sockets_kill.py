"""`kill -9` under load: whatever a client has received completely is in the ledger after the next start."""

import http.client
import random
import threading
from collections.abc import Iterator

import pytest

from tests.support import order, rows
from tests.support.asking import ask
from tests.support.gateway import Gateway
from tests.support.stage import DIALECTS, PAIRS, PATHS, UPSTREAM_KEY, Dialect, Stage, question
from tests.support.upstream.server import ScriptedUpstream

CALLERS = 8
KILLS = 20


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One gateway for all kills; each test starts it again on the same data."""
    gateway = Gateway(tmp_path_factory.mktemp("gateway"))
    with ScriptedUpstream() as upstream:
        gateway.start()
        yield Stage(upstream, gateway, gateway.client_key("tests"))
        assert gateway.stop() == 0


@pytest.fixture(scope="module")
def models(behind: Stage) -> dict[Dialect, str]:
    return {
        speaks: behind.gateway.provider(f"{speaks}-compatible", f"{behind.upstream.url}/v1", keys=(UPSTREAM_KEY,))
        + "/scripted-small"
        for speaks in DIALECTS
    }


class Load:
    """Callers that ask in every pair of dialects, plain and streamed, until the gateway is gone."""

    def __init__(self, behind: Stage, models: dict[Dialect, str]) -> None:
        self._behind = behind
        self._models = models
        self._changed = threading.Condition()
        self._threads = [threading.Thread(target=self._call, args=(number,)) for number in range(CALLERS)]
        self.complete: list[str] = []
        self.wrong: list[str] = []

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def wait_complete(self, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.wrong or len(self.complete) >= count, 30), len(
                self.complete
            )

    def join(self) -> None:
        for thread in self._threads:
            thread.join()

    def _call(self, number: int) -> None:
        turn = number
        while True:
            client, speaks = PAIRS[turn % len(PAIRS)]
            stream = turn % 3 == 0
            body = question(client, self._models[speaks], stream=stream)
            try:
                reply = ask(self._behind.url, PATHS[client], body, headers=self._behind.headers(client))
            except (OSError, http.client.HTTPException):
                return
            if not reply.whole:
                return
            with self._changed:
                if reply.status == 200 and (not stream or _ended_well(client, reply.body)):
                    self.complete.append(reply.headers["x-request-id"])
                else:
                    self.wrong.append(f"{client} on {speaks}: {reply}")
                self._changed.notify_all()
            turn += 1


def _ended_well(client: Dialect, body: bytes) -> bool:
    return (order.openai_chat(body) if client == "openai" else order.anthropic(body)).ended == "ok"


@pytest.mark.parametrize("seed", range(KILLS))
def test_a_kill_loses_no_answer_that_was_received(behind: Stage, models: dict[Dialect, str], seed: int) -> None:
    load = Load(behind, models)
    load.start()
    load.wait_complete(random.Random(seed).randint(1, 80))
    behind.gateway.kill()
    load.join()
    behind.gateway.start()
    assert load.wrong == []
    ledger = rows.requests(behind.gateway.database)
    lost = [request_id for request_id in load.complete if request_id not in ledger]
    assert lost == []
    kept = [ledger[request_id] for request_id in load.complete]
    assert {(row.outcome, row.settled_at is not None, row.output_tokens) for row in kept} == {("ok", True, 7)}
    assert [request_id for request_id, row in ledger.items() if row.settled_at is None] == []
