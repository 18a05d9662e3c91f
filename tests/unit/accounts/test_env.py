"""Provider keys in the environment."""

from omniroute.accounts.connection import Connection, Secret
from omniroute.accounts.env import AFTER_STORED, env_connections
from omniroute.catalog.lookup import Tables, catalog
from omniroute.catalog.provider import Auth, Operation, Provider

CHAT = {"chat": Operation(codec="openai_chat")}


def row(name: str, *env: str, **more: object) -> Provider:
    return Provider(
        id=name, alias=name, name=name, base_url=f"https://{name}.example/v1", operations=CHAT, env=env, **more
    )  # type: ignore[arg-type]


def names(environ: dict[str, str], *rows: Provider, owners: dict[str, str] | None = None) -> list[tuple[str, str]]:
    found = env_connections(environ, catalog(rows, Tables(env=owners or {})))
    return [(connection.id, connection.name) for connection in found]


def test_a_key_becomes_a_connection_that_is_never_stored() -> None:
    found = env_connections({"A_API_KEY": " sk-1 "}, catalog([row("a", "A_API_KEY")], Tables()))
    assert found == (
        Connection(
            id="env:a", provider="a", name="A_API_KEY", secret=Secret("sk-1"), priority=AFTER_STORED, origin="env"
        ),
    )


def test_only_variables_of_api_keys_are_armed() -> None:
    rows = (
        row("hub", "GITHUB_TOKEN"),
        row("face", "HF_TOKEN", "FACE_API_KEY"),
        row("aws", "AWS_SECRET_ACCESS_KEY"),
    )
    environ = {"GITHUB_TOKEN": "x", "HF_TOKEN": "x", "AWS_SECRET_ACCESS_KEY": "x", "HUB_BASE_URL": "http://evil"}
    assert names(environ, *rows) == []
    assert names(environ | {"FACE_API_KEY": "y"}, *rows) == [("env:face", "FACE_API_KEY")]


def test_the_first_variable_that_is_set_wins() -> None:
    both = row("g", "GEMINI_API_KEY", "GOOGLE_API_KEY")
    assert names({"GOOGLE_API_KEY": "x"}, both) == [("env:g", "GOOGLE_API_KEY")]
    assert names({"GOOGLE_API_KEY": "x", "GEMINI_API_KEY": "y"}, both) == [("env:g", "GEMINI_API_KEY")]
    assert names({"GOOGLE_API_KEY": "x", "GEMINI_API_KEY": " "}, both) == [("env:g", "GOOGLE_API_KEY")]


def test_a_shared_variable_goes_to_its_owner() -> None:
    rows = (row("a", "S_API_KEY"), row("b", "S_API_KEY"))
    assert names({"S_API_KEY": "x"}, *rows, owners={"S_API_KEY": "b"}) == [("env:b", "S_API_KEY")]


def test_what_a_key_alone_cannot_reach_is_left_out() -> None:
    templated = Provider(
        id="t", alias="t", name="t", base_url="https://{region}.example", operations=CHAT, env=("T_API_KEY",)
    )
    keyless = row("k", "K_API_KEY", auth=Auth(kind="none"))
    assert names({"T_API_KEY": "x", "K_API_KEY": "x"}, templated, keyless) == []


def test_a_value_that_cannot_go_into_a_header_is_passed_over() -> None:
    for value in ("", "  ", "two words", "line\nbreak", "schlüssel"):
        assert names({"A_API_KEY": value}, row("a", "A_API_KEY")) == []
