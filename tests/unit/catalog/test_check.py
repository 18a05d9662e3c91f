"""Every mistake in a row or a table is found and named."""

import msgspec
import pytest

from omniroute.catalog.check import Finding, findings
from omniroute.catalog.loader import Row
from omniroute.catalog.lookup import Tables
from omniroute.catalog.provider import Auth, Operation, Provider

GOOD = Provider(
    id="north",
    alias="n",
    name="North",
    base_url="https://north.example.com/v1",
    operations={"chat": Operation(codec="openai_chat")},
    docs_url="https://north.example.com/docs",
)


def _found(*providers: Provider, tables: Tables | None = None, file: str | None = None) -> list[str]:
    rows = [Row(file or provider.id, 0, provider) for provider in providers]
    known = {"codecs": {"openai_chat"}, "quirks": {"odd_ids"}, "simple": {"embeddings"}}
    return [str(f) for f in findings(rows, tables or Tables(), **known)]


def test_a_good_row_has_no_findings() -> None:
    assert _found(GOOD) == []


def test_a_finding_reads_as_file_and_message() -> None:
    assert str(Finding("providers/x.toml", "is odd")) == "providers/x.toml: is odd"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"alias": "N"}, "'N' cannot be a prefix"),
        ({"node": True}, "a row is not a node"),
        ({"operations": {}}, "it serves no operation"),
        ({"operations": {"sing": Operation(codec="openai_chat")}}, "unknown operation 'sing'; known: chat, "),
        ({"operations": {"chat": Operation(codec="morse")}}, "unknown codec 'morse' for chat; known: openai_chat"),
        (
            {"operations": {"chat": Operation(codec="embeddings")}},
            "unknown codec 'embeddings' for chat; known: openai_chat",
        ),
        (
            {"operations": {"embeddings": Operation(codec="openai_chat")}},
            "unknown codec 'openai_chat' for embeddings; known: embeddings",
        ),
        ({"operations": {"embeddings": Operation(codec="embeddings", path="e")}}, "must begin with a slash"),
        (
            {"operations": {"embeddings": Operation(codec="embeddings", base_url="https://x.test/")}},
            "of an operation must be a plain address",
        ),
        (
            {"operations": {"embeddings": Operation(codec="embeddings", dimensions={"m": 0})}},
            "dimensions of 'm' must be above 0",
        ),
        ({"quirks": ("even_ids",)}, "unknown quirk 'even_ids'; known: odd_ids"),
        ({"headers": {"X-Team": "a"}}, "the header 'X-Team' must be written in lower case"),
        ({"env": ("NORTH_TOKEN",)}, "'NORTH_TOKEN' is not a *_API_KEY variable"),
        ({"docs_url": None}, "docs_url is missing, and the row is on by default"),
        ({"docs_url": None, "default": False}, "docs_url is missing, and no note says why"),
        ({"docs_url": "http://north.example.com"}, "must begin with https://"),
        ({"base_url": "http://north.example.com/v1"}, "must begin with https://"),
        ({"base_url": "https://north.example.com/v1/"}, "must not end with a slash"),
        ({"base_url": "https:///v1"}, "has no host"),
        ({"base_url": "https://me@north.example.com"}, "must be a plain address"),
        ({"base_url": "https://north.example.com/v1?a=b"}, "must be a plain address"),
        ({"base_url": "ftp://north.example.com"}, "has the scheme 'ftp'"),
        ({"base_url": "https://{Tenant}.example.com"}, "holds a parameter that is not {lower_case}"),
        ({"base_url": "demo://north/v1"}, "the demo takes no credential"),
        ({"local": True}, "is not loopback, but the row says local"),
        ({"models_path": "models"}, "must begin with a slash, or name the host of base_url"),
        ({"models_path": "https://elsewhere.example.com/models"}, "or name the host of base_url"),
        ({"auth": Auth(kind="header")}, "auth 'header' needs a name"),
        ({"auth": Auth(kind="query")}, "auth 'query' needs a name"),
        ({"auth": Auth(kind="bearer", prefix="Token ")}, "auth 'bearer' takes neither name nor prefix"),
        ({"auth": Auth(kind="aws", name="bedrock")}, "auth 'aws' needs the name of a service and a parameter"),
        ({"auth": Auth(kind="google")}, "auth 'google' needs a token_url that begins with https://"),
        (
            {"base_url_when": {"at": {"x": "http://x.example.com"}}},
            "base_url_when at = 'x' must begin with https://",
        ),
        (
            {"operations": {"chat": Operation(codec="openai_chat", path="/{deployment}/chat")}},
            "holds something else in braces than {model}",
        ),
    ],
)
def test_a_mistake_in_a_row_is_found(change: dict[str, object], message: str) -> None:
    found = _found(msgspec.structs.replace(GOOD, **change))
    assert len(found) == 1
    assert found[0].startswith("providers/north.toml: ")
    assert message in found[0]


@pytest.mark.parametrize(
    "change",
    [
        {"base_url": "https://{tenant}.example.com/{region_name}/v1"},
        {"base_url": "http://localhost:1234/v1", "local": True},
        {"base_url": "http://[::1]:1234/v1", "local": True},
        {"base_url": "demo://north/v1", "auth": Auth(kind="none"), "docs_url": None},
        {"models_path": "https://north.example.com/catalogue"},
        {"docs_url": None, "default": False, "note": "No address is known."},
    ],
)
def test_what_is_odd_but_meant_is_not_a_finding(change: dict[str, object]) -> None:
    assert _found(msgspec.structs.replace(GOOD, **change)) == []


def test_the_file_is_named_after_the_id() -> None:
    assert _found(GOOD, file="nord") == ["providers/nord.toml: the id 'north' must be the file's name"]


def test_an_id_is_used_once() -> None:
    other = msgspec.structs.replace(GOOD, alias="m")
    assert _found(GOOD, other) == ["providers: the id 'north' is used 2 times"]


def test_an_alias_is_used_once_and_is_nobody_elses_id() -> None:
    same = msgspec.structs.replace(GOOD, id="south")
    theft = msgspec.structs.replace(GOOD, id="south", alias="north")
    assert _found(GOOD, same) == ["providers: the alias 'n' is used 2 times"]
    assert _found(GOOD, theft) == ["providers: the alias 'north' of 'south' is another row's id"]


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        (Tables(aliases={"n": "north"}), "aliases.toml: the reserved alias 'n' is a row's id or alias"),
        (
            Tables(aliases={"x": "south"}),
            "aliases.toml: the reserved alias 'x' stands for 'south', which is no row",
        ),
        (Tables(refused={"n": "because"}), "refused.toml: 'n' is refused and a row's id or alias"),
        (Tables(env={"A_API_KEY": "north"}), "env.toml: 'A_API_KEY' is decided, but not shared by rows"),
        (Tables(families={"s-*": "south"}), "families.toml: the family 's-*' belongs to 'south', which is no row"),
    ],
)
def test_a_mistake_in_a_table_is_found(tables: Tables, message: str) -> None:
    assert _found(GOOD, tables=tables) == [message]


def test_a_shared_variable_must_be_decided_among_its_rows() -> None:
    north = msgspec.structs.replace(GOOD, env=("A_API_KEY",))
    south = msgspec.structs.replace(north, id="south", alias="s")
    undecided = ["env.toml: 'A_API_KEY' is shared by north, south: say which one gets it"]
    assert _found(north, south) == undecided
    assert _found(north, south, tables=Tables(env={"A_API_KEY": "west"})) == undecided
    assert _found(north, south, tables=Tables(env={"A_API_KEY": "south"})) == []
