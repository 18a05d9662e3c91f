"""Callers that keep a gateway busy until it is gone, and what its ledger must hold afterwards."""

import http.client
import re
import threading
import time
from collections import Counter

from tests.support import order, rows
from tests.support.asking import ask
from tests.support.stage import PAIRS, PATHS, Dialect, Stage, question

CALLERS = 8


class Load:
    """Callers that ask in every pair of dialects, plain and streamed, until the gateway is gone; each one as soon
    as it has its answer, and not more often than `every_s`."""

    def __init__(self, behind: Stage, models: dict[Dialect, str], name: str, every_s: float = 0.0) -> None:
        self._behind = behind
        self._every_s = every_s
        self.name = name
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
        due = time.monotonic()
        while True:
            time.sleep(max(0.0, due - time.monotonic()))
            due = max(due + self._every_s, time.monotonic())
            client, speaks = PAIRS[turn % len(PAIRS)]
            stream = turn % 3 == 0
            mark = f"{self.name}-{number}-{turn}-"
            body = question(
                client, self._models[speaks], stream=stream, messages=[{"role": "user", "content": mark}]
            )
            headers = {**self._behind.headers(client), "X-Request-Id": mark}
            try:
                reply = ask(self._behind.url, PATHS[client], body, headers=headers)
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


def agrees(behind: Stage, load: Load) -> None:
    """The ledger of a gateway that was killed under `load` and started again: what was received is there, every
    request that the upstream saw is there once, and what was counted there is what the upstream wrote."""
    assert load.wrong == []
    ledger = rows.requests(behind.gateway.database)
    lost = [request_id for request_id in load.complete if request_id not in ledger]
    assert lost == []
    kept = [ledger[request_id] for request_id in load.complete]
    assert {(row.outcome, row.settled_at is not None, row.output_tokens) for row in kept} <= {("ok", True, 7)}
    assert [request_id for request_id, row in ledger.items() if row.settled_at is None] == []

    own = [row for row in ledger.values() if (row.client_request_id or "").startswith(f"{load.name}-")]
    by_mark = {row.client_request_id: row for row in own}
    counted = Counter(
        mark.decode()
        for received in behind.upstream.received
        for mark in re.findall(rb"%s-\d+-\d+-" % load.name.encode(), received.request.body)
    )
    assert len(by_mark) == len(own), "a request has two rows"
    assert set(counted.values()) <= {1}, "a request was sent twice"
    assert counted.keys() <= by_mark.keys()
    ended_well = {mark for mark, row in by_mark.items() if row.outcome == "ok"}
    assert ended_well <= counted.keys()
    assert sum(row.output_tokens for row in own if row.outcome == "ok") == 7 * len(ended_well)
    assert {row.outcome for row in own} <= {"ok", "interrupted"}
