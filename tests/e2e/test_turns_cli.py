"""Real command-line clients finish a turn through the gateway, each with one real shell call of its own.

The upstream asks for `printf GW_TOOL_OK_%d 052`; only a shell that ran it can send GW_TOOL_OK_42 back, and only
then does the upstream say `FINAL: tool-ok`. What stands here is for every run of the tests; `make e2e-all` has all
clients on all upstreams.
"""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tests.e2e.cli import turns
from tests.support.hop import Hop
from tests.support.stage import UPSTREAM_KEY, Speaks, Stage, stage
from tests.support.upstream.answer import Think
from tests.support.upstream.fitting import SHELL_DONE, SHELL_PROOF
from tests.support.upstream.server import ScriptedUpstream

STREAMED = "/v1beta/models/scripted-small:streamGenerateContent"


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with ScriptedUpstream() as upstream, stage(upstream, tmp_path_factory.mktemp("gateway")) as running:
        yield running


@pytest.fixture(scope="module")
def commands() -> Path:
    return turns.commands()


@pytest.fixture
def hop(behind: Stage) -> Iterator[Hop]:
    with Hop(behind.gateway.port) as running:
        yield running


@pytest.mark.parametrize("name", ["codex", "droid", "gemini"])
def test_the_pinned_version_is_the_one_that_runs(commands: Path, name: str) -> None:
    pinned = msgspec.json.decode((turns.FOLDER / "package.json").read_bytes())["dependencies"]
    version = next(pinned[package] for package in pinned if name in package)
    command = [commands / name, "--version"]
    assert version in subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize(
    ("client", "upstream", "asked", "arrives"),
    [
        (turns.codex, "openai", "/v1/responses", "/v1/chat/completions"),
        (turns.codex, "anthropic", "/v1/responses", "/v1/messages"),
        (turns.droid_chat, "anthropic", "/v1/chat/completions", "/v1/messages"),
        (turns.droid_responses, "openai", "/v1/responses", "/v1/chat/completions"),
        (turns.droid_messages, "openai", "/v1/messages", "/v1/chat/completions"),
        (turns.claude, "gemini", "/v1/messages", STREAMED),
        (turns.codex, "gemini", "/v1/responses", STREAMED),
        (turns.gemini, "gemini", "/v1beta/models/{}:streamGenerateContent", STREAMED),
        (turns.gemini, "anthropic", "/v1beta/models/{}:streamGenerateContent", "/v1/messages"),
    ],
)
def test_a_turn_with_a_shell_call_comes_to_its_end(
    behind: Stage,
    hop: Hop,
    commands: Path,
    tmp_path: Path,
    client: turns.Client,
    upstream: Speaks,
    asked: str,
    arrives: str,
) -> None:
    model = behind.model(upstream)
    done = turns.run(client, turns.Seat(commands, tmp_path, hop.url, behind.key, model))
    assert (done.returncode, done.stdout.strip()) == (0, SHELL_DONE), done
    sent = [request.path for request in hop.requests if request.method == "POST"]
    arrived = [received.request for received in behind.upstream.generations]
    assert (sent, [request.path for request in arrived]) == (
        [asked.format(model)] * len(sent),
        [arrives] * len(sent),
    )
    assert len(sent) >= 2
    assert SHELL_PROOF.encode() in arrived[-1].body
    for request in arrived:
        assert all(behind.key not in value for _, value in request.headers)
        assert any(UPSTREAM_KEY in value for _, value in request.headers)


def test_codex_offers_the_same_tools_upstream_and_is_answered_by_their_names(
    behind: Stage, hop: Hop, commands: Path, tmp_path: Path
) -> None:
    model = behind.model("openai")
    turns.run(turns.codex, turns.Seat(commands, tmp_path, hop.url, behind.key, model))
    asked = msgspec.json.decode(next(request for request in hop.requests if request.method == "POST").body)
    arrived = behind.upstream.generations[-1].json
    offered = [tool["function"]["name"] for tool in arrived["tools"]]
    plain = [tool["name"] for tool in asked["tools"] if tool["type"] == "function"]
    nested = [tool for tool in asked["tools"] if tool["type"] == "namespace"]
    inner = [f"{space['name']}__{tool['name']}" for space in nested for tool in space["tools"]]
    assert set(plain) | set(inner) <= set(offered)
    called = [message for message in arrived["messages"] if message.get("tool_calls")]
    assert called[-1]["tool_calls"][0]["function"]["name"] in plain


def test_a_seal_for_which_codex_has_no_place_is_back_on_geminis_own_call(
    behind: Stage, commands: Path, tmp_path: Path
) -> None:
    model = behind.model("gemini")
    turns.run(turns.codex, turns.Seat(commands, tmp_path, behind.url, behind.key, model))
    sent = [part for content in behind.upstream.generations[-1].json["contents"] for part in content["parts"]]
    assert [part["thoughtSignature"] for part in sent if "functionCall" in part] == [Think("").signature]
