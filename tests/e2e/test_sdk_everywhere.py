"""Every Python SDK on every kind of upstream, over real sockets: the few things that everybody does.

What single SDKs do beside that, and what they make of errors, is in the files of their own.
"""

from collections.abc import Iterator
from typing import cast

import ollama
import pytest

from tests.support.sdk_python import CITY, HELLO, RESULT, Counting, Embedding, Sdk, sdks
from tests.support.stage import Speaks, Stage, stage
from tests.support.upstream.answer import Answer, Call, Say, Think
from tests.support.upstream.openai_embeddings import vector
from tests.support.upstream.script import Script, refused
from tests.support.upstream.server import ScriptedUpstream

NAMES = ("openai chat", "openai responses", "anthropic", "google", "ollama")
UPSTREAMS: tuple[Speaks, ...] = ("openai", "responses", "anthropic", "gemini", "ollama")
COUNTED: dict[Speaks, int] = {"anthropic": 20, "gemini": 20}
"""Upstreams that count; elsewhere the gateway's own estimate is told."""


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with ScriptedUpstream() as upstream, stage(upstream, tmp_path_factory.mktemp("gateway")) as running:
        yield running


@pytest.fixture(scope="module")
def every(behind: Stage) -> Iterator[dict[str, Sdk]]:
    with sdks(behind.url, behind.key) as made:
        yield made


@pytest.fixture(scope="module")
def served(behind: Stage) -> dict[Speaks, str]:
    """A model of each kind of upstream; none of them fails here."""
    return {speaks: behind.model(speaks) for speaks in UPSTREAMS}


@pytest.fixture(params=NAMES)
def sdk(request: pytest.FixtureRequest, every: dict[str, Sdk]) -> Sdk:
    return every[request.param]


@pytest.fixture(params=UPSTREAMS)
def model(request: pytest.FixtureRequest, behind: Stage, served: dict[Speaks, str]) -> str:
    behind.upstream.reset()
    return served[request.param]


def test_a_plain_answer_comes_whole(sdk: Sdk, model: str) -> None:
    assert sdk.plain(model) == f"echo: {HELLO}"


def test_a_stream_says_the_same(sdk: Sdk, model: str) -> None:
    assert sdk.streamed(model) == f"echo: {HELLO}"


def test_a_tool_round_is_completed(sdk: Sdk, model: str) -> None:
    arguments = {"city": "some city", "days": 7}
    assert sdk.round(model) == ([("get_weather", arguments)], f"FINAL: {RESULT}")


def test_the_models_of_all_upstreams_are_listed(sdk: Sdk, served: dict[Speaks, str]) -> None:
    listed = sdk.models()
    assert set(served.values()) <= set(listed)
    assert len(listed) == len(set(listed))
    assert listed[-1] == "demo/hello"


@pytest.mark.parametrize("name", ["openai chat", "google", "ollama"])
@pytest.mark.parametrize("speaks", ["openai", "gemini", "ollama"])
def test_texts_are_embedded(
    behind: Stage, every: dict[str, Sdk], served: dict[Speaks, str], name: str, speaks: Speaks
) -> None:
    behind.upstream.reset()
    embedding = cast(Embedding, every[name])
    assert embedding.embedded(served[speaks], ["one", "two"]) == [list(vector("one")), list(vector("two"))]
    assert len(behind.upstream.generations) == 1


@pytest.mark.parametrize("name", ["anthropic", "google"])
@pytest.mark.parametrize("speaks", UPSTREAMS)
def test_tokens_are_counted(
    behind: Stage, every: dict[str, Sdk], served: dict[Speaks, str], name: str, speaks: Speaks
) -> None:
    behind.upstream.reset()
    counted = cast(Counting, every[name]).counted(served[speaks])
    assert counted == COUNTED.get(speaks, counted)
    assert counted > 0


@pytest.fixture
def ollama_client(behind: Stage) -> Iterator[ollama.Client]:
    made = ollama.Client(host=behind.url, headers={"Authorization": f"Bearer {behind.key}"}, timeout=20)
    yield made
    made._client.close()


def test_ollamas_clients_see_thinking_and_parallel_calls(
    behind: Stage, ollama_client: ollama.Client, model: str
) -> None:
    answer = Answer(
        parts=(
            Think("I think."),
            Say("Both."),
            Call("get_weather", '{"city":"Paris","days":1}', "call_a"),
            Call("get_weather", '{"city":"Rome","days":2}', "call_b"),
        )
    )
    behind.upstream.script(Script(answer=answer))
    tools = [{"type": "function", "function": {"name": "get_weather", "parameters": CITY}}]
    lines = list(
        ollama_client.chat(
            model=model, messages=[{"role": "user", "content": HELLO}], tools=tools, stream=True, think=True
        )
    )
    calls = [call.function for line in lines for call in line.message.tool_calls or ()]
    assert "".join(line.message.thinking or "" for line in lines) == "I think."
    assert "".join(line.message.content or "" for line in lines) == "Both."
    assert [call.arguments for call in calls] == [
        {"city": "Paris", "days": 1},
        {"city": "Rome", "days": 2},
    ]
    assert (lines[-1].done_reason, lines[-1].eval_count) == ("stop", 7)


@pytest.mark.parametrize("status", [400, 401, 429, 500])
def test_a_refusal_is_ollamas_own_error(behind: Stage, ollama_client: ollama.Client, status: int) -> None:
    one = behind.model("anthropic")
    behind.upstream.default = refused(status, "the script says no")
    with pytest.raises(ollama.ResponseError, match="the script says no") as raised:
        ollama_client.chat(model=one, messages=[{"role": "user", "content": HELLO}])
    assert raised.value.status_code == status


def test_what_only_ollama_understands_goes_to_ollama_only(
    behind: Stage, ollama_client: ollama.Client, served: dict[Speaks, str]
) -> None:
    for speaks in ("ollama", "openai", "gemini"):
        behind.upstream.reset()
        told = ollama_client.embed(
            model=served[speaks], input="one", truncate=True, keep_alive="5m", options={"num_ctx": 9}
        )
        assert list(told.embeddings[0]) == list(vector("one"))
        sent = behind.upstream.only().json
        own = {"truncate", "keep_alive", "options"} & set(sent)
        assert own == ({"truncate", "keep_alive", "options"} if speaks == "ollama" else set())
