"""The rows that ship: consistent, honest about what is verified, and the only place that names a provider."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import omniroute
from omniroute.catalog.check import findings
from omniroute.catalog.loader import load, rows, tables
from omniroute.catalog.lookup import VERIFIED, Refused, counts
from omniroute.catalog.provider import Auth
from omniroute.catalog.reference import page
from omniroute.dialects.quirks.registry import QUIRKS
from omniroute.dialects.registry import DIALECTS, UPSTREAMS
from omniroute.dialects.simple.registry import CODECS as SIMPLE

CODECS = {*DIALECTS, *UPSTREAMS}
DIALECT_WORDS = {"openai", "anthropic", "gemini", "ollama", "cohere", "demo"}
"""Ids that are also the name of a dialect, or of the transport that answers by itself."""
HOMONYMS = {"meta"}
"""Ids that are ordinary words too (a table's name); as a model's prefix they count all the same."""

EVERYTHING = load()
SERVED = EVERYTHING.served(False)


def test_the_rows_and_tables_have_no_findings() -> None:
    assert findings(rows(), tables(), codecs=CODECS, quirks=QUIRKS, simple=SIMPLE) == ()


def test_only_the_demo_claims_to_have_been_called_and_no_row_claims_a_document() -> None:
    assert [row.id for row in EVERYTHING.providers.values() if row.verified in ("live", "document")] == ["demo"]


def test_every_verified_row_is_on() -> None:
    assert [row.id for row in EVERYTHING.providers.values() if row.verified in VERIFIED and not row.default] == []


def test_a_subscription_key_is_never_taken_from_the_environment() -> None:
    assert [row.id for row in EVERYTHING.providers.values() if "coding-plan" in row.tags and row.env] == []


def test_every_row_is_found_by_its_id_and_its_alias() -> None:
    for row in EVERYTHING.providers.values():
        assert (EVERYTHING.resolve(row.id), EVERYTHING.resolve(row.alias)) == (row, row)


def test_the_reserved_aliases_mean_the_vendors_own_apis() -> None:
    reserved = ("cc", "claude", "cx", "codex", "gc", "gemini-cli", "gh", "github")
    homes = ("anthropic", "anthropic", "openai", "openai", "gemini", "gemini", "github-models", "github-models")
    assert [SERVED.resolve(prefix) for prefix in reserved] == [SERVED.providers[home] for home in homes]


def test_what_would_need_impersonation_is_refused_with_a_reason() -> None:
    table = tables()
    assert len(table.refused) == 51
    refused = {name for name in table.refused if isinstance(SERVED.resolve(name), Refused)}
    assert refused == table.refused.keys() - table.aliases.keys()


def test_a_refusal_only_recommends_what_is_served() -> None:
    found = {re.search(r"use '(.+)' with an API key", reason) for reason in tables().refused.values()}
    recommended = {match[1] for match in found if match}
    assert {"openai", "gemini"} <= recommended <= SERVED.providers.keys()


def test_anthropic_wires_carry_the_version_that_the_protocol_demands() -> None:
    versions = {
        row.headers.get("anthropic-version")
        for row in EVERYTHING.providers.values()
        if "chat" in row.operations and row.operations["chat"].codec == "anthropic"
    }
    assert versions == {"2023-06-01"}


def test_minimax_takes_a_bearer_token_on_every_wire_1076() -> None:
    ids = ("minimax", "minimax-anthropic", "minimax-cn")
    assert [EVERYTHING.providers[provider].auth for provider in ids] == [Auth(kind="bearer")] * 3


def test_a_known_key_in_the_environment_is_armed() -> None:
    environ = {"OPENAI_API_KEY": "a", "GEMINI_API_KEY": "b", "ZHIPU_API_KEY": "c", "GITHUB_TOKEN": "d"}
    armed = [(provider.id, variable) for provider, variable in SERVED.armed(environ)]
    assert armed == [("openai", "OPENAI_API_KEY"), ("gemini", "GEMINI_API_KEY"), ("zai", "ZHIPU_API_KEY")]


def test_the_reference_page_is_fresh() -> None:
    kept = Path(__file__).parents[3] / "docs" / "reference" / "providers.md"
    assert kept.read_text(encoding="utf-8") == page(EVERYTHING), "run `make catalog`"


def test_the_reference_page_shows_every_row_once_and_the_counted_numbers() -> None:
    text = page(EVERYTHING)
    numbers = counts(EVERYTHING)
    assert [row.id for row in EVERYTHING.providers.values() if text.count(f"\n| `{row.id}` |") != 1] == []
    assert f"{numbers.served} providers are served by default, {numbers.verified} of them verified" in text


def _named(source: str, names: set[str]) -> Iterator[str]:
    """The names that appear in code as a string of their own or as the prefix of a model."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Constant) and isinstance(node.value, str)):
            continue
        prefix, slash, _ = node.value.partition("/")
        if prefix in names and (slash or prefix not in HOMONYMS):
            yield node.value


def test_a_provider_is_named_only_in_its_row_and_the_tables() -> None:
    names = {row.id for row in EVERYTHING.providers.values()} - DIALECT_WORDS
    root = Path(omniroute.__file__).parent
    found = {
        str(file.relative_to(root)): sorted(_named(file.read_text(encoding="utf-8"), names))
        for file in root.rglob("*.py")
    }
    assert {file: named for file, named in found.items() if named} == {}


@pytest.mark.parametrize(
    ("source", "named"),
    [
        ('x = "groq"', ["groq"]),
        ('x = "groq/llama"', ["groq/llama"]),
        ('"""groq is fast"""', []),
        ('x = "openrouter-ish"', []),
        ('x = "meta"', []),
        ('x = "meta/llama"', ["meta/llama"]),
    ],
)
def test_naming_a_provider_in_code_is_seen(source: str, named: list[str]) -> None:
    assert list(_named(source, {"groq", "openrouter", "meta"})) == named
