"""Rows come from their files, whatever the bundle remembers."""

import tomllib
from importlib.resources import files
from pathlib import Path

import msgspec
import pytest

from omniroute.catalog.bundle import bundle
from omniroute.catalog.loader import CatalogError, Row, bundled, load, read, rows
from omniroute.catalog.provider import Operation, Provider

TOML = """
id = "north"
alias = "n"
name = "North"
base_url = "https://north.example.com/v1"

[operations]
chat = { codec = "openai_chat" }
"""
NORTH = Provider(
    id="north",
    alias="n",
    name="North",
    base_url="https://north.example.com/v1",
    operations={"chat": Operation(codec="openai_chat")},
)


def test_a_row_is_what_its_file_says() -> None:
    folder = files("omniroute.catalog") / "providers"
    parsed = {
        file.name: msgspec.convert(tomllib.loads(file.read_text(encoding="utf-8")), Provider)
        for file in folder.iterdir()
    }
    assert {f"{row.file}.toml": row.provider for row in rows()} == parsed


def test_the_bundle_is_fresh() -> None:
    kept = (files("omniroute.catalog") / "bundle.json").read_text(encoding="utf-8")
    assert kept == bundle(rows()), "run `make catalog`"


def test_a_changed_file_wins_over_the_bundle(tmp_path: Path) -> None:
    (tmp_path / "north.toml").write_text(TOML, encoding="utf-8")
    stale = Row("north", 1, msgspec.structs.replace(NORTH, name="Old"))
    assert [row.provider for row in read(tmp_path, {"north": stale})] == [NORTH]


def test_an_unchanged_file_is_taken_from_the_bundle(tmp_path: Path) -> None:
    (tmp_path / "north.toml").write_text(TOML, encoding="utf-8")
    (row,) = read(tmp_path, {})
    remembered = Row("north", row.crc, msgspec.structs.replace(NORTH, name="Remembered"))
    assert list(read(tmp_path, {"north": remembered})) == [remembered]


@pytest.mark.parametrize("body", [b"", b"[", b'[{"file":"a"}]', b"\xff"])
def test_a_bundle_that_cannot_be_read_is_no_bundle(tmp_path: Path, body: bytes) -> None:
    (tmp_path / "bundle.json").write_bytes(body)
    assert bundled(tmp_path / "bundle.json") == {}


def test_a_bundle_that_is_not_there_is_no_bundle(tmp_path: Path) -> None:
    assert bundled(tmp_path / "bundle.json") == {}


@pytest.mark.parametrize(
    ("body", "member"),
    [
        (b"id = ", "Invalid value"),
        (b"\xff", "utf-8"),
        (TOML.replace("name", "nmae").encode(), "nmae"),
        (TOML.replace('"openai_chat"', "3").encode(), "$.operations[...].codec"),
    ],
)
def test_a_broken_file_is_named_with_what_is_wrong(tmp_path: Path, body: bytes, member: str) -> None:
    (tmp_path / "north.toml").write_bytes(body)
    with pytest.raises(CatalogError) as caught:
        list(read(tmp_path, {}))
    assert "north.toml" in str(caught.value)
    assert member in str(caught.value)


def test_other_files_in_the_folder_are_not_rows(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("not a row", encoding="utf-8")
    assert list(read(tmp_path, {})) == []


def test_the_demo_is_the_last_provider() -> None:
    assert list(load().providers)[-1] == "demo"
