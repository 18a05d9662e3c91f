"""Claims about the entry point: what runs without Typer, and that both ways read the same flags."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from omniroute.cli.main import main
from omniroute.cli.serve_flags import flags_of
from omniroute.cli.tree import tree
from omniroute.config.names import NAMES
from tests.unit.cli.scripted import ScriptedGateway


def imported_by(*arguments: str) -> set[str]:
    """The top-level modules that a command line imports."""
    code = (
        "import sys; from omniroute.cli.main import main; main(sys.argv[1:]); print(*sys.modules, file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    return {module.partition(".")[0] for module in ran.stderr.splitlines()[-1].split()}


def test_the_version_is_told_without_loading_anything_else() -> None:
    assert imported_by("--version").isdisjoint({"typer", "rich", "msgspec", "asyncio", "pydantic", "aiohttp"})


def test_an_admin_command_loads_neither_the_server_nor_a_database() -> None:
    assert imported_by("keys", "ls", "--url", "http://127.0.0.1:1", "--token", "x").isdisjoint(
        {"rich", "asyncio", "pydantic", "aiohttp", "fastapi", "sqlalchemy", "uvicorn", "tomlkit", "genai_prices"}
    )


def test_bad_settings_end_before_the_server_is_loaded(tmp_path: Path) -> None:
    run = "import sys; from omniroute.cli.main import main; print(main(sys.argv[1:]), 'aiohttp' in sys.modules)"
    ran = subprocess.run(
        [sys.executable, "-c", run, "--workers", "2"],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
    )
    assert ran.stdout == "2 False\n"
    assert ran.stderr.startswith("omniroute: server.workers = '2' (the flag --workers) must be 1: one process")


@pytest.mark.parametrize(
    ("line", "flags"),
    [
        ("", {}),
        ("--port 8080 --no-open", {"port": "8080", "open_browser": "false"}),
        ("--port=8080 --open --detect", {"port": "8080", "open_browser": "true", "detect": "true"}),
        ("--config x.toml --data-dir /d", {"config": "x.toml", "data_dir": "/d"}),
        ("--host", None),
        ("--host --port 1", None),
        ("--prot 1", None),
        ("--open=1", None),
        ("--help", None),
        ("stray", None),
    ],
)
def test_plain_flags_are_read_and_anything_else_is_left_to_typer(line: str, flags: dict[str, str] | None) -> None:
    assert flags_of(line.split()) == flags


def test_typer_and_the_quick_way_know_the_same_flags_of_serve() -> None:
    command = get_command(tree()).commands["serve"]  # type: ignore[attr-defined]
    options = {tuple(option.opts + option.secondary_opts) for option in command.params}
    named = {tuple((name.flag or "").split("/")) for name in NAMES.values() if name.flag}
    assert options == named | {("--config",)}


def test_a_typo_is_a_usage_error_with_a_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", "lss"]) == 2
    assert "Did you mean 'ls'?" in capsys.readouterr().err
    assert main(["--prot", "1"]) == 2
    assert "No such option: --prot" in capsys.readouterr().err


def test_every_command_has_two_examples_that_begin_with_its_name() -> None:
    for path, command in commands():
        text = command.help
        examples = text.partition("Examples:")[2].strip().splitlines()
        assert len(examples) == 2, path
        assert all("omniroute" in example for example in examples), path


def commands() -> list[tuple[str, object]]:
    root = get_command(tree())
    found: list[tuple[str, object]] = []
    for name, command in root.commands.items():  # type: ignore[attr-defined]
        inner = getattr(command, "commands", None)
        if inner is None:
            found.append((name, command))
        else:
            found.extend((f"{name} {word}", child) for word, child in inner.items())
    return found


def test_following_the_log_ends_with_130_when_interrupted(gateway: ScriptedGateway) -> None:
    entry = {"id": "req_1", "timestamp": "now", "status": 200, "model": "m"}
    gateway.answers["GET /api/usage/request-logs?limit=20"] = (200, {"items": [entry], "nextCursor": None})
    gateway.answers["GET /api/usage/request-logs?limit=100"] = (200, {"items": [entry], "nextCursor": None})
    # Whoever runs the tests in the background ignores the signal, and children inherit that.
    heeding = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    code = heeding + "from omniroute.cli.main import main; sys.exit(main(sys.argv[1:]))"
    line = [sys.executable, "-c", code, "logs", "-f", "--url", gateway.url, "--token", "t"]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "req_1\tnow\t200\tm\t-\t-\t0>0\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, "")
    assert "Traceback" not in err
