"""Claims about `omniroute config`: what it shows, and that it only ever writes a file that can be used."""

import json
from pathlib import Path

import pytest

from omniroute.cli.main import main


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for variable in ("DATA_DIR", "PORT", "HOST"):
        monkeypatch.delenv(variable, raising=False)


def config(*arguments: str) -> int:
    return main(["config", *arguments])


def test_a_setting_is_written_beside_what_is_there_and_its_comments(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "omniroute.toml"
    file.write_text("# ours\n[server]\nport = 1 # low\n")
    file.chmod(0o640)
    assert config("set", "server.port", "8080") == 0
    assert config("set", "server.allowed_hosts", "a.example,b.example") == 0
    assert config("set", "auth.api_key", "--env", "GATEWAY_KEY") == 2
    assert (
        "nothing was written: omniroute.toml: auth.api_key: the variable 'GATEWAY_KEY'" in capsys.readouterr().err
    )
    assert file.read_text() == (
        '# ours\n[server]\nport = 8080 # low\nallowed_hosts = ["a.example", "b.example"]\n'
    )
    assert file.stat().st_mode & 0o777 == 0o640
    assert config("unset", "server.port") == 0
    assert file.read_text() == '# ours\n[server]\nallowed_hosts = ["a.example", "b.example"]\n'
    assert list(tmp_path.iterdir()) == [file]


def test_the_first_setting_makes_a_private_file_in_the_data_dir(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert config("set", "logging.level", "debug") == 0
    file = tmp_path / ".omniroute/omniroute.toml"
    assert file.read_text() == '[logging]\nlevel = "debug"\n'
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    capsys.readouterr()
    assert config("path") == 0
    assert capsys.readouterr().out == f"{file}\n"


def test_a_secret_is_written_by_reference_only_and_shown_never(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWAY_KEY", "tops3cret")
    assert config("set", "auth.api_key", "tops3cret") == 2
    assert config("set", "auth.api_key", "--env", "GATEWAY_KEY") == 0
    assert (tmp_path / ".omniroute/omniroute.toml").read_text() == '[auth]\napi_key = {env = "GATEWAY_KEY"}\n'
    assert config("show") == config("get", "auth.api_key") == config("explain", "auth.api_key") == 0
    printed = capsys.readouterr()
    assert "tops3cret" not in printed.out + printed.err
    assert "auth.api_key\t(set)\t" in printed.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("set", "server.prot", "1"), "there is no setting 'server.prot'; did you mean 'server.port'?"),
        (("set", "server.port", "99999"), "server.port = '99999' must be between 0 and 65535"),
        (("set", "server.workers", "2"), "must be 1: one process is exact"),
        (("set", "server.port"), "give a value, --env NAME or --file PATH"),
        (("get", "prot"), "there is no setting 'prot'"),
    ],
)
def test_a_bad_setting_is_refused_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    assert config(*arguments) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_explain_lists_the_layers_the_winner_first(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORT", "8080")
    assert config("set", "server.port", "1") == 0
    capsys.readouterr()
    assert config("explain", "server.port", "--json") == 0
    layers = json.loads(capsys.readouterr().out)
    assert [layer["value"] for layer in layers] == ["8080", "1", "20128"]
    assert layers[0]["origin"] == "PORT in the environment"


def test_values_are_printed_for_scripts(capsys: pytest.CaptureFixture[str]) -> None:
    for key, text in (
        ("server.port", "20128"),
        ("server.detect", "true"),
        ("server.allowed_hosts", ""),
        ("upstream.proxy", ""),
        ("logging.level", "info"),
    ):
        assert config("get", key) == 0
        assert capsys.readouterr().out == f"{text}\n"
    assert config("get", "server.allowed_hosts", "--json") == 0
    assert capsys.readouterr().out == "[]\n"


def test_validate_fails_for_a_bad_file_and_names_the_line_of_thought(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert config("validate") == 0
    (tmp_path / "omniroute.toml").write_text("[server]\nprot = 1\n")
    assert config("validate") == 2
    assert "did you mean 'server.port'?" in capsys.readouterr().err
