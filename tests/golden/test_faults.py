"""Every client on every upstream that goes wrong: told once, in its own words, and never as if all were well."""

from collections.abc import Iterator
from itertools import product

import pytest

from omniroute.ir.parts import Text
from omniroute.ir.request import GenerateRequest, Turn
from tests.golden.faults import LONG, REFUSED, UNDERWAY, Refused, broken_off
from tests.golden.matrix import CLIENTS, UPSTREAMS, Between, between, hearing
from tests.support.upstream.gate import Gate
from tests.support.upstream.script import Empty, Hang, Malformed, Script

PAIRS = tuple(product(CLIENTS, UPSTREAMS))
ROTATED = tuple((CLIENTS[(place + 1) % len(CLIENTS)], upstream) for place, upstream in enumerate(UPSTREAMS))
HELLO = GenerateRequest(model="", turns=(Turn(role="user", parts=(Text(text="hello there"),)),))
SAID = "one two three four five six seven eight nine"


@pytest.mark.parametrize(
    ("client", "upstream", "fault", "stream"),
    [
        pytest.param(client, upstream, fault, stream, id=f"{client}-{upstream}-{fault.name}-{how}")
        for client, upstream in PAIRS
        for fault in REFUSED
        for stream, how in ((False, "whole"), (True, "stream"))
        if fault.stream in (None, stream)
    ],
)
def test_an_answer_that_never_begins_is_an_error_of_the_clients_own(
    on: Between, client: str, upstream: str, fault: Refused, stream: bool
) -> None:
    script = Script(fault=fault.fault)
    answer, received = on.exchange(HELLO, script, client=client, upstream=upstream, stream=stream)
    assert received is not None
    status = fault.status if isinstance(fault.status, int) else fault.status[upstream]
    assert answer.status == status, answer.body
    assert answer.headers["content-type"].startswith("application/json")
    message = hearing(client).error(answer.body)
    assert fault.says in message
    assert "<" not in message
    wait = answer.headers.get("retry-after")
    if fault.name == "a rate limit in band":
        assert wait is not None
        assert 1 <= int(wait) <= 15  # as long as the account rests
    else:
        assert wait == ("7" if fault.name == "status 429" else None)


@pytest.mark.parametrize(
    ("client", "upstream", "name"),
    [(client, upstream, name) for client, upstream in PAIRS for name in broken_off(upstream)],
)
def test_a_stream_that_breaks_off_ends_in_an_error(on: Between, client: str, upstream: str, name: str) -> None:
    script = Script(answer=LONG, fault=broken_off(upstream)[name], gate=Gate(UNDERWAY[upstream]))
    answer, _ = on.exchange(HELLO, script, client=client, upstream=upstream, stream=True, until=b"one")
    assert (answer.status, answer.whole) == (200, True)
    heard = hearing(client).stream(answer.body)
    assert heard.error
    assert heard.text
    assert SAID.startswith(heard.text)
    assert heard.text != SAID


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Between]:
    """A gateway that waits for 0.3 s only."""
    env = {"FETCH_TIMEOUT_MS": "300", "STREAM_IDLE_TIMEOUT_MS": "300"}
    with between(tmp_path_factory.mktemp("impatient") / "home", env) as made:
        yield made


@pytest.mark.parametrize(("client", "upstream"), ROTATED)
def test_a_provider_that_falls_silent_is_not_waited_for(impatient: Between, client: str, upstream: str) -> None:
    for stream in (False, True):
        answer, _ = impatient.exchange(
            HELLO, Script(fault=Hang(None)), client=client, upstream=upstream, stream=stream
        )
        assert (answer.status, bool(hearing(client).error(answer.body))) == (504, True)
    script = Script(answer=LONG, fault=Hang(UNDERWAY[upstream]))
    answer, _ = impatient.exchange(HELLO, script, client=client, upstream=upstream, stream=True)
    assert (answer.status, answer.whole) == (200, True)
    heard = hearing(client).stream(answer.body)
    assert heard.error
    assert SAID.startswith(heard.text)


@pytest.mark.parametrize(("client", "upstream"), ROTATED)
def test_a_slow_drip_arrives_whole(on: Between, client: str, upstream: str) -> None:
    script = Script(answer=LONG, drip_s=0.01)
    answer, _ = on.exchange(HELLO, script, client=client, upstream=upstream, stream=True)
    heard = hearing(client).stream(answer.body)
    assert (heard.text, heard.error) == (SAID, None)


@pytest.mark.parametrize(("client", "upstream"), PAIRS)
def test_one_unreadable_event_does_not_end_a_stream(on: Between, client: str, upstream: str) -> None:
    script = Script(answer=LONG, fault=Malformed(UNDERWAY[upstream]))
    answer, _ = on.exchange(HELLO, script, client=client, upstream=upstream, stream=True)
    heard = hearing(client).stream(answer.body)
    assert (heard.text, heard.error) == (SAID, None)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("client", "upstream"), PAIRS)
def test_an_answer_without_content_is_still_a_whole_one(
    on: Between, client: str, upstream: str, stream: bool
) -> None:
    answer, _ = on.exchange(HELLO, Script(fault=Empty("content")), client=client, upstream=upstream, stream=stream)
    assert answer.status == 200, answer.body
    heard = (hearing(client).stream if stream else hearing(client).whole)(answer.body)
    assert (heard.text, heard.error) in (("", None), ("(empty response)", None))
    assert heard.finish == hearing(client).FINISH["stop"]
