"""`omniroute translate`: offline, the body on stdout, the losses on stderr."""

import io
import json
import sys
from pathlib import Path

import pytest

from omniroute.cli.main import main

CHAT = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "seed": 7}
LINE = "dropped (quality): seed at sampling.seed\n"


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "request.json"
    path.write_text(json.dumps(CHAT))
    return str(path)


def test_a_file_is_translated_without_a_gateway(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["translate", file, "--from", "openai_chat", "--to", "anthropic"]) == 0
    ran = capsys.readouterr()
    assert json.loads(ran.out)["messages"][0]["role"] == "user"
    assert LINE in ran.err


def test_a_dash_reads_stdin_and_json_prints_one_object(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps(CHAT)))
    assert main(["translate", "-", "--from", "openai_chat", "--to", "gemini", "--json"]) == 0
    ran = capsys.readouterr()
    assert json.loads(ran.out).keys() == {"body", "losses"}
    assert ran.err == ""


def test_a_provider_brings_its_quirks(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["translate", file, "--from", "openai_chat", "--provider", "openai", "--model", "o3", "-q"]) == 0
    ran = capsys.readouterr()
    assert json.loads(ran.out)["model"] == "o3"
    assert ran.err == ""


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--from", "klingon", "--to", "anthropic"], 1, "klingon"),
        (["--from", "openai_chat", "--to", "klingon"], 1, "klingon"),
        (["--from", "openai_chat", "--provider", "klingon"], 1, "klingon"),
        (["--from", "openai_chat", "--to", "anthropic", "--kind", "poem"], 2, "poem"),
        (["--to", "anthropic"], 2, "--from"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    file: str, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, said: str
) -> None:
    assert main(["translate", file, *arguments]) == code
    ran = capsys.readouterr()
    assert said in ran.err
    assert ran.out == ""


def test_a_file_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["translate", "/no/such.json", "--from", "openai_chat", "--to", "anthropic"]) == 1
    assert "/no/such.json" in capsys.readouterr().err
