"""What a list says about models that do not chat."""

import msgspec
import pytest

from omniroute.accounts.connection import Connection
from omniroute.accounts.discovery import Discovery
from omniroute.catalog.lookup import Tables, catalog
from omniroute.catalog.models import models_from_modelsdev
from omniroute.catalog.provider import Auth, Operation, OperationName, Provider
from omniroute.snapshot.model import Snapshot
from omniroute.surfaces.listing import OPENAI, Listed
from omniroute.surfaces.models import listed
from omniroute.upstream.scripted import Answer, ScriptedTransport
from tests.unit.pipeline.stage import Clock

NORTH = Provider(
    id="north",
    alias="n",
    name="North",
    base_url="https://north.test/v1",
    models_dev="north",
    operations={
        "chat": Operation(codec="openai_chat"),
        "embeddings": Operation(codec="embeddings", dimensions={"vectors-1": 768}),
        "speech": Operation(codec="speech", models=("voice-1",)),
    },
)
SOUTH = Provider(
    id="south",
    alias="sou",
    name="South",
    base_url="https://south.test/v1",
    auth=Auth(optional=True),
    node=True,
    operations={"chat": Operation(codec="openai_chat"), "embeddings": Operation(codec="embeddings")},
)
GIVEN = {"north": {"models": {"talker": {"name": "Talker"}, "north-embed": {"name": "Embed"}}}}


async def shown() -> dict[str, dict[str, object]]:
    known = catalog([NORTH], Tables())
    connections = {row.id: (Connection(id=row.id, provider=row.id, name=row.id),) for row in (NORTH, SOUTH)}
    snapshot = Snapshot(
        revision=1,
        grants={},
        connections=connections,
        by_id={one.id: one for several in connections.values() for one in several},
        providers={"north": NORTH, "south": SOUTH},
        password_set=True,
        settings={},
    )
    body = b'{"data":[{"id":"nomic-embed-text"},{"id":"llama"}]}'
    discovery = Discovery(ScriptedTransport(Answer(chunks=(body,))), Clock())
    await discovery.refresh([(SOUTH, connections["south"][0])])
    table = models_from_modelsdev(msgspec.json.encode(GIVEN), known)
    return {model.id: OPENAI.one(model) for model in listed(snapshot, table, discovery)}


async def test_a_model_that_a_row_names_has_its_type_and_its_dimensions() -> None:
    models = await shown()
    assert (models["north/vectors-1"]["type"], models["north/vectors-1"]["dimensions"]) == ("embedding", 768)
    assert (models["north/voice-1"]["type"], models["north/voice-1"]["subtype"]) == ("audio", "speech")


async def test_a_model_that_chats_has_no_type() -> None:
    models = await shown()
    assert "type" not in models["north/talker"]
    assert "type" not in models["sou/llama"]


async def test_what_is_not_known_is_told_by_its_name() -> None:
    models = await shown()
    assert models["north/north-embed"]["type"] == models["sou/nomic-embed-text"]["type"] == "embedding"
    assert "dimensions" not in models["north/north-embed"]


@pytest.mark.parametrize(
    ("operation", "kind"), [("images", "image"), ("rerank", "rerank"), ("moderations", "moderation")]
)
def test_every_operation_has_a_word(operation: OperationName, kind: str) -> None:
    assert OPENAI.one(Listed(id="a/b", owner="a", name="b", operation=operation))["type"] == kind
