"""The Anthropic SDK for Python, over real sockets, gets the same from the gateway as from Anthropic itself.

Every cell runs three times: straight at the scripted upstream (which shows that the test asks for what
Anthropic does), through the gateway on an Anthropic upstream, and through the gateway on an OpenAI upstream.
"""

from collections.abc import Iterator

import anthropic
import httpx2
import pytest
from anthropic.types import MessageParam, ToolParam

from tests.support import strict
from tests.support.pictures import png, png_base64
from tests.support.stage import Site, Stage, direct, stage, told
from tests.support.upstream.answer import Answer, Call, Say, Think, said
from tests.support.upstream.script import Cut, ErrorEvent, Script, refused
from tests.support.upstream.server import ScriptedUpstream

HELLO: list[MessageParam] = [{"role": "user", "content": "hello there"}]
WEATHER: list[ToolParam] = [
    {
        "name": "get_weather",
        "description": "The weather in a city",
        "input_schema": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
            "required": ["city", "days"],
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


@pytest.fixture(params=["direct", "anthropic", "openai"])
def site(request: pytest.FixtureRequest, upstream: ScriptedUpstream) -> Site:
    if request.param == "direct":
        return direct(upstream, "anthropic")
    return request.getfixturevalue("behind").site(request.param)


@pytest.fixture(scope="module")
def clients() -> Iterator[dict[str, anthropic.Anthropic]]:
    """One client for each URL: making one costs more than most tests do with it."""
    made: dict[str, anthropic.Anthropic] = {}
    yield made
    for client in made.values():
        client.close()


@pytest.fixture
def client(site: Site, clients: dict[str, anthropic.Anthropic]) -> anthropic.Anthropic:
    if site.url not in clients:
        clients[site.url] = anthropic.Anthropic(base_url=site.url, api_key=site.key, max_retries=0, timeout=20)
    return clients[site.url]


def test_a_plain_answer_comes_whole(site: Site, client: anthropic.Anthropic) -> None:
    answer = client.messages.create(model=site.model, max_tokens=100, messages=HELLO)
    assert [(block.type, block.text) for block in answer.content if block.type == "text"] == [
        ("text", "echo: hello there")
    ]
    assert (answer.stop_reason, answer.model) == ("end_turn", "scripted-small")
    assert (answer.usage.cache_read_input_tokens, answer.usage.output_tokens) == (5, 7)
    assert answer.usage.input_tokens == (12 if site.speaks == "anthropic" else 15)


def test_a_stream_says_the_same_as_a_plain_answer(site: Site, client: anthropic.Anthropic) -> None:
    with client.messages.stream(model=site.model, max_tokens=100, messages=HELLO) as events:
        assert "".join(events.text_stream) == "echo: hello there"
        final = events.get_final_message()
    assert (final.stop_reason, final.usage.output_tokens) == ("end_turn", 7)
    assert final.usage.cache_read_input_tokens == 5


def test_a_system_prompt_and_sampling_reach_the_upstream(site: Site, client: anthropic.Anthropic) -> None:
    client.messages.create(
        model=site.model,
        max_tokens=123,
        system="Be brief.",
        messages=HELLO,
        stop_sequences=["END"],
        extra_body={"temperature": 0.5},
    )
    sent = site.upstream.only().json
    assert (sent["model"], sent["temperature"]) == ("scripted-small", 0.5)
    if site.speaks == "anthropic":
        assert (sent["system"], sent["stop_sequences"], sent["max_tokens"]) == ("Be brief.", ["END"], 123)
    else:
        assert sent["messages"][0]["role"] in ("system", "developer")
        assert sent["stop"] == ["END"]
        assert 123 in (sent.get("max_tokens"), sent.get("max_completion_tokens"))


def test_a_tool_round_is_completed(site: Site, client: anthropic.Anthropic) -> None:
    first = client.messages.create(model=site.model, max_tokens=1000, messages=HELLO, tools=WEATHER)
    (use,) = first.content
    assert use.type == "tool_use"
    assert first.stop_reason == "tool_use"
    assert (use.id, use.name, use.input) == ("call_scripted_1", "get_weather", {"city": "some city", "days": 7})
    turns: list[MessageParam] = [
        *HELLO,
        {"role": "assistant", "content": first.content},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": use.id, "content": "21 degrees"}]},
    ]
    second = client.messages.create(model=site.model, max_tokens=1000, messages=turns, tools=WEATHER)
    assert second.content[0].type == "text"
    assert second.content[0].text == "FINAL: 21 degrees"


def test_parallel_tool_calls_are_streamed_and_answered(site: Site, client: anthropic.Anthropic) -> None:
    site.upstream.script(Script(answer=TWO_CALLS))
    with client.messages.stream(model=site.model, max_tokens=1000, messages=HELLO, tools=WEATHER) as events:
        message = events.get_final_message()
    uses = [(block.id, block.name, block.input) for block in message.content if block.type == "tool_use"]
    assert uses == [
        ("call_paris", "get_weather", {"city": "Paris", "days": 1}),
        ("call_rome", "get_weather", {"city": "Rome", "days": 2}),
    ]
    turns: list[MessageParam] = [
        *HELLO,
        {"role": "assistant", "content": [block.to_dict() for block in message.content]},  # type: ignore[list-item, misc]  # blocks as the SDK gave them
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "call_paris", "content": "21"},
                {"type": "tool_result", "tool_use_id": "call_rome", "content": [{"type": "text", "text": "25"}]},
            ],
        },
    ]
    answer = client.messages.create(model=site.model, max_tokens=1000, messages=turns, tools=WEATHER)
    assert answer.content[0].type == "text"
    assert answer.content[0].text == "FINAL: 21 / 25"


@pytest.mark.parametrize("stream", [False, True])
def test_an_image_arrives_unharmed(site: Site, client: anthropic.Anthropic, stream: bool) -> None:
    messages: list[MessageParam] = [
        {
            "role": "user",
            "content": [
                {
                    "type": "image",
                    "source": {"type": "base64", "media_type": "image/png", "data": png_base64()},
                },
                {"type": "text", "text": "what is it?"},
            ],
        }
    ]
    if stream:
        with client.messages.stream(model=site.model, max_tokens=100, messages=messages) as events:
            text = "".join(events.text_stream)
    else:
        block = client.messages.create(model=site.model, max_tokens=100, messages=messages).content[0]
        assert block.type == "text"
        text = block.text
    assert text == f"saw image/png {len(png())} bytes"


def test_thinking_is_a_block_and_its_signature_survives_the_next_turn(
    site: Site, client: anthropic.Anthropic
) -> None:
    with client.messages.stream(
        model=site.model,
        max_tokens=8000,
        thinking={"type": "enabled", "budget_tokens": 2000},
        messages=HELLO,
    ) as events:
        first = events.get_final_message()
    thought = first.content[0]
    assert thought.type == "thinking"
    assert thought.thinking == "I think about it before I speak."
    assert thought.signature == (Think("").signature if site.speaks == "anthropic" else "")
    client.messages.create(
        model=site.model,
        max_tokens=8000,
        thinking={"type": "enabled", "budget_tokens": 2000},
        messages=[
            *HELLO,
            {"role": "assistant", "content": [block.to_dict() for block in first.content]},  # type: ignore[list-item, misc]  # blocks as the SDK gave them
            {"role": "user", "content": "go on"},
        ],
    )
    sent = site.upstream.generations[-1].json["messages"]
    if site.speaks == "anthropic":
        assert sent[1]["content"][0] == {
            "type": "thinking",
            "thinking": thought.thinking,
            "signature": thought.signature,
        }
    else:
        assert sent[-1] == {"role": "user", "content": "go on"}


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, anthropic.BadRequestError),
        (401, anthropic.AuthenticationError),
        (403, anthropic.PermissionDeniedError),
        (404, anthropic.NotFoundError),
        (429, anthropic.RateLimitError),
        (500, anthropic.InternalServerError),
        (529, anthropic.APIStatusError),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_a_refusal_of_the_upstream_is_the_sdks_own_error(
    site: Site, client: anthropic.Anthropic, status: int, error: type[anthropic.APIStatusError], stream: bool
) -> None:
    site.upstream.default = refused(status, "the script says no", ("Retry-After", "7"))
    with pytest.raises(error, match="the script says no") as caught:
        client.messages.create(model=site.model, max_tokens=100, messages=HELLO, stream=stream)
    assert caught.value.status_code == status
    if status == 429:
        assert int(caught.value.response.headers["retry-after"]) in range(1, 9)


def test_a_wrong_key_and_an_unknown_model_are_the_sdks_own_errors(behind: Stage) -> None:
    model = behind.model("anthropic")
    with (
        anthropic.Anthropic(base_url=behind.url, api_key="sk-omni-wrong", max_retries=0) as stranger,
        pytest.raises(anthropic.AuthenticationError),
    ):
        stranger.messages.create(model=model, max_tokens=100, messages=HELLO)
    with (
        anthropic.Anthropic(base_url=behind.url, api_key=behind.key, max_retries=0) as known,
        pytest.raises(anthropic.NotFoundError, match="nobody/nothing"),
    ):
        known.messages.create(model="nobody/nothing", max_tokens=100, messages=HELLO)
    assert behind.upstream.generations == []


def test_a_stream_that_is_cut_never_looks_successful(site: Site, client: anthropic.Anthropic) -> None:
    site.upstream.default = Script(answer=said("one two three four", pieces=6), fault=Cut(5))
    with (
        pytest.raises((anthropic.APIError, httpx2.HTTPError)),
        client.messages.stream(model=site.model, max_tokens=100, messages=HELLO) as events,
    ):
        events.get_final_message()


def test_an_error_event_of_the_upstream_is_raised(site: Site, client: anthropic.Anthropic) -> None:
    site.upstream.default = Script(answer=said("one two three four", pieces=6), fault=ErrorEvent(5))
    with (
        pytest.raises(anthropic.APIStatusError, match="overloaded by script"),
        client.messages.stream(model=site.model, max_tokens=100, messages=HELLO) as events,
    ):
        events.get_final_message()


def test_the_models_list_is_read(site: Site, client: anthropic.Anthropic) -> None:
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


@pytest.mark.parametrize("answer", ANSWERS)
def test_raw_streams_hold_against_types_and_order(site: Site, answer: str) -> None:
    site.upstream.script(Script(answer=ANSWERS[answer]))
    reply = site.ask("anthropic", stream=True, tools=WEATHER)
    assert reply.whole
    assert reply.headers["content-type"].startswith("text/event-stream")
    seen = told("anthropic", reply.body)
    assert seen.text == "".join(part.text for part in ANSWERS[answer].parts if isinstance(part, Say))
    assert seen.reasoning == "".join(part.text for part in ANSWERS[answer].parts if isinstance(part, Think))
    assert [call.arguments for call in seen.calls] == [
        part.arguments for part in ANSWERS[answer].parts if isinstance(part, Call)
    ]


@pytest.mark.parametrize("answer", ANSWERS)
def test_raw_answers_hold_against_types(site: Site, answer: str) -> None:
    site.upstream.script(Script(answer=ANSWERS[answer]))
    reply = site.ask("anthropic", tools=WEATHER)
    assert reply.status == 200
    strict.message(reply.body)


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_stream_of_the_same_dialect_passes_byte_for_byte(behind: Stage, answer: str) -> None:
    site = behind.site("anthropic")
    site.upstream.script(Script(answer=ANSWERS[answer]))
    assert site.ask("anthropic", stream=True, tools=WEATHER).body == b"".join(site.upstream.only().sent)
