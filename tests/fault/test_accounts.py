"""Accounts and keys over real sockets: who is asked, who waits, and who is turned away."""

import threading
from collections.abc import Iterator

import pytest

from tests.support.asking import Answered, ask, asking
from tests.support.stage import PATHS, Dialect, Stage, headers, question, refusal, stage
from tests.support.upstream.answer import said
from tests.support.upstream.gate import Gate
from tests.support.upstream.script import Script
from tests.support.upstream.server import ScriptedUpstream

KEYS = ("sk-one", "sk-two", "sk-three")


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with ScriptedUpstream() as upstream, stage(upstream, tmp_path_factory.mktemp("gateway")) as running:
        yield running


def choose(on: Stage, model: str, **rule: object) -> None:
    """The rule for the provider of `model` alone."""
    node = provider(on, model)
    on.gateway.admin("PATCH", "/api/settings/routing", {"providers": {node: rule}})


def provider(on: Stage, model: str) -> str:
    nodes = on.gateway.admin("GET", "/api/provider-nodes")["nodes"]
    return str(next(node["id"] for node in nodes if node["prefix"] == model.partition("/")[0]))


def narrow(on: Stage, model: str) -> None:
    """Every account of the model's provider takes one request at a time."""
    node = provider(on, model)
    for connection in on.gateway.admin("GET", "/api/providers")["connections"]:
        if connection["provider"] == node:
            on.gateway.admin("PUT", f"/api/providers/{connection['id']}", {"maxConcurrent": 1})


def used(on: Stage) -> list[str]:
    """The credentials that the upstream was shown, in order."""
    shown = [one.request.headers for one in on.upstream.generations]
    return [next(key for key in KEYS for value in dict(given).values() if value.endswith(key)) for given in shown]


def test_accounts_take_turns_and_a_conversation_stays_with_its_own(behind: Stage) -> None:
    model = behind.model("anthropic", keys=KEYS)
    choose(behind, model, fallbackStrategy="round-robin", stickyRoundRobinLimit=1)
    for session in ("a", "b", "a", "c", "b"):
        own = {**behind.headers("anthropic"), "X-Claude-Code-Session-Id": session}
        said_so = ask(behind.url, PATHS["anthropic"], question("anthropic", model), headers=own)
        assert said_so.status == 200
    trace = behind.gateway.admin("GET", f"/api/explain/{said_so.headers['x-request-id']}")
    assert trace["accounts"][0].endswith(": the conversation is with it")
    assert len(trace["accounts"]) == 3
    assert used(behind) == ["sk-one", "sk-two", "sk-one", "sk-three", "sk-two"]


def test_a_busy_account_is_passed_over_and_a_client_that_leaves_gives_its_place_back(behind: Stage) -> None:
    model = behind.model("openai", keys=KEYS[:2])
    narrow(behind, model)
    gate = Gate(4)
    behind.upstream.default = Script(answer=said("one two three", pieces=3), gate=gate)
    body = question("openai", model, stream=True)
    with asking(behind.url, PATHS["openai"], body, headers=behind.headers("openai")) as first:
        first.until(b"one")
        behind.upstream.default = Script()
        assert behind.ask("openai", question("openai", model)).status == 200
        assert used(behind) == ["sk-one", "sk-two"]
    # The client has left its stream: of the two places one comes back, and three requests need it.
    answers = [behind.ask("openai", question("openai", model)).status for _ in range(3)]
    assert answers == [200, 200, 200]
    limits = behind.gateway.admin("GET", "/api/rate-limits")["connections"]
    assert [one["queued"] for one in limits if one["provider"] == provider(behind, model)] == [0, 0]


def test_who_finds_all_accounts_full_waits_until_a_stream_has_ended(behind: Stage) -> None:
    model = behind.model("openai", keys=KEYS[:1])
    narrow(behind, model)
    gate = Gate(4)
    behind.upstream.default = Script(answer=said("one two three", pieces=3), gate=gate)
    answers: list[Answered] = []
    body = question("openai", model, stream=True)
    with asking(behind.url, PATHS["openai"], body, headers=behind.headers("openai")) as first:
        first.until(b"one")
        behind.upstream.default = Script()
        waiting = threading.Thread(target=lambda: answers.append(behind.ask("openai", question("openai", model))))
        waiting.start()
        gate.release(50)
        assert first.rest().whole
        waiting.join(30)
    assert [answer.status for answer in answers] == [200]
    assert used(behind) == ["sk-one", "sk-one"]


@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
def test_a_key_over_its_limit_is_told_when_to_come_back(behind: Stage, dialect: Dialect) -> None:
    model = behind.model(dialect, keys=KEYS[:1])
    created = behind.gateway.admin(
        "POST", "/api/keys", {"name": "narrow", "rateLimits": [{"limit": 2, "window": 3600}]}
    )

    def asked() -> Answered:
        return ask(
            behind.url, PATHS[dialect], question(dialect, model), headers=headers(dialect, str(created["key"]))
        )

    assert [asked().status for _ in range(2)] == [200, 200]
    refused = asked()
    assert refused.status == 429
    assert 1790 <= int(refused.headers["retry-after"]) <= 1800
    assert "over its limit of 2 requests" in refusal(dialect, refused.body)["message"]
    assert len(behind.upstream.generations) == 2
    assert behind.ask(dialect, question(dialect, model)).status == 200
    (shown,) = [
        one for one in behind.gateway.admin("GET", "/api/rate-limits")["keys"] if one["keyId"] == created["id"]
    ]
    assert shown["limits"][0]["remaining"] < 1
