"""Every command-line client that we know, on upstreams of three dialects: `make e2e-all`.

The name of this file keeps it out of an ordinary run: it takes minutes, and about three gigabytes of clients.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.cli import turns
from tests.support.stage import UPSTREAM_KEY, Speaks, Stage, stage
from tests.support.upstream.fitting import SHELL_DONE, SHELL_PROOF
from tests.support.upstream.server import ScriptedUpstream

UPSTREAMS: tuple[Speaks, ...] = ("openai", "anthropic", "gemini")
CLIENTS: dict[str, turns.Client] = {
    "claude": turns.claude,
    "codex": turns.codex,
    "gemini": turns.gemini,
    "droid chat": turns.droid_chat,
    "droid responses": turns.droid_responses,
    "droid messages": turns.droid_messages,
    "opencode chat": turns.opencode_chat,
    "opencode responses": turns.opencode_responses,
    "opencode messages": turns.opencode_messages,
    "opencode gemini": turns.opencode_gemini,
    "cline": turns.cline,
    "qwen": turns.qwen,
    "llm": turns.llm,
}


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with ScriptedUpstream() as upstream, stage(upstream, tmp_path_factory.mktemp("gateway")) as running:
        yield running


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder with all of them."""
    place = tmp_path_factory.mktemp("commands")
    for folder in (turns.python_commands(), turns.commands(turns.FOLDER / "more"), turns.commands()):
        for command in folder.iterdir():
            if not (place / command.name).exists():
                (place / command.name).symlink_to(command.resolve())
    return place


@pytest.mark.timeout(300)
@pytest.mark.parametrize("upstream", UPSTREAMS)
@pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
def test_a_turn_with_a_shell_call_comes_to_its_end(
    behind: Stage, commands: Path, tmp_path: Path, client: turns.Client, upstream: Speaks
) -> None:
    model = behind.model(upstream)
    done = turns.run(client, turns.Seat(commands, tmp_path, behind.url, behind.key, model), timeout_s=120.0)
    assert done.returncode == 0, done
    assert SHELL_DONE in done.stdout, done
    arrived = [received.request for received in behind.upstream.generations]
    assert any(SHELL_PROOF.encode() in request.body for request in arrived)
    assert all(any(UPSTREAM_KEY in value for _, value in request.headers) for request in arrived)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("upstream", UPSTREAMS)
def test_aider_which_has_no_tools_shows_the_answer(
    behind: Stage, commands: Path, tmp_path: Path, upstream: Speaks
) -> None:
    model = behind.model(upstream)
    done = turns.run(turns.aider, turns.Seat(commands, tmp_path, behind.url, behind.key, model), timeout_s=120.0)
    assert done.returncode == 0, done
    assert turns.PROMPT in done.stdout.replace("\n", " "), done
    assert behind.upstream.generations
