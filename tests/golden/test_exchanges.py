"""Every client on every upstream: what is asked arrives, what is answered comes back, and whatever could not be
carried is reported. Each answer is held against the types of the client's own SDK and the order of its events."""

from itertools import product

import msgspec
import pytest

from omniroute.ir.result import Usage
from tests.golden import facts, limits
from tests.golden.hear.heard import Heard
from tests.golden.matrix import CLIENTS, UPSTREAMS, Between, asking, hearing, receiving
from tests.golden.scenarios import SCENARIOS, Scenario
from tests.support.asking import Answered
from tests.support.upstream.answer import Answer, Call, Decline, Say, Think, Tokens
from tests.support.upstream.received import Received
from tests.support.upstream.script import Script

FORBIDDEN_EXTRAS = ("text", "call", "result", "image", "document", "tool", "choice", "choice of one", "system")
"""Nobody puts words into the mouth of a client."""


def kinds(scenario: Scenario) -> set[str]:
    return {fact[0] for fact in facts.facts(scenario.asked)}


def asked_by(client: str) -> list[Scenario]:
    """The scenarios for which clients of this dialect have words."""
    return [scenario for scenario in SCENARIOS if not kinds(scenario) & asking(client).CANNOT_ASK]


def sayings(scenario: Scenario, client: str) -> list[facts.Fact]:
    silent = asking(client).CANNOT_SAY
    return [fact for fact in facts.facts(scenario.asked) if fact[0] not in silent]


EXCHANGES = [
    pytest.param(client, upstream, scenario, stream, id=f"{client}-{upstream}-{scenario.name}-{how}")
    for client, upstream in product(CLIENTS, UPSTREAMS)
    for scenario in asked_by(client)
    for stream, how in ((False, "whole"), (True, "stream"))
]


@pytest.mark.parametrize("dialect", CLIENTS)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_what_a_client_says_can_be_read(dialect: str, scenario: Scenario) -> None:
    """The two halves of these tests agree with each other."""
    if scenario in asked_by(dialect):
        body = asking(dialect).sent(scenario.asked, "m", "k", stream=False).body
        assert facts.missing(sayings(scenario, dialect), receiving(dialect).understood(body)) == []


@pytest.mark.parametrize(("client", "upstream", "scenario", "stream"), EXCHANGES)
def test_an_exchange(on: Between, client: str, upstream: str, scenario: Scenario, stream: bool) -> None:
    script = Script(answer=scenario.answered)
    answer, received = on.exchange(scenario.asked, script, client=client, upstream=upstream, stream=stream)
    ear = hearing(client)
    if limits.refused(kinds(scenario), client, upstream):
        assert (answer.status, received) == (400, None)
        assert "base64" in ear.error(answer.body) or "application/pdf" in ear.error(answer.body)
        return
    assert received is not None, answer.body
    assert answer.status == 200, (answer.body, received.request.body)
    check_received(answer, received, scenario, client, upstream)
    heard: Heard = (ear.stream if stream else ear.whole)(answer.body)
    check_said(heard, scenario.answered, client, upstream)
    check_end(heard, scenario.answered, client, upstream)


def check_received(answer: Answered, received: Received, scenario: Scenario, client: str, upstream: str) -> None:
    asked, understood = sayings(scenario, client), receiving(upstream).understood(received.json)
    said = {fact[0] for fact in asked}
    lost = {fact[0] for fact in facts.missing(asked, understood)}
    assert lost == limits.lost(said, client, upstream), received.json
    meant = [*asked, *limits.instead(said, upstream)]
    invented = [fact for fact in understood if fact not in meant and fact[0] in FORBIDDEN_EXTRAS]
    assert not invented, received.json
    losses = answer.headers.get("x-omniroute-losses", "")
    assert losses or not lost, f"{lost} were lost without a word: {received.json}"
    assert client != upstream or not losses, losses


def check_said(heard: Heard, answered: Answer, client: str, upstream: str) -> None:
    declined = "".join(part.text for part in answered.parts if isinstance(part, Decline))
    assert heard.text + heard.refusal == _text(answered) + declined
    assert heard.reasoning == "".join(part.text for part in answered.parts if isinstance(part, Think))
    wanted = [part for part in answered.parts if isinstance(part, Call)]
    called = [(call.name, facts.canonical(call.arguments)) for call in heard.calls]
    assert called == [(call.name, facts.canonical(call.arguments)) for call in wanted]
    if hearing(client).HAS_IDS:
        ids = [call.call_id for call in heard.calls]
        if limits.VOICES[upstream].ids:
            assert ids == [call.call_id for call in wanted]
        assert all(ids)
        assert len(set(ids)) == len(ids)
    seals = [part.signature for part in answered.parts if isinstance(part, Think)]
    assert heard.seals == (seals if client == upstream and hearing(client).HAS_SEALS else [])


def check_end(heard: Heard, answered: Answer, client: str, upstream: str) -> None:
    ending = answered.ending
    if ending == "filter" and not limits.VOICES[upstream].filtered:
        ending = "stop"
    assert heard.error is None
    assert heard.finish == hearing(client).FINISH[ending]
    assert heard.usage is not None
    expected = hearing(client).sayable(_reported(answered.tokens, upstream))
    told = hearing(client).tokens(heard.usage)
    assert told == expected, f"{msgspec.json.encode(heard.usage)!r} of {upstream}"


def _text(answered: Answer) -> str:
    return "".join(part.text for part in answered.parts if isinstance(part, Say))


def _reported(tokens: Tokens, upstream: str) -> Usage:
    """What an upstream of this dialect can say about `tokens`."""
    voice = limits.VOICES[upstream]
    cached = tokens.cache_read if voice.cache_read else 0
    written = tokens.cache_write if voice.cache_write else 0
    return Usage(
        input=tokens.input_total - written - cached,
        cache_read=cached,
        cache_write=written,
        output=tokens.output,
        reasoning=tokens.reasoning if voice.reasoning else 0,
    )
