"""Clients of OpenAI's Responses API, over real sockets, on upstreams of other dialects."""

from collections.abc import Iterator

import msgspec
import openai
import pytest

from tests.support import order_responses, strict_responses
from tests.support.asking import ask
from tests.support.stage import DIALECTS, Dialect, Stage, stage, told
from tests.support.upstream.answer import Answer, Call, said
from tests.support.upstream.script import Cut, Refuse, Script
from tests.support.upstream.server import ScriptedUpstream

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
    with ScriptedUpstream() as upstream, stage(upstream, tmp_path_factory.mktemp("responses")) as made:
        yield made


@pytest.fixture
def client(on: Stage) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{on.url}/v1", api_key=on.key, max_retries=0) as made:
        yield made


def streamed(on: Stage, model: str, **more: object) -> bytes:
    body = {"model": model, "input": "hello there", "stream": True} | more
    return ask(on.url, "/v1/responses", body, headers=on.headers("openai")).body


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_plain_answer_comes_whole(on: Stage, client: openai.OpenAI, dialect: Dialect) -> None:
    model = on.model(dialect)
    on.upstream.script(Script(answer=said("Hello back")))
    answer = client.responses.create(model=model, input="hello there", instructions="Be brief.")
    assert answer.output_text == "Hello back"
    assert (answer.status, answer.usage is not None) == ("completed", True)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_stream_is_by_the_letter_and_in_order(on: Stage, dialect: Dialect) -> None:
    model = on.model(dialect)
    on.upstream.script(Script(answer=said("Hello back")))
    raw = streamed(on, model)
    strict_responses.stream(raw)
    assert order_responses.responses(raw).text == "Hello back"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_whole_answer_is_by_the_letter(on: Stage, dialect: Dialect) -> None:
    body = {"model": on.model(dialect), "input": "hello there"}
    reply = ask(on.url, "/v1/responses", body, headers=on.headers("openai"))
    assert reply.status == 200, reply.body
    strict_responses.response(reply.body)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_tool_round_comes_to_its_end(on: Stage, client: openai.OpenAI, dialect: Dialect) -> None:
    model = on.model(dialect)
    call = Call(call_id="call_1", name="weather", arguments='{"city":"Oslo"}')
    on.upstream.script(Script(answer=Answer(parts=(call,))), Script(answer=said("Rain in Oslo")))
    question = {"role": "user", "content": "What is the weather in Oslo?"}
    first = client.responses.create(model=model, input=[question], tools=WEATHER)
    asked = next(item for item in first.output if item.type == "function_call")
    assert (asked.name, msgspec.json.decode(asked.arguments)) == ("weather", {"city": "Oslo"})
    result = {"type": "function_call_output", "call_id": asked.call_id, "output": "rain"}
    second = client.responses.create(
        model=model, input=[question, *(item.model_dump() for item in first.output), result], tools=WEATHER
    )
    assert second.output_text == "Rain in Oslo"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_rate_limit_is_one_in_the_clients_dialect(on: Stage, client: openai.OpenAI, dialect: Dialect) -> None:
    model = on.model(dialect)
    on.upstream.script(Script(fault=Refuse(status=429, headers=(("Retry-After", "7"),))))
    with pytest.raises(openai.RateLimitError) as raised:
        client.responses.create(model=model, input="hello there")
    assert raised.value.response.headers["retry-after"] == "7"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_cut_stream_ends_in_a_failed_response(on: Stage, dialect: Dialect) -> None:
    model = on.model(dialect)
    on.upstream.script(Script(answer=said("Hello back from far away"), fault=Cut(4)))
    raw = streamed(on, model)
    strict_responses.stream(raw)
    assert order_responses.responses(raw).ended == "failed"


PATHS = (
    "/v1/responses",
    "/v1/responses/",
    "/api/v1/responses",
    "/v1/v1/responses",
    "/responses",
    "/codex",
    "/codex/responses",
    "/codex/v1/responses/",
    "/codex/any/tail",
)


@pytest.mark.parametrize("path", PATHS)
def test_every_base_path_that_people_paste_is_responses(on: Stage, path: str) -> None:
    body = {"model": on.model("openai"), "input": "hello there"}
    reply = ask(on.url, path, body, headers=on.headers("openai"))
    assert reply.status == 200, reply.body
    strict_responses.response(reply.body)


@pytest.mark.parametrize("path", ["/v1/responses/compact", "/responses/compact/", "/codex/responses/compact"])
def test_compacting_is_refused_where_the_provider_has_no_such_thing(on: Stage, path: str) -> None:
    body = {"model": on.model("anthropic"), "input": "hello there", "stream": True}
    reply = ask(on.url, path, body, headers=on.headers("openai"))
    assert (reply.status, reply.json["error"]["code"]) == (400, "unsupported_operation")
    assert on.upstream.generations == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/responses/resp_1"),
        ("DELETE", "/v1/responses/resp_1"),
        ("GET", "/api/v1/responses/resp_1/input_items"),
        ("POST", "/responses/resp_1/cancel"),
    ],
)
def test_a_response_that_is_not_stored_is_not_found_and_the_error_says_what_to_do(
    on: Stage, method: str, path: str
) -> None:
    reply = ask(on.url, path, None, method=method, headers=on.headers("openai"))
    assert (reply.status, reply.json["error"]["code"]) == (404, "response_not_found")
    assert "resp_1" in reply.json["error"]["message"]
    assert "send it back in `input`" in reply.json["error"]["message"]
    stranger = ask(on.url, path, None, method=method, headers={"Authorization": "Bearer wrong"})
    assert stranger.status == 401


def test_the_sdk_raises_its_own_error_for_them(on: Stage, client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="'resp_1' not found"):
        client.responses.retrieve("resp_1")


def test_an_operation_that_does_not_exist_is_named(on: Stage) -> None:
    reply = ask(on.url, "/v1/responses/nonsense", {"model": "m"}, headers=on.headers("openai"))
    assert reply.status == 404
    assert "'/v1/responses/nonsense'" in reply.json["error"]["message"]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_answer_that_nobody_here_stored_cannot_be_gone_on_from(
    on: Stage, client: openai.OpenAI, dialect: Dialect
) -> None:
    model = on.model(dialect)
    with pytest.raises(openai.BadRequestError, match="refers to a response that was not found"):
        client.responses.create(model=model, input="and then?", previous_response_id="resp_1")


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("stream", [False, True])
def test_a_responses_body_on_the_chat_path_is_answered_as_chat(on: Stage, dialect: Dialect, stream: bool) -> None:
    body = {"model": on.model(dialect), "input": "hello there", "stream": stream}
    reply = ask(on.url, "/v1/chat/completions", body, headers=on.headers("openai"))
    assert reply.status == 200, reply.body
    if stream:
        assert told("openai", reply.body).text == "echo: hello there"
    else:
        assert reply.json["choices"][0]["message"]["content"] == "echo: hello there"
