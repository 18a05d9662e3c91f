"""Conversations by `previous_response_id`, with the real SDK over sockets, on upstreams that store nothing."""

from collections.abc import Iterator

import msgspec
import openai
import pytest

from tests.support.stage import Speaks, Stage, stage
from tests.support.upstream.answer import Answer, Call, said
from tests.support.upstream.script import Script
from tests.support.upstream.server import ScriptedUpstream

UPSTREAMS: tuple[Speaks, ...] = ("openai", "anthropic", "gemini")
WEATHER = [
    {
        "type": "function",
        "name": "weather",
        "description": "The weather somewhere",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        "strict": False,
    }
]


@pytest.fixture(scope="module")
def on(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with ScriptedUpstream() as upstream, stage(upstream, tmp_path_factory.mktemp("stored")) as made:
        yield made


@pytest.fixture
def client(on: Stage) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{on.url}/v1", api_key=on.key, max_retries=0) as made:
        yield made


def read(on: Stage) -> str:
    """All that the upstream was asked last, as text."""
    return msgspec.json.encode(on.upstream.generations[-1].json).decode()


@pytest.mark.parametrize("upstream", UPSTREAMS)
@pytest.mark.parametrize("stream", [False, True])
def test_three_turns_follow_one_another(on: Stage, client: openai.OpenAI, upstream: Speaks, stream: bool) -> None:
    model = on.model(upstream)
    on.upstream.script(*(Script(answer=said(text)) for text in ("the first", "the second", "the third")))
    previous: str | None = None
    for question in ("ask one", "ask two", "ask three"):
        more = {} if previous is None else {"previous_response_id": previous}
        if stream:
            with client.responses.stream(model=model, input=question, **more) as events:
                answer = events.get_final_response()
        else:
            answer = client.responses.create(model=model, input=question, **more)
        assert answer.previous_response_id == previous
        previous = answer.id
    assert answer.output_text == "the third"
    seen = read(on)
    places = [seen.index(text) for text in ("ask one", "the first", "ask two", "the second", "ask three")]
    assert places == sorted(places)


@pytest.mark.parametrize("upstream", UPSTREAMS)
def test_the_result_of_a_tool_is_all_that_is_sent(on: Stage, client: openai.OpenAI, upstream: Speaks) -> None:
    model = on.model(upstream)
    call = Call(call_id="call_1", name="weather", arguments='{"city":"Oslo"}')
    on.upstream.script(Script(answer=Answer(parts=(call,))), Script(answer=said("Rain in Oslo")))
    first = client.responses.create(model=model, input="What is the weather in Oslo?", tools=WEATHER)
    asked = next(item for item in first.output if item.type == "function_call")
    second = client.responses.create(
        model=model,
        previous_response_id=first.id,
        input=[{"type": "function_call_output", "call_id": asked.call_id, "output": "it rains"}],
        tools=WEATHER,
    )
    assert second.output_text == "Rain in Oslo"
    seen = read(on)
    assert seen.index("What is the weather") < seen.index('Oslo\\"' if upstream == "openai" else '"Oslo"')
    assert "it rains" in seen


def test_a_response_is_retrieved_and_deleted(on: Stage, client: openai.OpenAI) -> None:
    on.model("openai")
    model = on.model("anthropic")
    on.upstream.script(Script(answer=said("kept")))
    made = client.responses.create(model=model, input="keep this")
    found = client.responses.retrieve(made.id)
    assert found == made
    client.responses.delete(made.id)
    with pytest.raises(openai.NotFoundError) as raised:
        client.responses.retrieve(made.id)
    assert raised.value.code == "response_not_found"
    with pytest.raises(openai.BadRequestError) as refused:
        client.responses.create(model=model, input="and?", previous_response_id=made.id)
    assert refused.value.code == "previous_response_not_found"


def test_the_input_items_come_in_pages_both_ways(on: Stage, client: openai.OpenAI) -> None:
    model = on.model("openai")
    on.upstream.script(Script(answer=said("one")), Script(answer=said("two")))
    first = client.responses.create(model=model, input="a")
    second = client.responses.create(
        model=model, input=[{"role": "user", "content": "b"}], previous_response_id=first.id
    )
    forwards = list(client.responses.input_items.list(second.id, order="asc", limit=1))
    backwards = list(client.responses.input_items.list(second.id))
    assert [item.content[0].text for item in forwards] == ["a", "one", "b"]
    assert backwards == forwards[::-1]
    assert len({item.id for item in forwards}) == 3
    after = client.responses.input_items.list(second.id, order="asc", after=forwards[0].id, limit=1)
    assert [item.id for item in after.data] == [forwards[1].id]
    assert after.has_more
    with pytest.raises(openai.BadRequestError, match="limit"):
        client.responses.input_items.list(second.id, limit=101)


def test_another_key_finds_none_of_it(on: Stage, client: openai.OpenAI) -> None:
    model = on.model("gemini")
    on.upstream.script(Script(answer=said("mine")))
    made = client.responses.create(model=model, input="keep this")
    key = on.gateway.client_key("somebody else")
    with openai.OpenAI(base_url=f"{on.url}/v1", api_key=key, max_retries=0) as stranger:
        with pytest.raises(openai.NotFoundError):
            stranger.responses.retrieve(made.id)
        with pytest.raises(openai.NotFoundError):
            stranger.responses.delete(made.id)
        with pytest.raises(openai.BadRequestError) as refused:
            stranger.responses.create(model=model, input="and?", previous_response_id=made.id)
    assert refused.value.code == "previous_response_not_found"
    assert client.responses.retrieve(made.id).output_text == "mine"


@pytest.mark.parametrize("upstream", UPSTREAMS)
def test_input_tokens_are_counted_with_what_came_before(
    on: Stage, client: openai.OpenAI, upstream: Speaks
) -> None:
    model = on.model(upstream)
    on.upstream.script(Script(answer=said("a long answer " * 50)))
    first = client.responses.create(model=model, input="a question " * 50)
    alone = client.responses.input_tokens.count(model=model, input="and?")
    chained = client.responses.input_tokens.count(model=model, input="and?", previous_response_id=first.id)
    assert (alone.object, chained.object) == ("response.input_tokens", "response.input_tokens")
    if upstream == "openai":
        assert 0 < alone.input_tokens < chained.input_tokens
    else:
        asked = [msgspec.json.encode(one.json).decode() for one in on.upstream.received[-2:]]
        assert [("a long answer" in one, "and?" in one) for one in asked] == [(False, True), (True, True)]
