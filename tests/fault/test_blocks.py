"""Blocks over real sockets: they outlive a kill, are seen and lifted over the API, and may be waited for."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.gateway import Gateway
from tests.support.stage import Stage, question
from tests.support.upstream.script import Refuse, Script
from tests.support.upstream.server import ScriptedUpstream

PATH = "/api/models/availability"


@pytest.fixture
def behind(tmp_path: Path) -> Iterator[Stage]:
    gateway = Gateway(tmp_path)
    with ScriptedUpstream() as upstream:
        gateway.start()
        yield Stage(upstream, gateway, gateway.client_key("tests"))
        assert gateway.stop() == 0


def refusing(status: int, seconds: str | None = None) -> Script:
    headers = () if seconds is None else (("Retry-After", seconds),)
    return Script(fault=Refuse(status=status, headers=headers))


def written(on: Stage) -> None:
    """Until the writer has come to what was left for it: a change of the API comes behind it."""
    on.gateway.admin("PATCH", "/api/resilience", {"waitForCooldown": {"maxRetries": 3}})


def test_after_a_kill_nobody_rushes_at_a_provider_that_has_locked_us_out(behind: Stage) -> None:
    model = behind.model("openai")
    behind.upstream.script(refusing(429, "18000"))
    refused = behind.ask("openai", question("openai", model))
    assert (refused.status, refused.headers["retry-after"]) == (429, "18000")
    written(behind)
    behind.gateway.kill()
    behind.gateway.start()
    asked = len(behind.upstream.generations)
    (block,) = behind.gateway.admin("GET", PATH)["models"]
    assert (block["reason"], block["source"]) == ("quota_window", "provider")
    assert 17_900_000 < block["remainingMs"] <= 18_000_000
    for _ in range(5):
        again = behind.ask("openai", question("openai", model))
        assert again.status == 429
        assert 17_900 < int(again.headers["retry-after"]) <= 18_001
    assert len(behind.upstream.generations) == asked
    assert behind.gateway.admin("DELETE", f"{PATH}?provider={model.partition('/')[0]}")["count"] == 1
    assert behind.ask("openai", question("openai", model)).status == 200


def test_a_request_waits_for_the_end_of_a_rest_when_it_is_set_so(behind: Stage) -> None:
    model = behind.model("openai")
    said = behind.gateway.admin("PATCH", "/api/resilience", {"waitForCooldown": {"enabled": True}})
    assert said["waitForCooldown"] == {"enabled": True, "maxRetries": 3, "maxRetryWaitSec": 30}
    behind.upstream.script(refusing(429, "1"))
    answer = behind.ask("openai", question("openai", model))
    assert (answer.status, answer.headers["x-omniroute-attempts"]) == (200, "2")


def test_a_refused_key_is_not_shown_again_until_it_is_edited(behind: Stage) -> None:
    model = behind.model("openai")
    behind.upstream.script(refusing(401))
    assert [behind.ask("openai", question("openai", model)).status for _ in range(3)] == [401, 401, 401]
    assert len(behind.upstream.generations) == 1
    (block,) = behind.gateway.admin("GET", PATH)["models"]
    assert (block["reason"], block["terminal"], block["until"]) == ("auth_invalid", True, None)
    behind.gateway.admin("PUT", f"/api/providers/{block['connectionId']}", {"apiKey": "sk-better"})
    assert behind.ask("openai", question("openai", model)).status == 200
