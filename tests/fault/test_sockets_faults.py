"""Whatever an upstream does, the client gets a well-formed answer or a well-formed error of its own dialect."""

from collections.abc import Iterator

import pytest

from tests.support import strict
from tests.support.stage import PAIRS, UPSTREAM_KEY, Dialect, Stage, question, refusal, stage, told
from tests.support.upstream.script import (
    Cut,
    Empty,
    EndEarly,
    ErrorEvent,
    Fault,
    Malformed,
    Refuse,
    Script,
    refused,
)
from tests.support.upstream.server import ScriptedUpstream

SPARE_KEY = "sk-upstream-spare"

HTML = b"<html><body><h1>Bad gateway</h1>\n<p>cloud edge</p></body></html>"
FAULTS: dict[str, Fault] = {
    "malformed at once": Malformed(0),
    "malformed later": Malformed(5),
    "an error at once": ErrorEvent(0),
    "an error before content": ErrorEvent(1),
    "an error after content": ErrorEvent(5, kind="rate_limit"),
    "no body": Empty("body"),
    "no content": Empty("content"),
    "an end at once": EndEarly(0),
    "a cut before the head": Cut(None),
    "a reset before the head": Cut(None, "reset"),
    "a reset after content": Cut(5, "reset"),
    "an HTML page": Refuse(status=502, headers=(("X-Edge", "1"),), body=HTML),
    "an empty refusal": Refuse(status=500, body=b""),
    "a refusal that is not JSON": Refuse(status=400, body=b"no"),
    "a refusal of another dialect": Refuse(status=429, body=b'{"detail":"slow down"}'),
}
ELSEWHERE: dict[str, Fault] = {
    "401": Refuse(status=401),
    "402": Refuse(status=402),
    "403": Refuse(status=403),
    "404": Refuse(status=404),
    "408": Refuse(status=408),
    "429": Refuse(status=429, headers=(("Retry-After", "30"),)),
    "500": Refuse(status=500),
    "503": Refuse(status=503),
    "529": Refuse(status=529),
    "an error before content": ErrorEvent(1),
}
BY_CHANCE: dict[str, Fault] = {
    "a cut before the head": Cut(None),
    "a cut before content": Cut(1),
    "an end before content": EndEarly(1),
}
"""Says nothing against the account: it may be asked again at once."""


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with ScriptedUpstream() as upstream, stage(upstream, tmp_path_factory.mktemp("gateway")) as running:
        yield running


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("client", "speaks"), PAIRS)
def test_a_client_is_answered_in_its_own_dialect(
    behind: Stage, client: Dialect, speaks: Dialect, stream: bool, fault: str
) -> None:
    model = behind.model(speaks)
    behind.upstream.default = Script(fault=FAULTS[fault])
    reply = behind.ask(client, question(client, model, stream=stream))
    assert reply.whole
    if reply.status != 200:
        assert reply.status >= 400
        assert "<html>" not in refusal(client, reply.body)["message"]
    elif stream:
        told(client, reply.body)
    else:
        (strict.chat_completion if client == "openai" else strict.message)(reply.body)


@pytest.mark.parametrize("fault", ELSEWHERE)
@pytest.mark.parametrize(("client", "speaks"), PAIRS)
def test_another_account_answers_when_the_first_cannot(
    behind: Stage, client: Dialect, speaks: Dialect, fault: str
) -> None:
    model = behind.model(speaks, keys=(UPSTREAM_KEY, SPARE_KEY))
    behind.upstream.script(Script(fault=ELSEWHERE[fault]))
    for _ in range(2):
        reply = behind.ask(client, question(client, model, stream=True))
        assert reply.status == 200
        seen = told(client, reply.body)
        assert (seen.ended, seen.text) == ("ok", "echo: hello there")
    used = [_key(received.request.headers) for received in behind.upstream.generations]
    assert used == [UPSTREAM_KEY, SPARE_KEY, SPARE_KEY], "the failing account rests while the other one serves"


@pytest.mark.parametrize("fault", BY_CHANCE)
@pytest.mark.parametrize(("client", "speaks"), PAIRS)
def test_a_broken_connection_before_content_is_not_seen_by_the_client(
    behind: Stage, client: Dialect, speaks: Dialect, fault: str
) -> None:
    model = behind.model(speaks, keys=(UPSTREAM_KEY, SPARE_KEY))
    behind.upstream.script(Script(fault=BY_CHANCE[fault]))
    reply = behind.ask(client, question(client, model, stream=True))
    assert reply.status == 200
    seen = told(client, reply.body)
    assert (seen.ended, seen.text) == ("ok", "echo: hello there")
    assert len(behind.upstream.generations) == 2


@pytest.mark.parametrize("status", [400, 413, 422])
@pytest.mark.parametrize(("client", "speaks"), PAIRS)
def test_a_refused_request_is_not_repeated_elsewhere(
    behind: Stage, client: Dialect, speaks: Dialect, status: int
) -> None:
    model = behind.model(speaks, keys=(UPSTREAM_KEY, SPARE_KEY))
    behind.upstream.script(refused(status, "not like this"))
    reply = behind.ask(client, question(client, model))
    assert reply.status == status
    assert "not like this" in refusal(client, reply.body)["message"]
    assert len(behind.upstream.generations) == 1


@pytest.mark.parametrize(("client", "speaks"), PAIRS)
def test_a_connection_that_the_upstream_dropped_is_replaced(
    behind: Stage, client: Dialect, speaks: Dialect
) -> None:
    model = behind.model(speaks)
    behind.upstream.default = Script(keep_alive="drop")
    for _ in range(5):
        assert behind.ask(client, question(client, model)).status == 200
    assert len(behind.upstream.generations) == 5


def _key(headers: tuple[tuple[str, str], ...]) -> str:
    named = {name.lower(): value for name, value in headers}
    return named.get("x-api-key") or named["authorization"].removeprefix("Bearer ")
