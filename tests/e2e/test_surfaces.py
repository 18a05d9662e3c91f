"""The running gateway over plain HTTP: aliases, perimeter, health, the pages, the model list, the request log."""

from collections.abc import Iterator

import msgspec
import pytest

from tests.support import order_ollama
from tests.support.asking import Answered, ask
from tests.support.stage import Stage, stage
from tests.support.upstream.server import ScriptedUpstream

DEMO = {"model": "demo/hello", "messages": [{"role": "user", "content": "Hi there"}]}


@pytest.fixture(scope="module")
def on(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with ScriptedUpstream() as upstream, stage(upstream, tmp_path_factory.mktemp("surfaces")) as made:
        yield made


def keyless(on: Stage, path: str, body: object = None, *, method: str | None = None, **headers: str) -> Answered:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return ask(on.url, path, body, headers=named, method=method)


@pytest.mark.parametrize(
    "path",
    [
        "/v1/chat/completions",
        "/v1/chat/completions/",
        "/api/v1/chat/completions",
        "/v1/v1/chat/completions",
        "/chat/completions",
        "/v1/providers/demo/chat/completions",
    ],
)
def test_every_base_path_that_people_paste_works(on: Stage, path: str) -> None:
    reply = keyless(on, path, DEMO)
    assert reply.status == 200, reply.body
    assert "Hi there" in msgspec.json.decode(reply.body)["choices"][0]["message"]["content"]


@pytest.mark.parametrize(
    "path", ["/v1/messages", "/v1/messages?beta=true", "/messages", "/v1/providers/demo/messages"]
)
def test_the_same_for_anthropics_clients(on: Stage, path: str) -> None:
    reply = keyless(on, path, DEMO | {"max_tokens": 100})
    assert reply.status == 200, reply.body
    assert msgspec.json.decode(reply.body)["type"] == "message"


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.test"},
        {"sec_fetch_site": "cross-site"},
        {"x_forwarded_for": "203.0.113.9"},
        {"authorization": "Bearer wrong"},
        {"x_api_key": "sk-omni-wrong"},
    ],
)
def test_what_a_web_page_or_a_proxy_could_send_is_not_keyless(on: Stage, headers: dict[str, str]) -> None:
    assert keyless(on, "/v1/chat/completions", DEMO, **headers).status == 401


def test_another_host_name_is_misdirected_on_both_planes(on: Stage) -> None:
    for path in ("/v1/models", "/", "/api/monitoring/health", "/api/providers"):
        assert keyless(on, path, host="rebound.evil.test").status == 421, path


def test_an_unknown_path_and_a_wrong_method_say_so_in_json(on: Stage) -> None:
    unknown = keyless(on, "/v1/nothing")
    assert (unknown.status, msgspec.json.decode(unknown.body)["error"]["code"]) == (404, "not_found")
    wrong = keyless(on, "/v1/chat/completions")
    assert (wrong.status, wrong.headers["allow"]) == (405, "POST")


def test_head_answers_without_a_body(on: Stage) -> None:
    for path in ("/", "/v1/models"):
        reply = keyless(on, path, method="HEAD")
        assert (reply.status, reply.body) == (200, b"")


def test_health_tells_strangers_little_and_the_administrator_more(on: Stage) -> None:
    little = msgspec.json.decode(keyless(on, "/api/monitoring/health").body)
    assert set(little) == {"status", "version", "uptime", "providerSummary"}
    assert little["status"] == "healthy"
    token = (on.gateway.data_dir / "secrets" / "cli-token").read_text().strip()
    more = msgspec.json.decode(keyless(on, "/api/monitoring/health", authorization=f"Bearer {token}").body)
    assert {"system", "revision", "cryptography"} <= set(more)


def test_the_pages_allow_no_script_but_their_own(on: Stage) -> None:
    for path in ("/", "/setup"):
        reply = keyless(on, path)
        assert reply.status == 200
        assert "default-src 'none'" in reply.headers["content-security-policy"]


def test_the_model_list_has_the_shape_of_whoever_asks(on: Stage) -> None:
    model = on.model("openai")
    openai = msgspec.json.decode(keyless(on, "/v1/models").body)
    assert openai["object"] == "list"
    ids = [entry["id"] for entry in openai["data"]]
    assert model in ids
    assert ids[-1] == "demo/hello"
    anthropic = msgspec.json.decode(keyless(on, "/v1/models", anthropic_version="2023-06-01").body)
    assert [entry["id"] for entry in anthropic["data"]] == ids
    assert anthropic["has_more"] is False


@pytest.mark.parametrize("path", ["/api/chat", "/v1/api/chat"])
def test_ollamas_clients_are_answered_in_lines_or_whole(on: Stage, path: str) -> None:
    streamed = keyless(on, path, DEMO)
    assert (streamed.status, streamed.headers["content-type"]) == (200, "application/x-ndjson")
    assert "Hi there" in order_ollama.stream(streamed.body).text
    whole = keyless(on, path, DEMO | {"stream": False})
    assert "Hi there" in order_ollama.answer(whole.body).text


@pytest.mark.parametrize("path", ["/api/tags", "/v1/api/tags"])
def test_ollamas_clients_see_the_same_models(on: Stage, path: str) -> None:
    names = [model["name"] for model in msgspec.json.decode(keyless(on, path).body)["models"]]
    ids = [model["id"] for model in msgspec.json.decode(keyless(on, "/v1/models").body)["data"]]
    assert names == ids


def test_a_request_that_is_over_can_be_read_in_the_log(on: Stage) -> None:
    token = (on.gateway.data_dir / "secrets" / "cli-token").read_text().strip()
    reply = keyless(on, "/v1/chat/completions", DEMO, x_session_id="abc")
    request_id = reply.headers["x-request-id"]
    assert reply.headers["x-omniroute-session-id"] == "ext:abc"
    entry: dict = {}
    for _ in range(100):
        answer = keyless(on, f"/api/usage/request-logs/{request_id}", authorization=f"Bearer {token}")
        if answer.status == 200:
            entry = msgspec.json.decode(answer.body)
            if entry["outcome"] != "open":
                break
    assert (entry["outcome"], entry["provider"], entry["sessionId"]) == ("ok", "demo", "ext:abc")
    assert [attempt["outcome"] for attempt in entry["tries"]] == ["ok"]
    page = msgspec.json.decode(
        keyless(on, "/api/usage/request-logs?limit=1", authorization=f"Bearer {token}").body
    )
    assert len(page["items"]) == 1


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"model":1}', b'{"messages":[]}', b'{"model":"demo/hello","messages":NaN}']
)
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
def test_a_body_that_cannot_be_used_is_a_400_that_says_why(on: Stage, path: str, body: bytes) -> None:
    reply = ask(on.url, path, body, method="POST")
    assert reply.status == 400, reply.body
    assert msgspec.json.decode(reply.body)["error"]["message"]
