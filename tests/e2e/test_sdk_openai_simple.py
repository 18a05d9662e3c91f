"""The OpenAI SDK for Python, over real sockets, in what it does beside chat: embeddings, completions, moderations,
speech. Straight at the scripted upstream and through the gateway."""

from collections.abc import Iterator

import openai
import pytest

from tests.support.asking import ask
from tests.support.stage import Site, Stage, direct, stage
from tests.support.upstream.openai_embeddings import vector
from tests.support.upstream.script import Cut, Refuse, Script, refused
from tests.support.upstream.server import ScriptedUpstream
from tests.support.upstream.simple import SOUND


@pytest.fixture(scope="module")
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as running:
        yield running


@pytest.fixture(scope="module")
def behind(upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(upstream, tmp_path_factory.mktemp("gateway")) as running:
        yield running


@pytest.fixture(params=["direct", "gateway"])
def site(request: pytest.FixtureRequest, upstream: ScriptedUpstream) -> Site:
    if request.param == "direct":
        return direct(upstream, "openai")
    return request.getfixturevalue("behind").site("openai")


@pytest.fixture(scope="module")
def clients() -> Iterator[dict[str, openai.OpenAI]]:
    made: dict[str, openai.OpenAI] = {}
    yield made
    for client in made.values():
        client.close()


def client_of(clients: dict[str, openai.OpenAI], site: Site) -> openai.OpenAI:
    if site.url not in clients:
        clients[site.url] = openai.OpenAI(base_url=f"{site.url}/v1", api_key=site.key, max_retries=0, timeout=20)
    return clients[site.url]


@pytest.fixture
def client(site: Site, clients: dict[str, openai.OpenAI]) -> openai.OpenAI:
    return client_of(clients, site)


def test_embeddings_come_as_numbers_whatever_travels(site: Site, client: openai.OpenAI) -> None:
    answer = client.embeddings.create(model=site.model, input=["one", "two"])
    assert [one.embedding for one in answer.data] == [list(vector("one")), list(vector("two"))]
    assert [one.index for one in answer.data] == [0, 1]
    assert answer.model == site.model
    assert answer.usage.prompt_tokens == 20
    sent = site.upstream.only().json
    assert (sent["model"], sent["input"]) == ("scripted-small", ["one", "two"])
    assert sent["encoding_format"] == "base64"


def test_embeddings_of_tokens_in_few_dimensions_are_passed_on(site: Site, client: openai.OpenAI) -> None:
    answer = client.embeddings.create(
        model=site.model, input=[[1, 2], [3]], dimensions=3, encoding_format="float", user="u"
    )
    assert [len(one.embedding) for one in answer.data] == [3, 3]
    assert site.upstream.only().json["user"] == "u"


def test_a_provider_that_knows_no_base64_is_asked_again_without_it(
    behind: Stage, clients: dict[str, openai.OpenAI]
) -> None:
    site = behind.site("openai")
    site.upstream.script(refused(400, "encoding_format is not supported"))
    answer = client_of(clients, site).embeddings.create(model=site.model, input="one")
    assert answer.data[0].embedding == list(vector("one"))
    assert ["encoding_format" in one.json for one in site.upstream.generations] == [True, False]


def test_a_client_that_asked_for_base64_gets_it_from_a_provider_of_numbers(behind: Stage) -> None:
    site = behind.site("openai")
    site.upstream.script(refused(422, "Extra inputs are not permitted: encoding_format"))
    body = {"model": site.model, "input": "one", "encoding_format": "base64"}
    answer = ask(site.url, "/v1/embeddings", body, headers={"Authorization": f"Bearer {site.key}"})
    assert isinstance(answer.json["data"][0]["embedding"], str)


def test_the_second_account_answers_when_the_first_is_limited(
    behind: Stage, clients: dict[str, openai.OpenAI]
) -> None:
    model = behind.model("openai", keys=("sk-one", "sk-two"))
    upstream = behind.upstream
    upstream.script(refused(429, "slow down", ("Retry-After", "30")))
    client = openai.OpenAI(base_url=f"{behind.url}/v1", api_key=behind.key, max_retries=0, timeout=20)
    with client:
        raw = client.embeddings.with_raw_response.create(model=model, input="one")
        assert raw.headers["x-omniroute-attempts"] == "2"
        assert raw.parse().data[0].embedding == list(vector("one"))
        client.embeddings.create(model=model, input="two")
    used = [one.request.header("authorization") for one in upstream.generations]
    assert used == ["Bearer sk-one", "Bearer sk-two", "Bearer sk-two"]


def test_a_limit_that_nobody_can_get_around_is_raised_with_its_end(
    behind: Stage, clients: dict[str, openai.OpenAI]
) -> None:
    site = behind.site("openai")
    site.upstream.default = refused(429, "slow down", ("Retry-After", "30"))
    with pytest.raises(openai.RateLimitError, match="slow down") as caught:
        client_of(clients, site).embeddings.create(model=site.model, input="one")
    assert caught.value.response.headers["retry-after"] == "30"


def test_a_completion_comes_whole(site: Site, client: openai.OpenAI) -> None:
    answer = client.completions.create(model=site.model, prompt="Once upon", max_tokens=9)
    assert answer.choices[0].text == "echo: Once upon"
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 7
    assert site.upstream.only().json == {"model": "scripted-small", "prompt": "Once upon", "max_tokens": 9}


def test_a_streamed_completion_says_the_same(site: Site, client: openai.OpenAI) -> None:
    chunks = client.completions.create(
        model=site.model, prompt="Once", stream=True, stream_options={"include_usage": True}
    )
    seen = list(chunks)
    assert "".join(chunk.choices[0].text for chunk in seen if chunk.choices) == "echo: Once"
    assert seen[-1].usage is not None
    assert seen[-1].usage.prompt_tokens == 20


def test_a_streamed_completion_that_is_cut_is_raised(behind: Stage, clients: dict[str, openai.OpenAI]) -> None:
    site = behind.site("openai")
    site.upstream.script(Script(fault=Cut(2)))
    with pytest.raises(openai.APIError):
        list(client_of(clients, site).completions.create(model=site.model, prompt="Once", stream=True))


def test_a_text_is_moderated(site: Site, client: openai.OpenAI) -> None:
    answer = client.moderations.create(model=site.model, input="an attack")
    assert answer.results[0].flagged
    assert answer.results[0].categories.violence


def test_speech_comes_as_the_bytes_that_were_sent(site: Site, client: openai.OpenAI) -> None:
    answer = client.audio.speech.create(model=site.model, voice="alloy", input="Say it.")
    assert answer.content == SOUND
    assert answer.response.headers["content-type"] == "audio/mpeg"
    assert site.upstream.only().json == {"model": "scripted-small", "voice": "alloy", "input": "Say it."}


def test_speech_is_heard_while_it_is_spoken(site: Site, client: openai.OpenAI) -> None:
    with client.audio.speech.with_streaming_response.create(
        model=site.model, voice="alloy", input="Say it."
    ) as answer:
        assert b"".join(answer.iter_bytes(512)) == SOUND


def test_speech_that_is_cut_does_not_look_complete(behind: Stage, clients: dict[str, openai.OpenAI]) -> None:
    site = behind.site("openai")
    site.upstream.script(Script(fault=Cut(3)))
    with pytest.raises(openai.APIError):
        client_of(clients, site).audio.speech.create(model=site.model, voice="alloy", input="Say it.")


def test_a_refusal_of_the_provider_is_raised(site: Site, client: openai.OpenAI) -> None:
    site.upstream.script(Script(fault=Refuse(status=400, message="no such voice")))
    with pytest.raises(openai.BadRequestError, match="no such voice"):
        client.audio.speech.create(model=site.model, voice="nobody", input="Say it.")


def test_documents_are_ranked_in_the_shape_of_the_provider(behind: Stage) -> None:
    site = behind.site("openai")
    body = {"model": site.model, "query": "cat", "documents": ["a dog", "a cat"], "top_n": 2}
    answer = ask(site.url, "/v1/rerank", body, headers={"Authorization": f"Bearer {site.key}"})
    assert [one["index"] for one in answer.json["results"]] == [1, 0]
    assert site.upstream.only().json["top_n"] == 2


@pytest.mark.parametrize("path", ["/v1/embeddings", "/embeddings", "/api/v1/embeddings", "/v1/v1/embeddings"])
def test_embeddings_are_found_wherever_clients_look(behind: Stage, path: str) -> None:
    site = behind.site("openai")
    body = {"model": site.model, "input": "one"}
    answer = ask(site.url, path, body, headers={"Authorization": f"Bearer {site.key}"})
    assert (answer.status, answer.json["model"]) == (200, site.model)


def test_the_route_of_a_provider_needs_no_prefix(behind: Stage) -> None:
    site = behind.site("openai")
    prefix, _, bare = site.model.partition("/")
    headers = {"Authorization": f"Bearer {site.key}"}
    path = f"/v1/providers/{prefix}/embeddings"
    answer = ask(site.url, path, {"model": bare, "input": "one"}, headers=headers)
    assert (answer.status, answer.json["model"]) == (200, site.model)


def test_a_provider_without_the_operation_says_so(behind: Stage) -> None:
    model = behind.model("anthropic")
    headers = {"Authorization": f"Bearer {behind.key}"}
    answer = ask(behind.url, "/v1/embeddings", {"model": model, "input": "one"}, headers=headers)
    assert (answer.status, answer.json["error"]["code"]) == (400, "unsupported_operation")


def test_a_wrong_key_is_refused(behind: Stage) -> None:
    answer = ask(
        behind.url,
        "/v1/embeddings",
        {"model": "openai/x", "input": "one"},
        headers={"Authorization": "Bearer sk-no"},
    )
    assert (answer.status, answer.json["error"]["code"]) == (401, "invalid_api_key")


def test_a_node_for_embeddings_serves_embeddings_and_nothing_else(behind: Stage) -> None:
    behind.upstream.reset()
    admin = behind.gateway.admin
    described = {
        "name": "vectors",
        "prefix": "vec",
        "apiType": "embeddings",
        "baseUrl": f"{behind.upstream.url}/v1/embeddings",
    }
    node = admin("POST", "/api/provider-nodes", described)["node"]
    assert node["baseUrl"] == f"{behind.upstream.url}/v1"
    made = admin("POST", "/api/providers", {"provider": node["id"], "name": "v", "apiKey": "k"})["connection"]
    assert admin("POST", f"/api/providers/{made['id']}/test")["valid"]
    headers = {"Authorization": f"Bearer {behind.key}"}
    body = {"model": "vec/scripted-small", "input": "one"}
    assert ask(behind.url, "/v1/embeddings", body, headers=headers).json["model"] == "vec/scripted-small"
    chat = {"model": "vec/scripted-small", "messages": [{"role": "user", "content": "hi"}]}
    refused = ask(behind.url, "/v1/chat/completions", chat, headers=headers)
    assert (refused.status, refused.json["error"]["code"]) == (400, "unsupported_operation")


def test_the_list_of_embedding_models_holds_those_of_active_connections(behind: Stage) -> None:
    admin = behind.gateway.admin
    admin("POST", "/api/providers", {"provider": "mistral", "name": "m", "apiKey": "k-never-used"})
    headers = {"Authorization": f"Bearer {behind.key}"}
    listed = ask(behind.url, "/v1/embeddings", headers=headers).json["data"]
    found = {model["id"]: model for model in listed}
    assert found["mistral/mistral-embed"]["type"] == "embedding"
    assert found["mistral/mistral-embed"]["dimensions"] == 1024
    assert all(model["type"] == "embedding" for model in listed)
    everything = {model["id"]: model for model in ask(behind.url, "/v1/models", headers=headers).json["data"]}
    assert everything["mistral/mistral-embed"]["type"] == "embedding"


@pytest.mark.parametrize(("kind", "base"), [("gemini-compatible", "/v1beta"), ("ollama-compatible", "")])
def test_embeddings_of_another_making_come_all_the_same(behind: Stage, kind: str, base: str) -> None:
    behind.upstream.reset()
    prefix = behind.gateway.provider(kind, f"{behind.upstream.url}{base}")
    with openai.OpenAI(base_url=f"{behind.url}/v1", api_key=behind.key, max_retries=0, timeout=20) as client:
        answer = client.embeddings.create(model=f"{prefix}/scripted-small", input=["one", "two"], dimensions=4)
    assert [one.embedding for one in answer.data] == [list(vector("one", 4)), list(vector("two", 4))]
    assert answer.model == f"{prefix}/scripted-small"
