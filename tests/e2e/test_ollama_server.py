"""What Ollama's own client asks of a server beside text, over real sockets."""

from collections.abc import Iterator

import ollama
import pytest

from tests.support.asking import ask
from tests.support.stage import Stage, stage
from tests.support.upstream.server import ScriptedUpstream


@pytest.fixture(scope="module")
def on(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with ScriptedUpstream() as upstream, stage(upstream, tmp_path_factory.mktemp("ollama")) as made:
        yield made


@pytest.fixture
def client(on: Stage) -> Iterator[ollama.Client]:
    with ollama.Client(host=on.url, headers={"Authorization": f"Bearer {on.key}"}) as made:
        yield made


def test_a_model_is_shown_in_full(on: Stage, client: ollama.Client) -> None:
    shown = client.show("demo/hello")
    assert shown.capabilities is not None
    assert "completion" in shown.capabilities
    assert (shown.modelinfo or {})["general.architecture"] == "demo"
    with pytest.raises(ollama.ResponseError) as raised:
        client.show("nobody/knows")
    assert raised.value.status_code == 404


def test_a_model_without_a_name_is_refused(on: Stage) -> None:
    reply = ask(on.url, "/api/show", {}, headers={"Authorization": f"Bearer {on.key}"})
    assert reply.status == 400
    assert "name of a model" in reply.json["error"]


def test_nothing_is_loaded_here(client: ollama.Client) -> None:
    assert list(client.ps().models) == []


@pytest.mark.parametrize("path", ["/api/version", "/v1/api/version"])
def test_the_version_is_told_to_who_may_ask(on: Stage, path: str) -> None:
    reply = ask(on.url, path, None, method="GET", headers={"Authorization": f"Bearer {on.key}"})
    assert (reply.status, set(reply.json)) == (200, {"version"})
    assert ask(on.url, path, None, method="GET", headers={"Authorization": "Bearer wrong"}).status == 401


def test_one_text_is_embedded_as_older_clients_ask(on: Stage, client: ollama.Client) -> None:
    model = on.model("openai")
    vector = client.embeddings(model=model, prompt="some words").embedding
    assert list(vector) == list(client.embed(model=model, input="some words").embeddings[0])
    with pytest.raises(ollama.ResponseError, match="prompt"):
        client.embeddings(model=model, prompt="")
