"""Claims about which gateway a command talks to, and who is given the local token."""

from pathlib import Path

import pytest

from omniroute.cli.place import Place
from omniroute.cli.problem import TIMED_OUT, UNREACHABLE, Problem
from omniroute.ir.json import JsonObject
from tests.unit.cli.scripted import ScriptedGateway


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def place(tmp_path: Path, url: str | None = None, token: str | None = None, **environ: str) -> Place:
    return Place(url=url, token=token, data_dir=str(tmp_path), environ={"HOME": str(tmp_path), **environ})


@pytest.mark.parametrize(
    ("environ", "url"),
    [
        ({}, "http://127.0.0.1:20128"),
        ({"PORT": "8080"}, "http://127.0.0.1:8080"),
        ({"OMNIROUTE_HOST": "0.0.0.0"}, "http://127.0.0.1:20128"),
        ({"OMNIROUTE_HOST": "::"}, "http://[::1]:20128"),
        ({"OMNIROUTE_HOST": "10.0.0.5"}, "http://10.0.0.5:20128"),
        ({"OMNIROUTE_URL": "https://ai.example.com/gw/"}, "https://ai.example.com/gw/"),
        ({"OMNIROUTE_URL": "gateway:20128"}, "http://gateway:20128"),
    ],
)
def test_the_address_is_the_named_one_or_that_of_a_gateway_started_here(
    tmp_path: Path, environ: dict[str, str], url: str
) -> None:
    assert place(tmp_path, **environ).url() == url


def sent_token(gateway: ScriptedGateway, where: Place) -> str | None:
    gateway.answers["GET /x"] = (200, {})
    where.gateway().get("/x", JsonObject)
    return gateway.asked[-1].authorization


def test_the_token_of_the_data_dir_opens_the_gateway_of_this_machine(
    tmp_path: Path, gateway: ScriptedGateway
) -> None:
    assert sent_token(gateway, place(tmp_path, gateway.url)) is None
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/cli-token").write_text("local\n")
    assert sent_token(gateway, place(tmp_path, gateway.url)) == "Bearer local"
    assert sent_token(gateway, place(tmp_path, gateway.url, OMNIROUTE_TOKEN="named")) == "Bearer named"
    assert sent_token(gateway, place(tmp_path, gateway.url, "given", OMNIROUTE_TOKEN="named")) == "Bearer given"


def test_the_token_of_the_data_dir_is_never_sent_to_another_machine(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/cli-token").write_text("local\n")
    for url in ("http://ai.example.com", "http://127.0.0.1.example.com", "http://127.0.0.1@example.com"):
        assert place(tmp_path, url).admin_token(url) is None


def test_a_gateway_that_does_not_run_is_unreachable_and_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(Problem) as caught:
        place(tmp_path, "http://127.0.0.1:1", "t").gateway().get("/x", JsonObject)
    assert caught.value.code == UNREACHABLE
    assert "omniroute serve" in caught.value.hint


def test_a_gateway_that_does_not_answer_in_time_is_a_timeout(tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(Problem) as caught:
            place(tmp_path, url, "t").gateway(timeout_s=0.05).get("/x", JsonObject)
    assert caught.value.code == TIMED_OUT


def test_what_is_no_address_is_said(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="'ftp://x' is not an address"):
        place(tmp_path, "ftp://x", "t").gateway().get("/x", JsonObject)
