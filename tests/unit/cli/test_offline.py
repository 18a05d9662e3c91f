"""Claims about commands that work without a running gateway, on the data dir itself."""

import json
from pathlib import Path

import pytest

from omniroute.cli.main import main
from omniroute.storage.datadir import DataDir


@pytest.fixture(autouse=True)
def _nothing_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PORT", "1")
    for variable in ("OMNIROUTE_URL", "OMNIROUTE_TOKEN", "DATA_DIR"):
        monkeypatch.delenv(variable, raising=False)


def test_keys_and_connections_can_be_made_before_the_first_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORK_KEY", "gsk-very-secret-very-secret")
    assert main(["keys", "create", "laptop"]) == 0
    assert main(["providers", "add", "groq", "--key-env", "WORK_KEY"]) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("sk-omni-")
    assert f"no gateway runs; working on {tmp_path}/.omniroute itself\n" in printed.err
    assert main(["keys", "rotate", "laptop", "--yes"]) == 0
    capsys.readouterr()
    assert main(["keys", "ls", "--json"]) == 0
    assert [key["name"] for key in json.loads(capsys.readouterr().out)] == ["laptop"]
    assert main(["providers", "ls", "--json"]) == 0
    assert [row["provider"] for row in json.loads(capsys.readouterr().out)] == ["groq"]


def test_a_refusal_reads_the_same_as_from_a_running_gateway(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["providers", "add", "nobody", "--no-key"]) == 1
    assert "There is no provider 'nobody'" in capsys.readouterr().err


def test_a_data_dir_that_another_process_holds_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    held = DataDir(tmp_path / ".omniroute")
    held.acquire()
    assert main(["keys", "ls"]) == 1
    held.release()
    assert "is in use by process" in capsys.readouterr().err


def test_nobody_stands_in_for_a_gateway_that_was_named(tmp_path: Path) -> None:
    assert main(["keys", "ls", "--url", "http://127.0.0.1:1"]) == 3
    assert not (tmp_path / ".omniroute").exists()
