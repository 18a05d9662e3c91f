"""One deadline over everything, and no more requests than the gateway can carry, over real sockets."""

from contextlib import ExitStack

import pytest

from tests.fault.test_leaving import ANSWER, TEXT, Client, narrow
from tests.support.asking import Answered, ask, asking
from tests.support.inside import Inside
from tests.support.stage import DIALECTS, PAIRS, PATHS, Dialect, Stage, question, refusal, told
from tests.support.upstream.gate import Gate
from tests.support.upstream.script import Hang, Script

SOON = {"X-OmniRoute-Timeout-Ms": "150"}


def hasty(on: Stage, dialect: Dialect, body: dict) -> Answered:
    return ask(on.url, PATHS[dialect], body, headers=on.headers(dialect) | SOON)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("after", [None, 0])
@pytest.mark.parametrize(("client", "speaks"), PAIRS)
def test_a_deadline_before_the_first_event_is_a_504_and_closes_the_upstream(
    inside: Inside, within: Stage, client: Dialect, speaks: Dialect, after: int | None, stream: bool
) -> None:
    model = within.model(speaks)
    within.upstream.script(Script(fault=Hang(after)))
    reply = hasty(within, client, question(client, model, stream=stream))
    assert reply.status == 504
    assert "150 ms" in refusal(client, reply.body)["message"]
    assert within.upstream.only().wait_ended() == "left"
    assert inside.at_rest() == {}


@pytest.mark.parametrize(("client", "speaks"), PAIRS)
def test_a_deadline_after_the_first_event_is_an_error_in_the_stream(
    inside: Inside, within: Stage, client: Dialect, speaks: Dialect
) -> None:
    model = within.model(speaks)
    within.upstream.script(Script(answer=ANSWER[speaks], gate=Gate(9)))
    reply = hasty(within, client, question(client, model, stream=True))
    assert (reply.status, reply.whole) == (200, True)
    seen = told(client, reply.body)
    assert (seen.ended, TEXT.startswith(seen.text), bool(seen.text)) == ("failed", True, True)
    assert within.upstream.only().wait_ended() == "left"
    assert inside.at_rest() == {}


def test_a_deadline_ends_the_wait_in_the_line(inside: Inside, within: Stage) -> None:
    model = within.model("openai")
    narrow(within, model)
    within.upstream.script(Script(answer=ANSWER["openai"], gate=Gate(6)))
    with Client(within, "openai", question("openai", model, stream=True)) as first:
        first.ask()
        first.until(b"word0")
        reply = hasty(within, "anthropic", question("anthropic", model))
        assert reply.status == 504
        refusal("anthropic", reply.body)
        assert inside.held()["permits"] == 1
    assert inside.at_rest() == {}
    assert len(within.upstream.generations) == 1


def test_a_simple_operation_has_a_deadline_too(inside: Inside, within: Stage) -> None:
    model = within.model("openai")
    within.upstream.script(Script(fault=Hang(None)))
    body = {"model": model, "input": "hello"}
    reply = ask(within.url, "/v1/embeddings", body, headers=within.headers("openai") | SOON)
    assert (reply.status, refusal("openai", reply.body)["code"]) == (504, "deadline_exceeded")
    assert inside.at_rest() == {}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_deadline_that_is_no_number_is_refused(within: Stage, dialect: Dialect) -> None:
    model = within.model(dialect)
    sent = within.headers(dialect) | {"X-OmniRoute-Timeout-Ms": "soon"}
    reply = ask(within.url, PATHS[dialect], question(dialect, model), headers=sent)
    assert reply.status == 400
    assert "X-OmniRoute-Timeout-Ms" in refusal(dialect, reply.body)["message"]
    assert not within.upstream.generations


def test_more_requests_than_allowed_are_sent_away_at_once_but_health_and_management_are_not(
    inside: Inside, within: Stage
) -> None:
    assert inside.app is not None
    dispatcher = inside.app.dispatcher
    model = within.model("openai")
    limit, dispatcher._max_inflight = dispatcher._max_inflight, 2
    try:
        with ExitStack() as streams:
            for _ in range(2):
                within.upstream.script(Script(answer=ANSWER["openai"], gate=Gate(6)))
                body = question("openai", model, stream=True)
                running = asking(within.url, PATHS["openai"], body, headers=within.headers("openai"))
                streams.enter_context(running).until(b"word0")
            for dialect in DIALECTS:
                reply = within.ask(dialect, question(dialect, model))
                assert (reply.status, reply.headers["retry-after"]) == (503, "1")
                assert "routing.max_inflight" in refusal(dialect, reply.body)["message"]
            assert ask(within.url, "/api/monitoring/health").status == 200
            load = inside.admin("GET", "/api/monitoring/health")["load"]
            assert (load["inFlight"], load["shed"]) == (2, 2)
        assert inside.at_rest() == {}
        within.upstream.reset()
        assert within.ask("openai", question("openai", model)).status == 200
    finally:
        dispatcher._max_inflight = limit
