"""The real `claude` command finishes a turn through the gateway, with one real shell call of its own.

The upstream asks for `printf GW_TOOL_OK_%d 052`; only a shell that ran it can send GW_TOOL_OK_42 back, and only
then does the upstream say `FINAL: tool-ok`. Offline: the command's other traffic goes to a closed port.
"""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tests.e2e.cli import turns
from tests.support.hop import Hop
from tests.support.stage import UPSTREAM_KEY, Dialect, Stage, stage
from tests.support.upstream.fitting import SHELL_DONE, SHELL_PROOF
from tests.support.upstream.server import ScriptedUpstream

VERSION = "2.1.197"
MODEL = "claude-sonnet-4-5"


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with ScriptedUpstream() as upstream, stage(upstream, tmp_path_factory.mktemp("gateway")) as running:
        yield running


@pytest.fixture(scope="module")
def claude() -> Path:
    """The command; it is installed when it is not there, and a machine where that fails fails the test."""
    return turns.commands() / "claude"


@pytest.fixture
def hop(behind: Stage) -> Iterator[Hop]:
    with Hop(behind.gateway.port) as running:
        yield running


def turn(claude: Path, home: Path, url: str, key: str, model: str) -> subprocess.CompletedProcess[str]:
    return turns.run(turns.claude, turns.Seat(claude.parent, home, url, key, model))


def model_of(behind: Stage, dialect: Dialect) -> str:
    return behind.model(dialect).replace("scripted-small", MODEL)


def test_the_pinned_version_is_the_one_that_runs(claude: Path) -> None:
    told = subprocess.run([claude, "--version"], check=True, capture_output=True, text=True).stdout
    assert told.startswith(f"{VERSION} ")


def test_a_turn_on_an_anthropic_upstream_passes_byte_for_byte(
    behind: Stage, hop: Hop, claude: Path, tmp_path: Path
) -> None:
    model = model_of(behind, "anthropic")
    done = turn(claude, tmp_path, hop.url, behind.key, model)
    assert (done.returncode, done.stdout.strip()) == (0, SHELL_DONE), done
    sent = [request for request in hop.requests if request.method == "POST"]
    arrived = [received.request for received in behind.upstream.generations]
    assert len(sent) == len(arrived) >= 2
    for ours, theirs in zip(sent, arrived, strict=True):
        named = msgspec.json.encode(model)
        assert ours.body.count(b'"model":' + named) == 1
        assert theirs.body == ours.body.replace(b'"model":' + named, b'"model":' + msgspec.json.encode(MODEL))
        for header in ("anthropic-version", "anthropic-beta"):
            assert ours.header(header) is not None
            assert theirs.header(header) == ours.header(header)
        assert all(behind.key not in value for _, value in theirs.headers)
        assert any(UPSTREAM_KEY in value for _, value in theirs.headers)
    assert SHELL_PROOF.encode() in arrived[-1].body


def test_a_turn_on_an_openai_upstream_is_translated(behind: Stage, hop: Hop, claude: Path, tmp_path: Path) -> None:
    done = turn(claude, tmp_path, hop.url, behind.key, model_of(behind, "openai"))
    assert (done.returncode, done.stdout.strip()) == (0, SHELL_DONE), done
    arrived = behind.upstream.generations
    assert [received.request.path for received in arrived] == ["/v1/chat/completions"] * len(arrived)
    last = arrived[-1].json
    assert last["model"] == MODEL
    asked = msgspec.json.decode(next(request for request in hop.requests if request.method == "POST").body)
    assert [tool["function"]["name"] for tool in last["tools"]] == [tool["name"] for tool in asked["tools"]]
    results = [message for message in last["messages"] if message["role"] == "tool"]
    assert SHELL_PROOF in msgspec.json.encode(results[-1]).decode()
    for received in arrived:
        assert received.request.header("anthropic-beta") is None
        assert received.request.header("anthropic-version") is None
        assert received.request.header("authorization") == f"Bearer {UPSTREAM_KEY}"
        assert b"cache_control" not in received.request.body
