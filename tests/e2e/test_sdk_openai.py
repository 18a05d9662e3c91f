"""The OpenAI SDK for Python, over real sockets, gets the same from the gateway as from OpenAI itself.

Every cell runs three times: straight at the scripted upstream (which shows that the test asks for what OpenAI
does), through the gateway on an OpenAI upstream, and through the gateway on an Anthropic upstream.
"""

from collections.abc import Iterator

import httpx2
import openai
import pytest
from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam, ChatCompletionToolParam

from tests.support import strict
from tests.support.pictures import png, png_base64
from tests.support.stage import Site, Stage, direct, stage, told
from tests.support.upstream.answer import Answer, Call, Say, Think, said
from tests.support.upstream.script import Cut, ErrorEvent, Script, refused
from tests.support.upstream.server import ScriptedUpstream

HELLO: list[ChatCompletionMessageParam] = [{"role": "user", "content": "hello there"}]
WEATHER: list[ChatCompletionToolParam] = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "The weather in a city",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
                "required": ["city", "days"],
            },
        },
    }
]
TWO_CALLS = Answer(
    parts=(
        Say("I will look both up."),
        Call("get_weather", '{"city":"Paris","days":1}', "call_paris", pieces=4),
        Call("get_weather", '{"city":"Rome","days":2}', "call_rome", pieces=1),
    )
)


@pytest.fixture(scope="module")
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as running:
        yield running


@pytest.fixture(scope="module")
def behind(upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(upstream, tmp_path_factory.mktemp("gateway")) as running:
        yield running


@pytest.fixture(params=["direct", "openai", "anthropic"])
def site(request: pytest.FixtureRequest, upstream: ScriptedUpstream) -> Site:
    if request.param == "direct":
        return direct(upstream, "openai")
    return request.getfixturevalue("behind").site(request.param)


@pytest.fixture(scope="module")
def clients() -> Iterator[dict[str, openai.OpenAI]]:
    """One client for each URL: making one costs more than most tests do with it."""
    made: dict[str, openai.OpenAI] = {}
    yield made
    for client in made.values():
        client.close()


@pytest.fixture
def client(site: Site, clients: dict[str, openai.OpenAI]) -> openai.OpenAI:
    if site.url not in clients:
        clients[site.url] = openai.OpenAI(base_url=f"{site.url}/v1", api_key=site.key, max_retries=0, timeout=20)
    return clients[site.url]


def test_a_plain_answer_comes_whole(site: Site, client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model=site.model, messages=HELLO)
    choice = answer.choices[0]
    assert (choice.message.content, choice.finish_reason) == ("echo: hello there", "stop")
    assert answer.model == "scripted-small"
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 7
    assert answer.usage.prompt_tokens_details is not None
    assert answer.usage.prompt_tokens_details.cached_tokens == 5
    assert "stream" not in site.upstream.only().json or site.upstream.only().json["stream"] is False


def test_a_stream_says_the_same_as_a_plain_answer(site: Site, client: openai.OpenAI) -> None:
    chunks = list(
        client.chat.completions.create(
            model=site.model, messages=HELLO, stream=True, stream_options={"include_usage": True}
        )
    )
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "echo: hello there"
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 7


def test_the_streaming_helper_puts_the_answer_together(site: Site, client: openai.OpenAI) -> None:
    with client.chat.completions.stream(model=site.model, messages=HELLO) as events:
        assert events.get_final_completion().choices[0].message.content == "echo: hello there"


def test_a_system_prompt_and_sampling_reach_the_upstream(site: Site, client: openai.OpenAI) -> None:
    messages: list[ChatCompletionMessageParam] = [{"role": "system", "content": "Be brief."}, *HELLO]
    client.chat.completions.create(
        model=site.model, messages=messages, temperature=0.5, max_tokens=123, stop=["END"]
    )
    sent = site.upstream.only().json
    assert (sent["model"], sent["temperature"], sent["max_tokens"]) == ("scripted-small", 0.5, 123)
    if site.speaks == "openai":
        assert (sent["messages"], sent["stop"]) == (messages, ["END"])
    else:
        system = sent["system"] if isinstance(sent["system"], str) else sent["system"][0]["text"]
        assert (system, sent["stop_sequences"]) == ("Be brief.", ["END"])


def test_a_tool_round_is_completed(site: Site, client: openai.OpenAI) -> None:
    first = client.chat.completions.create(model=site.model, messages=HELLO, tools=WEATHER)
    message = first.choices[0].message
    assert first.choices[0].finish_reason == "tool_calls"
    assert message.tool_calls is not None
    (call,) = message.tool_calls
    assert call.type == "function"
    assert (call.id, call.function.name) == ("call_scripted_1", "get_weather")
    assert call.function.arguments.replace(" ", "") == '{"city":"somecity","days":7}'
    turns = [
        *HELLO,
        message.to_dict(),
        {"role": "tool", "tool_call_id": call.id, "content": "21 degrees"},
    ]
    second = client.chat.completions.create(model=site.model, messages=turns, tools=WEATHER)  # type: ignore[arg-type]  # a message as the SDK gave it
    assert second.choices[0].message.content == "FINAL: 21 degrees"


def test_parallel_tool_calls_are_streamed_and_answered(site: Site, client: openai.OpenAI) -> None:
    site.upstream.script(Script(answer=TWO_CALLS))
    with client.chat.completions.stream(model=site.model, messages=HELLO, tools=WEATHER) as events:
        message = events.get_final_completion().choices[0].message
    assert message.content == "I will look both up."
    assert message.tool_calls is not None
    assert [(call.id, call.function.name, call.function.arguments) for call in message.tool_calls] == [
        ("call_paris", "get_weather", '{"city":"Paris","days":1}'),
        ("call_rome", "get_weather", '{"city":"Rome","days":2}'),
    ]
    calls = [
        {
            "id": call.id,
            "type": "function",
            "function": {"name": "get_weather", "arguments": call.function.arguments},
        }
        for call in message.tool_calls
    ]
    turns = [
        *HELLO,
        {"role": "assistant", "content": message.content, "tool_calls": calls},
        {"role": "tool", "tool_call_id": "call_paris", "content": "21"},
        {"role": "tool", "tool_call_id": "call_rome", "content": "25"},
    ]
    answer = client.chat.completions.create(model=site.model, messages=turns, tools=WEATHER)  # type: ignore[arg-type]  # plain dicts are messages too
    assert answer.choices[0].message.content == "FINAL: 21 / 25"


@pytest.mark.parametrize("stream", [False, True])
def test_an_image_arrives_unharmed(site: Site, client: openai.OpenAI, stream: bool) -> None:
    url = f"data:image/png;base64,{png_base64()}"
    content = [{"type": "text", "text": "what is it?"}, {"type": "image_url", "image_url": {"url": url}}]
    messages = [{"role": "user", "content": content}]
    if stream:
        chunks = client.chat.completions.create(model=site.model, messages=messages, stream=True)  # type: ignore[call-overload]  # plain dicts are messages too
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    else:
        text = client.chat.completions.create(model=site.model, messages=messages).choices[0].message.content  # type: ignore[call-overload]  # plain dicts are messages too
    assert text == f"saw image/png {len(png())} bytes"


@pytest.mark.parametrize("stream", [False, True])
def test_thinking_is_carried_in_reasoning_content(site: Site, client: openai.OpenAI, stream: bool) -> None:
    if stream:
        chunks = client.chat.completions.create(
            model=site.model, messages=HELLO, reasoning_effort="low", max_completion_tokens=8000, stream=True
        )
        deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
        thought = "".join((delta.model_extra or {}).get("reasoning_content") or "" for delta in deltas)
        text = "".join(delta.content or "" for delta in deltas)
    else:
        message = (
            client.chat.completions.create(
                model=site.model, messages=HELLO, reasoning_effort="low", max_completion_tokens=8000
            )
            .choices[0]
            .message
        )
        thought, text = (message.model_extra or {})["reasoning_content"], message.content or ""
    assert (thought, text) == ("I think about it before I speak.", "echo: hello there")


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, openai.BadRequestError),
        (401, openai.AuthenticationError),
        (403, openai.PermissionDeniedError),
        (404, openai.NotFoundError),
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
        (503, openai.InternalServerError),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_a_refusal_of_the_upstream_is_the_sdks_own_error(
    site: Site, client: openai.OpenAI, status: int, error: type[openai.APIStatusError], stream: bool
) -> None:
    site.upstream.default = refused(status, "the script says no", ("Retry-After", "7"))
    with pytest.raises(error, match="the script says no") as caught:
        client.chat.completions.create(model=site.model, messages=HELLO, stream=stream)
    if status == 429:
        assert int(caught.value.response.headers["retry-after"]) in range(1, 9)


def test_a_wrong_key_and_an_unknown_model_are_the_sdks_own_errors(behind: Stage) -> None:
    model = behind.model("openai")
    with (
        openai.OpenAI(base_url=f"{behind.url}/v1", api_key="sk-omni-wrong", max_retries=0) as stranger,
        pytest.raises(openai.AuthenticationError),
    ):
        stranger.chat.completions.create(model=model, messages=HELLO)
    with (
        openai.OpenAI(base_url=f"{behind.url}/v1", api_key=behind.key, max_retries=0) as known,
        pytest.raises(openai.NotFoundError, match="nobody/nothing"),
    ):
        known.chat.completions.create(model="nobody/nothing", messages=HELLO)
    assert behind.upstream.generations == []


def test_a_stream_that_is_cut_never_looks_successful(site: Site, client: openai.OpenAI) -> None:
    site.upstream.default = Script(answer=said("one two three four", pieces=6), fault=Cut(4))
    chunks = client.chat.completions.create(model=site.model, messages=HELLO, stream=True)
    seen: list[ChatCompletionChunk] = []
    with pytest.raises((openai.APIError, httpx2.HTTPError)):
        seen.extend(chunks)
    assert [choice.finish_reason for chunk in seen for choice in chunk.choices if choice.finish_reason] == []


def test_an_error_event_of_the_upstream_is_raised(site: Site, client: openai.OpenAI) -> None:
    site.upstream.default = Script(answer=said("one two three four", pieces=6), fault=ErrorEvent(5))
    with pytest.raises(openai.APIError, match="overloaded by script"):
        list(client.chat.completions.create(model=site.model, messages=HELLO, stream=True))


def test_the_models_list_is_read(site: Site, client: openai.OpenAI) -> None:
    ids = [model.id for model in client.models.list()]
    assert ids
    assert len(ids) == len(set(ids))
    if not site.direct:
        assert ids[-1] == "demo/hello"


ANSWERS = {
    "text": said("plain words, ünïcode and\nlines", pieces=7),
    "thinking": Answer(parts=(Think("first a thought"), Say("then words"))),
    "calls": TWO_CALLS,
    "everything": Answer(parts=(Think("hm"), Say("so"), Call("get_weather", '{"city":"Oslo","days":3}'))),
    "cut short by length": Answer(parts=(Say("as far as"),), finish="length"),
}


@pytest.mark.parametrize("include_usage", [False, True])
@pytest.mark.parametrize("answer", ANSWERS)
def test_raw_streams_hold_against_types_and_order(site: Site, answer: str, include_usage: bool) -> None:
    site.upstream.script(Script(answer=ANSWERS[answer]))
    more = {"stream_options": {"include_usage": True}} if include_usage else {}
    reply = site.ask("openai", stream=True, tools=WEATHER, **more)
    assert reply.whole
    assert reply.headers["content-type"].startswith("text/event-stream")
    seen = told("openai", reply.body, include_usage=include_usage)
    assert seen.text == "".join(part.text for part in ANSWERS[answer].parts if isinstance(part, Say))
    assert seen.reasoning == "".join(part.text for part in ANSWERS[answer].parts if isinstance(part, Think))
    assert [call.arguments for call in seen.calls] == [
        part.arguments for part in ANSWERS[answer].parts if isinstance(part, Call)
    ]


@pytest.mark.parametrize("answer", ANSWERS)
def test_raw_answers_hold_against_types(site: Site, answer: str) -> None:
    site.upstream.script(Script(answer=ANSWERS[answer]))
    reply = site.ask("openai", tools=WEATHER)
    assert reply.status == 200
    strict.chat_completion(reply.body)


@pytest.mark.parametrize("include_usage", [False, True])
@pytest.mark.parametrize("answer", ANSWERS)
def test_a_stream_of_the_same_dialect_passes_byte_for_byte(
    behind: Stage, answer: str, include_usage: bool
) -> None:
    site = behind.site("openai")
    site.upstream.script(Script(answer=ANSWERS[answer]))
    more = {"stream_options": {"include_usage": True}} if include_usage else {}
    reply = site.ask("openai", stream=True, tools=WEATHER, **more)
    sent = site.upstream.only().sent
    assert reply.body == b"".join(event for event in sent if include_usage or b'"choices":[]' not in event)
