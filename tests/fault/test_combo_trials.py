"""Combos tried out and counted, over real sockets: several providers on ports of their own."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.support.asking import ask
from tests.support.gateway import Gateway
from tests.support.upstream.script import Script, refused
from tests.support.upstream.server import ScriptedUpstream
from tests.support.waiting import soon

MODEL = "scripted-small"


class Ground:
    def __init__(self, gateway: Gateway, first: ScriptedUpstream, second: ScriptedUpstream) -> None:
        self.gateway, self.first, self.second = gateway, first, second

    def combo(self, name: str, **more: object) -> list[str]:
        """A combo of a chat provider and one of Anthropic's dialect; gives their models."""
        self.first.reset()
        self.second.reset()
        one = self.gateway.provider("openai-compatible", f"{self.first.url}/v1", keys=("sk-first",))
        two = self.gateway.provider("anthropic-compatible", f"{self.second.url}/v1", keys=("sk-second",))
        models = [f"{one}/{MODEL}", f"{two}/{MODEL}"]
        self.gateway.admin("POST", "/api/combos", {"name": name, "models": models, **more})
        return models

    def cli(self, *words: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "omniroute", *words, "--data-dir", str(self.gateway.data_dir)]
        command += ["--url", self.gateway.url]
        env = {"HOME": str(self.gateway.home), "PATH": os.environ["PATH"]}
        ran = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
        return ran.returncode, ran.stdout


@pytest.fixture(scope="module")
def on(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    with (
        ScriptedUpstream() as first,
        ScriptedUpstream() as second,
        Gateway(tmp_path_factory.mktemp("combos") / "home") as gateway,
    ):
        yield Ground(gateway, first, second)


def test_every_model_is_really_asked_with_its_own_credentials_and_marked_in_the_log(on: Ground) -> None:
    on.combo("tried")
    on.second.script(refused(401, "no such key"))
    tested = on.gateway.admin("POST", "/api/combos/test", {"comboName": "tried"})
    good, bad = tested["results"]
    assert (good["status"], good["statusCode"], good["errorClass"]) == ("ok", 200, None)
    assert good["responseText"]
    assert (bad["status"], bad["statusCode"], bad["errorClass"]) == ("error", 401, "auth_invalid")
    assert tested["resolvedByExecutionKey"] == good["executionKey"]
    first, second = (dict(one.only().request.headers) for one in (on.first, on.second))
    assert first["authorization"] == "Bearer sk-first"
    assert second["x-api-key"] == "sk-second"
    assert not any("sk-second" in value for value in first.values())
    trace = on.gateway.admin("GET", f"/api/explain/{good['requestId']}")
    assert (trace["key"], trace["combo"]) == ("combo test", None)
    metrics = on.gateway.admin("GET", "/api/combos/metrics?combo=tried")["combos"]
    assert metrics[0]["requests"] == 0


def test_requests_and_attempts_are_counted_apart(on: Ground) -> None:
    on.combo("counted")
    on.first.script(refused(500, "broken"))
    key = on.gateway.client_key("tests")
    body = {"model": "counted", "messages": [{"role": "user", "content": "hello"}]}
    answer = ask(on.gateway.url, "/v1/chat/completions", body, headers={"Authorization": f"Bearer {key}"})
    assert answer.status == 200
    (counted,) = on.gateway.admin("GET", "/api/combos/metrics?combo=counted")["combos"]
    assert (counted["requests"], counted["successes"], counted["failures"], counted["fallbacks"]) == (1, 1, 0, 1)
    assert [(step["requests"], step["lastStatus"]) for step in counted["steps"]] == [(1, 500), (1, 200)]
    assert on.gateway.try_admin("GET", "/api/combos/metrics?combo=nothing").status == 404
    on.gateway.admin("DELETE", "/api/combos/metrics?combo=counted")
    (forgotten,) = on.gateway.admin("GET", "/api/combos/metrics?combo=counted")["combos"]
    assert (forgotten["requests"], forgotten["steps"]) == (0, [])


def test_the_command_line_tells_all_of_it(on: Ground) -> None:
    on.combo("spoken")
    code, out = on.cli("combos", "test", "spoken")
    assert code == 0
    assert [line.split("\t")[1] for line in out.splitlines()] == ["ok", "ok"]
    on.first.default = on.second.default = refused(500, "broken")
    assert on.cli("combos", "test", "spoken")[0] == 1
    on.first.default = on.second.default = Script()
    code, out = on.cli("combos", "metrics", "spoken")
    assert (code, out) == (0, "spoken\t0\t0\t0\t-\t0\t-\n")


def test_a_combo_that_is_not_there_or_empty_is_not_tried(on: Ground) -> None:
    answer = on.gateway.try_admin("POST", "/api/combos/test", {"comboName": "nothing"})
    assert (answer.status, answer.json["error"]["code"]) == (404, "combo_not_found")


def test_a_conversation_is_handed_over_before_its_account_is_spent(on: Ground) -> None:
    on.combo("relayed", strategy="context-relay", config={"handoffThreshold": 0.8})
    spent = (("x-ratelimit-limit-tokens", "100"), ("x-ratelimit-remaining-tokens", "5"))
    on.first.script(Script(headers=(*spent, ("x-ratelimit-reset-tokens", "3h"))))
    key = on.gateway.client_key("talker")
    body = {"model": "relayed", "messages": [{"role": "user", "content": "hello"}]}
    headers = {"Authorization": f"Bearer {key}", "X-Session-Id": "talk"}
    assert ask(on.gateway.url, "/v1/chat/completions", body, headers=headers).status == 200
    summary = on.first.wait_received(2)
    assert "user: hello" in summary.json["messages"][1]["content"]
    soon(on.gateway.log, lambda log: "hand-over" in log)
    answer = ask(on.gateway.url, "/v1/chat/completions", body, headers=headers)
    assert answer.status == 200
    told = on.second.only().json
    assert "A summary of it so far" in str(told["system"])
    assert "meaning=1" in answer.headers["x-omniroute-losses"]
    trace = on.gateway.admin("GET", f"/api/explain/{answer.headers['x-request-id']}")
    assert trace["conduct"].startswith("the conversation is handed over: it leaves ")
    assert trace["losses"][0]["what"] == "conversation summary"
