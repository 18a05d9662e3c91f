"""Each phase of an attempt has its time, over real sockets: the next one answers unseen, or the client is told.

The gateway's settings are small, and so is everything that a test waits for.
"""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.support.asking import asking
from tests.support.inside import Inside
from tests.support.stage import DIALECTS, PAIRS, PATHS, UPSTREAM_KEY, Dialect, Stage, question, refusal, told
from tests.support.upstream.answer import said
from tests.support.upstream.gate import Gate
from tests.support.upstream.script import Alive, Fault, Hang, Script
from tests.support.upstream.server import ScriptedUpstream

SHORT_S = 0.3
SHORT_MS = 300
TEXT = "one two three four five six seven eight"
ANSWER = said(TEXT, pieces=6)
BEGUN: dict[Dialect, int] = {"openai": 3, "anthropic": 5}
"""How many events it takes until some text has come."""


@pytest.fixture(scope="module", params=["native", "aiohttp"])
def hasty(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    with Inside(
        tmp_path_factory.mktemp("hasty"),
        transport=request.param,
        first_byte_timeout_s=SHORT_S,
        stream_first_byte_timeout_s=SHORT_S,
        first_event_timeout_s=SHORT_S,
        idle_timeout_s=SHORT_S,
        useful_idle_timeout_s=SHORT_S,
    ) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def behind(hasty: Inside) -> Iterator[Stage]:
    with ScriptedUpstream() as upstream:
        yield Stage(upstream, hasty, hasty.client_key("tests"))


def patient(on: Inside, model: str, **milliseconds: int) -> None:
    """Gives the account of `model` all the time in the world, but for these phases."""
    prefix = model.partition("/")[0]
    every = on.admin("GET", "/api/providers")["connections"]
    connection = next(one for one in every if one["name"].startswith(f"{prefix}-"))
    names = ("firstByteMs", "streamFirstByteMs", "firstEventMs", "idleMs", "usefulIdleMs")
    timeouts = {"timeouts": dict.fromkeys(names, 20_000) | milliseconds}
    on.admin("PUT", f"/api/providers/{connection['id']}", {"providerSpecificData": timeouts})


QUIET: dict[str, tuple[Fault, bool, str]] = {
    "slow headers": (Hang(None), True, "did not reply within 0.3 s"),
    "slow headers of a whole answer": (Hang(None), False, "did not reply within 0.3 s"),
    "a whole answer that stops": (Hang(0), False, "sent nothing for 0.3 s"),
    "silence": (Hang(0), True, "said nothing in it within 0.3 s"),
    "comments only": (Alive(0), True, "said nothing in it within 0.3 s"),
    "a role and silence": (Hang(1), True, "said nothing in it within 0.3 s"),
    "a role and comments": (Alive(1), True, "said nothing in it within 0.3 s"),
}


@pytest.mark.parametrize("kind", QUIET)
@pytest.mark.parametrize("place", ["last", "not last"])
def test_before_the_first_event_the_next_one_answers_and_only_the_last_word_is_told(
    hasty: Inside, behind: Stage, kind: str, place: str
) -> None:
    fault, stream, words = QUIET[kind]
    client, speaks = PAIRS[(list(QUIET).index(kind) + (place == "last")) % len(PAIRS)]
    models = [behind.model(speaks), behind.model(speaks)]
    hasty.admin("POST", "/api/combos", {"name": models[0].partition("/")[0], "models": models})
    scripts = [Script(fault=fault), Script(answer=ANSWER)]
    if place == "last":
        scripts[1] = Script(fault=fault)
    else:
        patient(hasty, models[1])
    behind.upstream.script(*scripts)
    reply = behind.ask(client, question(client, models[0].partition("/")[0], stream=stream))
    assert len(behind.upstream.generations) == 2
    assert behind.upstream.generations[0].wait_ended() == "left"
    if place == "last":
        assert reply.status == 504, reply
        assert words in refusal(client, reply.body)["message"]
    else:
        assert reply.status == 200, reply
        if stream:
            assert (told(client, reply.body).ended, told(client, reply.body).text) == ("ok", TEXT)
    assert hasty.at_rest() == {}


@pytest.mark.parametrize("fault", [Hang, Alive])
@pytest.mark.parametrize(("client", "speaks"), PAIRS)
def test_after_the_first_event_it_is_an_error_in_the_stream_and_nobody_else_is_asked(
    hasty: Inside, behind: Stage, client: Dialect, speaks: Dialect, fault: type[Hang] | type[Alive]
) -> None:
    models = [behind.model(speaks), behind.model(speaks)]
    hasty.admin("POST", "/api/combos", {"name": models[0].partition("/")[0], "models": models})
    patient(hasty, models[0], idleMs=SHORT_MS, usefulIdleMs=SHORT_MS)
    behind.upstream.script(Script(answer=ANSWER, fault=fault(BEGUN[speaks])), Script(answer=ANSWER))
    reply = behind.ask(client, question(client, models[0].partition("/")[0], stream=True))
    assert (reply.status, reply.whole) == (200, True)
    seen = told(client, reply.body)
    assert (seen.ended, bool(seen.text), TEXT.startswith(seen.text)) == ("failed", True, True)
    assert len(behind.upstream.generations) == 1
    assert behind.upstream.generations[0].wait_ended() == "left"
    assert hasty.at_rest() == {}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_neither_the_account_nor_the_model_is_left_alone_for_a_stream_that_said_nothing(
    hasty: Inside, behind: Stage, dialect: Dialect
) -> None:
    model = behind.model(dialect)
    hasty.heal()
    behind.upstream.script(Script(fault=Alive(1)), Script(answer=ANSWER))
    assert behind.ask(dialect, question(dialect, model, stream=True)).status == 504
    app = hasty.app
    assert app is not None
    assert hasty.look(lambda: dict(app._gateway.resting.view)) == {}
    assert behind.ask(dialect, question(dialect, model, stream=True)).status == 200


@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_account_with_more_patience_gets_the_first_event_just_in_time(
    hasty: Inside, behind: Stage, dialect: Dialect
) -> None:
    model = behind.model(dialect)
    behind.upstream.script(Script(fault=Hang(1)))
    assert behind.ask(dialect, question(dialect, model, stream=True)).status == 504
    patient(hasty, model)
    gate = Gate(1)
    behind.upstream.script(Script(answer=ANSWER, gate=gate))
    late = threading.Timer(1.5 * SHORT_S, gate.release, [20])
    late.start()
    reply = behind.ask(dialect, question(dialect, model, stream=True))
    late.join()
    assert (reply.status, told(dialect, reply.body).text) == (200, TEXT)


@pytest.mark.parametrize("client", DIALECTS)
def test_a_client_that_reads_slowly_is_not_a_provider_that_says_nothing(
    hasty: Inside, behind: Stage, client: Dialect
) -> None:
    model = behind.model("openai")
    patient(hasty, model, idleMs=2 * SHORT_MS, usefulIdleMs=2 * SHORT_MS)
    large = "x" * (8 * 1024 * 1024)
    behind.upstream.script(Script(answer=said(large, pieces=32)))
    body = question(client, model, stream=True)
    with asking(behind.url, PATHS[client], body, headers=behind.headers(client)) as slow:
        slow.until(b"xxx")
        time.sleep(3 * SHORT_S)
        reply = slow.rest()
    seen = told(client, reply.body)
    assert (reply.whole, seen.ended, len(seen.text)) == (True, "ok", len(large))


def test_a_connection_that_is_not_made_in_time_is_a_502(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A listener whose line is full answers no handshake."""
    with socket.socket() as deaf, Inside(tmp_path_factory.mktemp("far"), connect_timeout_s=SHORT_S) as gateway:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        crowd = [socket.socket() for _ in range(4)]
        try:
            for one in crowd:
                one.setblocking(False)
                one.connect_ex(deaf.getsockname())
            url = f"http://127.0.0.1:{deaf.getsockname()[1]}/v1"
            prefix = gateway.provider("openai-compatible", url, keys=(UPSTREAM_KEY,))
            with ScriptedUpstream() as upstream:
                on = Stage(upstream, gateway, gateway.client_key("tests"))
                reply = on.ask("openai", question("openai", f"{prefix}/m"))
            assert reply.status == 502
            assert "within 0.3 s" in refusal("openai", reply.body)["message"]
        finally:
            for one in crowd:
                one.close()
