"""Google's wire format at the gateway's own doors: bytes, frames, paths and errors that no SDK shows."""

from collections.abc import Iterator

import pytest

from tests.support import order_gemini, strict_gemini
from tests.support.asking import Answered, ask, asking
from tests.support.stage import Speaks, Stage, stage
from tests.support.upstream.answer import said
from tests.support.upstream.gate import Gate
from tests.support.upstream.openai_embeddings import vector
from tests.support.upstream.script import Cut, EndEarly, ErrorEvent, Script, refused
from tests.support.upstream.server import ScriptedUpstream

UPSTREAMS: tuple[Speaks, ...] = ("gemini", "openai", "anthropic")
HELLO = {"contents": [{"role": "user", "parts": [{"text": "hello there"}]}]}
LONG_NAME = "read_" + "very_" * 12 + "long_file"


@pytest.fixture(scope="module")
def on(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with ScriptedUpstream() as upstream, stage(upstream, tmp_path_factory.mktemp("gemini")) as made:
        yield made


def post(on: Stage, path: str, body: object = HELLO, **headers: str) -> Answered:
    return ask(on.url, path, body, headers={"x-goog-api-key": on.key} | headers)


def get(on: Stage, path: str, **headers: str) -> Answered:
    return ask(on.url, path, headers={name.replace("_", "-"): value for name, value in headers.items()})


def test_the_clients_bytes_reach_a_provider_of_its_own_dialect(on: Stage) -> None:
    model = on.model("gemini")
    body = (
        b'{ "contents":[{"parts":[{"text":"hello there"}]}],\n "generationConfig": {"temperature": 1e0},'
        b' "safetySettings":[{"category":"HARM_CATEGORY_HARASSMENT","threshold":"OFF"}] }'
    )
    on.upstream.script(Script(answer=said("Hello back")))
    reply = post(on, f"/v1beta/models/{model}:generateContent", body)
    sent = on.upstream.only()
    assert reply.status == 200, reply.body
    assert sent.request.body == body
    assert sent.request.target == "/v1beta/models/scripted-small:generateContent"
    assert sent.request.header("x-goog-api-key") == "sk-upstream-secret"
    assert "x-omniroute-losses" not in reply.headers


def test_a_body_that_repeats_the_address_is_sent_without_it(on: Stage) -> None:
    model = on.model("gemini")
    post(on, f"/v1beta/models/{model}:generateContent", {"model": f"models/{model}", **HELLO, "stream": True})
    assert on.upstream.only().json == HELLO


def test_the_frames_of_a_stream_are_the_providers(on: Stage) -> None:
    model = on.model("gemini")
    reply = post(on, f"/v1beta/models/{model}:streamGenerateContent?alt=sse")
    assert reply.body == b"".join(on.upstream.only().sent)
    assert reply.headers["content-type"].startswith("text/event-stream")


@pytest.mark.parametrize("dialect", UPSTREAMS)
def test_a_whole_answer_is_by_the_letter(on: Stage, dialect: Speaks) -> None:
    reply = post(on, f"/v1beta/models/{on.model(dialect)}:generateContent")
    strict_gemini.response(reply.body)


@pytest.mark.parametrize("dialect", UPSTREAMS)
def test_a_stream_is_by_the_letter_and_in_order(on: Stage, dialect: Speaks) -> None:
    reply = post(on, f"/v1beta/models/{on.model(dialect)}:streamGenerateContent?alt=sse")
    strict_gemini.stream(reply.body)
    told = order_gemini.gemini(reply.body)
    assert (told.ended, told.text, told.finish) == ("ok", "echo: hello there", "STOP")


@pytest.mark.parametrize("dialect", UPSTREAMS)
def test_without_alt_sse_a_stream_is_one_array(on: Stage, dialect: Speaks) -> None:
    reply = post(on, f"/v1beta/models/{on.model(dialect)}:streamGenerateContent")
    assert reply.headers["content-type"] == "application/json"
    told = order_gemini.gemini_array(reply.body)
    assert (told.ended, told.text, told.finish) == ("ok", "echo: hello there", "STOP")
    assert told.events > 1


@pytest.mark.parametrize("query", ["?alt=sse", ""], ids=["events", "array"])
@pytest.mark.parametrize("fault", [Cut(5), EndEarly(5), ErrorEvent(5)], ids=["cut", "early", "error"])
@pytest.mark.parametrize("dialect", UPSTREAMS)
def test_a_broken_stream_ends_once_and_in_an_error(
    on: Stage, dialect: Speaks, fault: Cut | EndEarly | ErrorEvent, query: str
) -> None:
    model = on.model(dialect)
    gate = Gate(4)
    on.upstream.default = Script(answer=said("Hello back from far away", pieces=6), fault=fault, gate=gate)
    path = f"/v1beta/models/{model}:streamGenerateContent{query}"
    with asking(on.url, path, HELLO, headers={"x-goog-api-key": on.key}) as answering:
        answering.until(b'"Hell"')
        gate.release(3)
        reply = answering.rest()
    assert reply.whole
    told = (order_gemini.gemini if query else order_gemini.gemini_array)(reply.body)
    assert told.ended == "failed"
    assert told.error is not None
    assert told.error["code"] >= 500


def test_whatever_the_body_says_generate_content_is_not_streamed(on: Stage) -> None:
    model = on.model("openai")
    reply = post(on, f"/v1beta/models/{model}:generateContent?alt=sse", {**HELLO, "stream": True})
    assert reply.headers["content-type"] == "application/json"
    assert not on.upstream.only().json.get("stream")


@pytest.mark.parametrize("base", ["/v1beta", "/v1", "/api/v1beta", "/v1/v1beta"])
@pytest.mark.parametrize("prefix", ["", "models/"])
def test_a_model_has_slashes_and_may_be_called_a_resource(on: Stage, base: str, prefix: str) -> None:
    provider = on.model("gemini").partition("/")[0]
    reply = post(on, f"{base}/models/{prefix}{provider}/org/model:free:generateContent")
    assert reply.status == 200, reply.body
    assert on.upstream.only().request.target == "/v1beta/models/org/model:free:generateContent"


def test_snake_case_is_read_too(on: Stage) -> None:
    model = on.model("openai")
    body = {
        **HELLO,
        "system_instruction": {"parts": [{"text": "Be brief."}]},
        "generation_config": {"max_output_tokens": 12, "stop_sequences": ["END"]},
        "tools": [{"function_declarations": [{"name": "weather", "parameters": {"type": "OBJECT"}}]}],
    }
    post(on, f"/v1beta/models/{model}:generateContent", body)
    sent = on.upstream.only().json
    assert sent["messages"][0] == {"role": "system", "content": "Be brief."}
    assert (sent["max_tokens"], sent["stop"]) == (12, ["END"])
    assert sent["tools"][0]["function"]["name"] == "weather"


@pytest.mark.parametrize("streams", [False, True], ids=["plain", "stream"])
def test_a_tool_name_that_google_refuses_comes_back_as_the_client_wrote_it(on: Stage, streams: bool) -> None:
    model = on.model("gemini")
    tool = {"type": "function", "function": {"name": LONG_NAME, "parameters": {"type": "object"}}}
    body = {"model": model, "messages": [{"role": "user", "content": "hi"}], "tools": [tool], "stream": streams}
    reply = ask(on.url, "/v1/chat/completions", body, headers=on.headers("openai"))
    (declared,) = on.upstream.only().json["tools"][0]["functionDeclarations"]
    assert (len(LONG_NAME), len(declared["name"])) == (74, 64)
    assert f'"name":"{LONG_NAME}"'.encode() in reply.body
    assert declared["name"].encode() not in reply.body


def test_a_stream_of_progress_is_not_for_google(on: Stage) -> None:
    model = on.model("gemini")
    asked = {"X-OmniRoute-Progress": "true"}
    reply = post(on, f"/v1beta/models/{model}:streamGenerateContent?alt=sse", HELLO, **asked)
    assert order_gemini.gemini(reply.body).ended == "ok"


def test_several_candidates_are_refused_where_nobody_can_give_them(on: Stage) -> None:
    body = {**HELLO, "generationConfig": {"candidateCount": 2}}
    reply = post(on, f"/v1beta/models/{on.model('openai')}:generateContent", body)
    assert (reply.status, refusal(reply)["status"]) == (400, "INVALID_ARGUMENT")
    assert "candidateCount = 2" in reply.json["error"]["message"]


@pytest.mark.parametrize(
    ("path", "body", "status", "word"),
    [
        ("/v1beta/models/nobody/x:generateContent", HELLO, 404, "NOT_FOUND"),
        ("/v1beta/models/demo/hello:generateContent", b"{", 400, "INVALID_ARGUMENT"),
        ("/v1beta/models/demo/hello:generateContent", [], 400, "INVALID_ARGUMENT"),
        ("/v1beta/models/demo/hello:generateContent", {"contents": "x" * 3, "tools": 7}, 400, "INVALID_ARGUMENT"),
        ("/v1beta/models/demo/../x:generateContent", HELLO, 400, "INVALID_ARGUMENT"),
        ("/v1beta/models/demo/hello:predict", HELLO, 404, "NOT_FOUND"),
        ("/v1beta/models/demo/hello:embedContent", HELLO, 400, "INVALID_ARGUMENT"),
        ("/v1beta/models/demo/hello:countTokens", {"contents": []}, 400, "INVALID_ARGUMENT"),
        ("/v1/models/demo/hello", HELLO, 404, "NOT_FOUND"),
        ("/v1beta/files", HELLO, 404, "NOT_FOUND"),
    ],
)
def test_what_cannot_be_done_is_said_in_googles_words(
    on: Stage, path: str, body: object, status: int, word: str
) -> None:
    reply = post(on, path, body)
    assert (reply.status, refusal(reply)["status"]) == (status, word)


def test_a_wrong_key_is_refused_wherever_it_stands(on: Stage) -> None:
    path = "/v1beta/models/demo/hello:generateContent"
    replies = [
        ask(on.url, path, HELLO, headers={"x-goog-api-key": "wrong"}),
        ask(on.url, f"{path}?key=wrong", HELLO),
    ]
    assert [(reply.status, refusal(reply)["status"]) for reply in replies] == [(401, "UNAUTHENTICATED")] * 2
    assert ask(on.url, f"{path}?key={on.key}", HELLO).status == 200


def test_a_known_path_with_another_method_is_refused_in_its_own_dialect(on: Stage) -> None:
    reply = get(on, "/v1beta/models/demo/hello:generateContent")
    assert (reply.status, refusal(reply)["code"]) == (405, 405)


def test_the_same_list_has_the_shape_of_who_asks(on: Stage) -> None:
    model = on.model("openai")
    google = [
        get(on, "/v1beta/models").json,
        get(on, "/v1/models", x_goog_api_key=on.key).json,
        get(on, f"/v1/models?key={on.key}").json,
        get(on, "/v1/models", user_agent="google-genai-sdk/3.4.0 gl-python/3.11").json,
    ]
    names = [[one["name"] for one in body["models"]] for body in google]
    ids = [one["id"] for one in get(on, "/v1/models").json["data"]]
    assert names == [[f"models/{one}" for one in ids]] * 4
    assert model in ids


def test_one_model_has_the_shape_of_who_asks(on: Stage) -> None:
    model = on.model("openai")
    assert get(on, f"/v1beta/models/{model}").json["name"] == f"models/{model}"
    assert get(on, f"/v1beta/models/models/{model}").json["name"] == f"models/{model}"
    assert get(on, f"/v1/models/{model}").json["object"] == "model"
    assert get(on, f"/v1/models/{model}/").json["id"] == model
    shown = get(on, f"/v1/models/{model}", anthropic_version="2023-06-01").json
    assert (shown["type"], shown["id"]) == ("model", model)
    unknown = get(on, "/v1/models/up1/nothing", anthropic_version="2023-06-01")
    assert (unknown.status, unknown.json["type"]) == (404, "error")
    assert get(on, "/v1beta/models/up1/nothing").json["error"]["status"] == "NOT_FOUND"


def test_texts_are_embedded_for_googles_clients_by_whoever_can(on: Stage) -> None:
    model = on.model("openai")
    body = {"content": {"parts": [{"text": "one"}]}, "taskType": "RETRIEVAL_QUERY", "output_dimensionality": 4}
    reply = post(on, f"/v1beta/models/{model}:embedContent", body)
    assert reply.json == {"embedding": {"values": list(vector("one", 4))}}
    assert "quality=1" in reply.headers["x-omniroute-losses"]
    assert on.upstream.only().json == {"model": "scripted-small", "input": ["one"], "dimensions": 4}


@pytest.mark.parametrize(
    "body",
    [
        {"requests": []},
        {"requests": [{"content": {"parts": [{"inlineData": {"mimeType": "image/png", "data": "AA=="}}]}}]},
        {"requests": [{"content": {"parts": [{"text": "a"}]}}, {"content": {"parts": [{"text": ""}]}}]},
        b"[",
    ],
)
def test_what_cannot_be_embedded_is_said_in_googles_words(on: Stage, body: object) -> None:
    reply = post(on, f"/v1beta/models/{on.model('openai')}:batchEmbedContents", body)
    assert (reply.status, refusal(reply)["status"]) == (400, "INVALID_ARGUMENT")
    assert on.upstream.generations == []


def test_a_provider_without_embeddings_says_so_in_googles_words(on: Stage) -> None:
    body = {"content": {"parts": [{"text": "one"}]}}
    reply = post(on, f"/v1beta/models/{on.model('anthropic')}:embedContent", body)
    assert (reply.status, refusal(reply)["status"]) == (400, "INVALID_ARGUMENT")


def refusal(reply: Answered) -> dict:
    return strict_gemini.error(reply.body)["error"]


def count(on: Stage, model: str | None, **more: object) -> Answered:
    body = {"messages": [{"role": "user", "content": "hello there"}], **more}
    path = "/v1/messages/count_tokens"
    return ask(on.url, path, body if model is None else body | {"model": model}, headers=on.headers("anthropic"))


@pytest.mark.parametrize("dialect", ["anthropic", "gemini"])
def test_the_provider_counts_where_it_can(on: Stage, dialect: Speaks) -> None:
    model = on.model(dialect)
    tools = [{"name": "weather", "input_schema": {"type": "object"}}]
    counted = count(on, model, system="Be brief.", tools=tools, max_tokens=9).json
    assert (counted["input_tokens"], counted["model"], counted["source"]) == (20, "scripted-small", "provider")
    sent = on.upstream.only()
    if dialect == "anthropic":
        assert sent.request.target == "/v1/messages/count_tokens"
        assert sent.request.header("anthropic-version") == "2023-06-01"
        assert sent.json.keys() == {"model", "messages", "system", "tools"}
    else:
        assert sent.request.target == "/v1beta/models/scripted-small:countTokens"
        asked = sent.json["generateContentRequest"]
        assert asked["model"] == "models/scripted-small"
        assert asked["systemInstruction"]["parts"][0]["text"] == "Be brief."


@pytest.mark.parametrize("script", [refused(529), Script(fault=Cut())], ids=["refused", "cut"])
def test_a_provider_that_does_not_count_costs_nothing_but_the_estimate(on: Stage, script: Script) -> None:
    model = on.model("anthropic")
    on.upstream.default = script
    assert count(on, model).json == {"input_tokens": 3, "source": "estimated"}


def test_tools_images_and_results_are_part_of_the_estimate(on: Stage) -> None:
    model = on.model("openai")
    plain = count(on, model).json["input_tokens"]
    tools = [{"name": "weather", "description": "d" * 400, "input_schema": {"type": "object"}}]
    assert count(on, model, tools=tools).json["input_tokens"] > plain + 100
    assert count(on, model, system=[{"type": "text", "text": "s" * 400}]).json["input_tokens"] >= plain + 100
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}}
    result = {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "r" * 400}, image]}
    messages = [{"role": "user", "content": [result]}]
    assert count(on, model, messages=messages).json["input_tokens"] >= 1700


def test_a_model_that_nobody_serves_is_estimated(on: Stage) -> None:
    for model in (None, "nobody/nothing"):
        assert count(on, model).json == {"input_tokens": 3, "source": "estimated"}


def test_what_cannot_be_counted_is_refused(on: Stage) -> None:
    assert count(on, "demo/hello", messages=[]).status == 400
    wrong = ask(on.url, "/v1/messages/count_tokens", {}, headers={"x-api-key": "wrong"})
    assert (wrong.status, wrong.json["error"]["type"]) == (401, "authentication_error")


def test_googles_count_of_google_comes_whole(on: Stage) -> None:
    reply = post(on, f"/v1beta/models/{on.model('gemini')}:countTokens")
    assert reply.json == {
        "totalTokens": 20,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 20}],
    }


def test_a_key_counts_only_for_the_models_that_it_may_use(on: Stage) -> None:
    model = on.model("gemini")
    made = on.gateway.admin("POST", "/api/keys", {"name": "narrow", "allowedModels": ["demo/*"]})
    narrow = {"x-goog-api-key": made["key"]}
    replies = [
        ask(on.url, f"/v1beta/models/{one}:countTokens", HELLO, headers=narrow) for one in (model, "demo/hello")
    ]
    assert [reply.status for reply in replies] == [403, 200]
    assert refusal(replies[0])["status"] == "PERMISSION_DENIED"
    assert on.upstream.received == []
    listed = ask(on.url, "/v1beta/models", headers=narrow).json["models"]
    assert [one["name"] for one in listed] == ["models/demo/hello"]
