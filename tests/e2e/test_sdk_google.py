"""Google's SDK for Python, over real sockets, gets the same from the gateway as from Google itself.

Every cell runs four times: at the scripted upstream itself (which shows that the test asks for what Google does),
and through the gateway on an upstream of each of three dialects.
"""

from collections.abc import Iterator

import pytest
from google import genai
from google.genai import errors, types

from tests.support.pictures import png
from tests.support.stage import Site, Stage, direct, stage
from tests.support.upstream.answer import Answer, Call, Say, Think, said
from tests.support.upstream.script import Cut, ErrorEvent, Script, refused
from tests.support.upstream.server import ScriptedUpstream

WEATHER = types.Tool(
    function_declarations=[
        types.FunctionDeclaration(
            name="get_weather",
            description="The weather in a city",
            parameters=types.Schema(
                type=types.Type.OBJECT,
                properties={
                    "city": types.Schema(type=types.Type.STRING),
                    "days": types.Schema(type=types.Type.INTEGER),
                },
                required=["city", "days"],
            ),
        )
    ]
)
WITH_TOOLS = types.GenerateContentConfig(tools=[WEATHER])


@pytest.fixture(scope="module")
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as running:
        yield running


@pytest.fixture(scope="module")
def behind(upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(upstream, tmp_path_factory.mktemp("gateway")) as running:
        yield running


@pytest.fixture(params=["direct", "gemini", "openai", "anthropic"])
def site(request: pytest.FixtureRequest, upstream: ScriptedUpstream) -> Site:
    if request.param == "direct":
        return direct(upstream, "gemini")
    return request.getfixturevalue("behind").site(request.param)


@pytest.fixture(scope="module")
def clients() -> Iterator[dict[tuple[str, str], genai.Client]]:
    """One client for each URL and version: making one costs more than most tests do with it."""
    made: dict[tuple[str, str], genai.Client] = {}
    yield made
    for client in made.values():
        client.close()


@pytest.fixture
def client(site: Site, clients: dict[tuple[str, str], genai.Client]) -> genai.Client:
    """Both versions of the API are the same here; each is asked for."""
    where = (site.url, "v1" if site.speaks == "openai" else "v1beta")
    if where not in clients:
        options = types.HttpOptions(base_url=site.url, api_version=where[1], timeout=20_000)
        clients[where] = genai.Client(api_key=site.key, http_options=options)
    return clients[where]


def text_of(answer: types.GenerateContentResponse) -> str:
    assert answer.candidates is not None
    assert answer.candidates[0].content is not None
    return "".join(part.text or "" for part in answer.candidates[0].content.parts or () if not part.thought)


def ask(client: genai.Client, site: Site, *, streams: bool) -> None:
    if streams:
        list(client.models.generate_content_stream(model=site.model, contents="hello there"))
    else:
        client.models.generate_content(model=site.model, contents="hello there")


def test_a_plain_answer_comes_whole(site: Site, client: genai.Client) -> None:
    answer = client.models.generate_content(model=site.model, contents="hello there")
    assert answer.text == "echo: hello there"
    assert answer.candidates is not None
    assert answer.candidates[0].finish_reason == types.FinishReason.STOP
    assert answer.model_version == "scripted-small"
    usage = answer.usage_metadata
    assert usage is not None
    assert (usage.prompt_token_count, usage.cached_content_token_count) == (20, 5)
    assert (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0) == 7


def test_a_stream_says_the_same_as_a_plain_answer(site: Site, client: genai.Client) -> None:
    chunks = list(client.models.generate_content_stream(model=site.model, contents="hello there"))
    assert len(chunks) > 2
    assert "".join(map(text_of, (chunk for chunk in chunks if chunk.text))) == "echo: hello there"
    assert chunks[-1].candidates is not None
    assert chunks[-1].candidates[0].finish_reason == types.FinishReason.STOP
    assert chunks[-1].usage_metadata is not None
    assert chunks[-1].usage_metadata.prompt_token_count == 20


@pytest.mark.parametrize("streams", [False, True], ids=["plain", "stream"])
def test_a_tool_round_is_completed(site: Site, client: genai.Client, streams: bool) -> None:
    site.upstream.script(
        Script(
            answer=Answer(
                parts=(
                    Say("I will look both up."),
                    Call("get_weather", '{"city":"Paris","days":1}', "call_paris", pieces=4),
                    Call("get_weather", '{"city":"Rome","days":2}', "call_rome", pieces=1),
                )
            )
        )
    )
    question = types.UserContent("hello there")
    if streams:
        chunks = list(
            client.models.generate_content_stream(model=site.model, contents=question, config=WITH_TOOLS)
        )
    else:
        chunks = [client.models.generate_content(model=site.model, contents=question, config=WITH_TOOLS)]
    parts = [
        part
        for chunk in chunks
        if chunk.candidates and chunk.candidates[0].content
        for part in chunk.candidates[0].content.parts or ()
    ]
    calls = [part.function_call for part in parts if part.function_call]
    assert [(call.name, call.args) for call in calls] == [
        ("get_weather", {"city": "Paris", "days": 1}),
        ("get_weather", {"city": "Rome", "days": 2}),
    ]
    results = [
        types.Part(
            function_response=types.FunctionResponse(id=call.id, name=call.name, response={"output": "21 degrees"})
        )
        for call in calls
    ]
    last = client.models.generate_content(
        model=site.model,
        contents=[question, types.ModelContent(parts), types.UserContent(results)],
        config=WITH_TOOLS,
    )
    assert last.text == "FINAL: 21 degrees / 21 degrees"


def test_an_instruction_and_sampling_reach_the_upstream(site: Site, client: genai.Client) -> None:
    config = types.GenerateContentConfig(
        system_instruction="Be brief.", temperature=0.5, max_output_tokens=123, stop_sequences=["END"]
    )
    client.models.generate_content(model=site.model, contents="hello there", config=config)
    sent = site.upstream.only().json
    match site.speaks:
        case "gemini":
            said_so = sent["systemInstruction"]["parts"][0]["text"]
            asked = sent["generationConfig"]
            told = (asked["temperature"], asked["maxOutputTokens"], asked["stopSequences"])
        case "openai":
            said_so = sent["messages"][0]["content"]
            told = (sent["temperature"], sent["max_tokens"], sent["stop"])
        case "anthropic":
            said_so = sent["system"] if isinstance(sent["system"], str) else sent["system"][0]["text"]
            told = (sent["temperature"], sent["max_tokens"], sent["stop_sequences"])
    assert (said_so, told) == ("Be brief.", (0.5, 123, ["END"]))


def test_an_image_arrives_unharmed(site: Site, client: genai.Client) -> None:
    image = types.Part.from_bytes(data=png(), mime_type="image/png")
    answer = client.models.generate_content(model=site.model, contents=types.UserContent([image]))
    assert answer.text == f"saw image/png {len(png())} bytes"


def test_thoughts_arrive(site: Site, client: genai.Client) -> None:
    site.upstream.script(Script(answer=Answer(parts=(Think("I think."), Say("Done.")))))
    thinking = types.ThinkingConfig(include_thoughts=True, thinking_budget=2048)
    answer = client.models.generate_content(
        model=site.model,
        contents="hello there",
        config=types.GenerateContentConfig(thinking_config=thinking, max_output_tokens=8000),
    )
    assert answer.candidates is not None
    assert answer.candidates[0].content is not None
    parts = answer.candidates[0].content.parts or []
    assert [part.text for part in parts if part.thought] == ["I think."]
    assert text_of(answer) == "Done."


@pytest.mark.parametrize("streams", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize(
    ("status", "word"),
    [(400, "INVALID_ARGUMENT"), (401, "UNAUTHENTICATED"), (429, "RESOURCE_EXHAUSTED"), (500, "INTERNAL")],
)
def test_a_refusal_is_the_sdks_own_error(
    site: Site, client: genai.Client, status: int, word: str, streams: bool
) -> None:
    site.upstream.default = refused(status, "the script says no")
    with pytest.raises(errors.ClientError if status < 500 else errors.ServerError) as raised:
        ask(client, site, streams=streams)
    assert (raised.value.code, raised.value.status) == (status, word)
    assert "the script says no" in (raised.value.message or "")


def test_a_stream_that_is_cut_never_looks_successful(site: Site, client: genai.Client) -> None:
    site.upstream.default = Script(answer=said("one two three four", pieces=6), fault=Cut(5))
    if site.direct:
        expected: type[Exception] = Exception
    else:
        expected = errors.ServerError
    with pytest.raises(expected, match=r"closed|ended"):
        ask(client, site, streams=True)


def test_an_error_event_of_the_upstream_is_raised(site: Site, client: genai.Client) -> None:
    site.upstream.default = Script(answer=said("one two three four", pieces=6), fault=ErrorEvent(5))
    with pytest.raises(errors.APIError, match="overloaded by script"):
        ask(client, site, streams=True)


def test_tokens_are_counted(site: Site, client: genai.Client) -> None:
    counted = client.models.count_tokens(model=site.model, contents="hello there")
    assert counted.total_tokens == (3 if site.speaks == "openai" else 20)


def test_the_models_list_is_read(site: Site, client: genai.Client) -> None:
    names = [model.name for model in client.models.list()]
    assert f"models/{site.model}" in names
    if not site.direct:
        assert client.models.get(model=site.model).name == f"models/{site.model}"
