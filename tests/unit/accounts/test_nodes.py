"""What a node serves: everything that its upstream may have, or the one thing that it was described for."""

import pytest

from omniroute.accounts.nodes import provider_of
from omniroute.dialects.registry import DIALECTS
from omniroute.dialects.simple.registry import CODECS
from omniroute.storage.repos.nodes import NodeRow

SIMPLE = {"embeddings", "images", "transcription", "speech", "completions", "moderations", "rerank"}
KINDS = [
    ("openai-compatible", "chat", {"chat", *SIMPLE}),
    ("openai-compatible", "responses", {"chat", *SIMPLE}),
    ("openai-compatible", "embeddings", {"embeddings"}),
    ("openai-compatible", "images-generations", {"images"}),
    ("openai-compatible", "audio-transcriptions", {"transcription"}),
    ("openai-compatible", "audio-speech", {"speech"}),
    ("anthropic-compatible", None, {"chat"}),
    ("gemini-compatible", None, {"chat", "embeddings"}),
    ("ollama-compatible", None, {"chat", "embeddings"}),
]


def node(kind: str, api_type: str | None, chat_path: str | None = None) -> NodeRow:
    return NodeRow(
        id="n",
        type=kind,
        name="Node",
        prefix="no",
        api_type=api_type,
        base_url="http://127.0.0.1:9/v1",
        chat_path=chat_path,
        models_path=None,
        created_at=0,
        updated_at=0,
    )


@pytest.mark.parametrize(("kind", "api_type", "served"), KINDS)
def test_a_node_serves_what_its_upstream_has(kind: str, api_type: str | None, served: set[str]) -> None:
    assert provider_of(node(kind, api_type)).operations.keys() == served


@pytest.mark.parametrize(("kind", "api_type", "served"), KINDS)
def test_every_operation_of_a_node_has_a_codec(kind: str, api_type: str | None, served: set[str]) -> None:
    for name, operation in provider_of(node(kind, api_type)).operations.items():
        assert operation.codec in (DIALECTS if name == "chat" else CODECS)


@pytest.mark.parametrize(("kind", "api_type", "served"), KINDS)
def test_a_path_of_its_own_is_for_the_operation_that_the_node_is_about(
    kind: str, api_type: str | None, served: set[str]
) -> None:
    operations = provider_of(node(kind, api_type, "/own")).operations
    paths = {name: operation.path for name, operation in operations.items()}
    main = "chat" if "chat" in served else next(iter(served))
    assert paths == dict.fromkeys(served) | {main: "/own"}
