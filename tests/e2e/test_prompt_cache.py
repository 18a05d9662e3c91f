"""`omniroute doctor cache` finds the request that broke a prompt cache, among what went through a gateway."""

import subprocess
import sys
from pathlib import Path

import msgspec

from tests.support.gateway import Gateway
from tests.support.stage import stage
from tests.support.upstream.server import ScriptedUpstream
from tests.support.waiting import soon

STABLE = "You are a careful assistant. " * 20


def test_the_request_that_broke_the_cache_is_named(tmp_path: Path) -> None:
    with ScriptedUpstream() as upstream, stage(upstream, tmp_path / "home") as behind:
        gateway = behind.gateway
        gateway.admin("PATCH", "/api/settings/logging", {"bodies": "all"})
        model = behind.model("anthropic")
        turns = [{"role": "user", "content": "hello"}]
        for clock in ("10:41", "10:41", "10:42"):
            body = {
                "model": model,
                "max_tokens": 50,
                "system": f"It is {clock}. {STABLE}",
                "messages": list(turns),
            }
            answer = behind.ask("anthropic", body)
            assert answer.status == 200, answer.body
            turns += [{"role": "assistant", "content": "yes"}, {"role": "user", "content": "go on"}]
        found = captured(gateway, 3)
        told = subprocess.run(
            [sys.executable, "-m", "omniroute", "doctor", "cache", "--json", "--url", gateway.url],
            env={"HOME": str(gateway.home), "DATA_DIR": str(gateway.data_dir), "PATH": "/usr/bin"},
            check=True,
            capture_output=True,
        )
    assert (found["looked"], found["conversations"], found["unreadable"]) == (3, 1, 0)
    (one,) = found["breaks"]
    assert (one["path"], one["cause"]) == ("turns[0].parts[0].text", "volatile")
    assert one["after"].startswith("It is 10:42.")
    assert msgspec.json.decode(told.stdout)["breaks"][0]["requestId"] == one["requestId"]


def captured(gateway: Gateway, wanted: int) -> dict:
    """Bodies are written a moment after the answer."""
    return soon(lambda: gateway.admin("GET", "/api/cache/breaks"), lambda found: found["looked"] == wanted)
