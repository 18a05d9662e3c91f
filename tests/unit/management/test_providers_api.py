"""Connections over HTTP: storing, changing, listing and trying them."""

from pathlib import Path

import pytest

from omniroute.upstream.scripted import Answer
from omniroute.upstream.transport import UpstreamRequest
from tests.unit.management.house import MODELS, House, fails, housed, replies

KEY = "sk-proj-0123456789abcdefghij"


def stored(house: House, **more: object) -> dict:
    body = {"provider": "openai", "name": "work", "apiKey": KEY, **more}
    answer = house.admin().post("/api/providers", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()["connection"]


def test_a_connection_is_stored_sealed_and_shown_without_its_key(house: House) -> None:
    made = stored(house)
    assert made | {"id": "", "createdAt": "", "updatedAt": ""} == {
        "id": "",
        "provider": "openai",
        "authType": "apikey",
        "name": "work",
        "priority": 1,
        "isActive": True,
        "origin": "stored",
        "hasApiKey": True,
        "apiKeyHint": "sk-****ghij",
        "credentialsReadable": True,
        "defaultModel": None,
        "maxConcurrent": None,
        "group": None,
        "testStatus": "unknown",
        "lastError": None,
        "lastErrorType": None,
        "errorCode": None,
        "lastTested": None,
        "providerSpecificData": {},
        "secretFields": [],
        "createdAt": "",
        "updatedAt": "",
    }
    admin = house.admin()
    assert admin.get(f"/api/providers/{made['id']}").json() == {"connection": made}
    assert admin.get("/api/providers").json() == {"connections": [made]}
    assert house.actions().count("provider.credentials.created") == 1


def test_the_same_name_updates_in_place_and_stays_sealed(house: House) -> None:
    first = stored(house, defaultModel="gpt-4o")
    second = stored(house, apiKey="sk-proj-another-key-of-some-length")
    assert second["id"] == first["id"]
    assert second["defaultModel"] == "gpt-4o"
    assert second["apiKeyHint"] == "sk-****ngth"
    assert len(house.admin().get("/api/providers").json()["connections"]) == 1


def test_priorities_are_numbered_without_gaps(house: House) -> None:
    admin = house.admin()
    ids = {}
    for name, priority in (("a", 10), ("b", 20), ("c", 30)):
        house.clock.at += 1
        ids[name] = stored(house, name=name, priority=priority)["id"]

    def order() -> list[tuple[str, int]]:
        return [(one["name"], one["priority"]) for one in admin.get("/api/providers").json()["connections"]]

    assert order() == [("a", 1), ("b", 2), ("c", 3)]
    for name, priority, expected in (("c", 1, "cab"), ("c", 3, "abc"), ("a", 2, "bac"), ("c", 2, "bca")):
        house.clock.at += 1
        changed = admin.put(f"/api/providers/{ids[name]}", json={"priority": priority}).json()["connection"]
        assert changed["priority"] == priority
        assert order() == [(one, number) for number, one in enumerate(expected, start=1)]
    admin.delete(f"/api/providers/{ids['b']}")
    assert order() == [("c", 1), ("a", 2)]


def test_provider_data_is_merged_and_its_secrets_are_withheld(house: House) -> None:
    data = {"region": "eu", "consoleApiKey": "canary-console", "tags": ["x"]}
    made = stored(house, providerSpecificData=data)
    assert made["providerSpecificData"] == {"region": "eu", "tags": ["x"]}
    assert made["secretFields"] == ["consoleApiKey"]
    path = f"/api/providers/{made['id']}"
    merge = {"providerSpecificData": {"region": None, "cookie": "canary-cookie", "autoSync": True}}
    changed = house.admin().put(path, json=merge).json()["connection"]
    assert changed["providerSpecificData"] == {"tags": ["x"], "autoSync": True}
    assert changed["secretFields"] == ["consoleApiKey", "cookie"]
    assert b"canary" not in house.database.file.read_bytes()


def test_a_base_url_is_kept_and_checked(house: House) -> None:
    made = stored(house, providerSpecificData={"baseUrl": "https://proxy.example/v1/"})
    assert made["providerSpecificData"] == {"baseUrl": "https://proxy.example/v1"}
    path = f"/api/providers/{made['id']}"
    for bad in (
        "http://127.0.0.1:9000/v1",
        "http://localhost/v1",
        "http://169.254.169.254/",
        "http://[::1]/",
        "http://[::ffff:10.0.0.1]/",
        "http://2130706433/",
        "http://0x7f.1/",
        "https://user@host.example/",
        "file:///etc/passwd",
        "gopher://x.example/",
        5,
    ):
        assert house.admin().put(path, json={"providerSpecificData": {"baseUrl": bad}}).status_code == 400, bad
    assert house.admin().get(path).json()["connection"] == made
    none = house.admin().put(path, json={"providerSpecificData": {"baseUrl": None}}).json()["connection"]
    assert none["providerSpecificData"] == {}


def test_null_and_nothing_are_different(house: House) -> None:
    made = stored(house, group="team-a", maxConcurrent=0, defaultModel="m")
    assert (made["group"], made["maxConcurrent"]) == ("team-a", 0)
    path = f"/api/providers/{made['id']}"
    kept = house.admin().put(path, json={"name": "other"}).json()["connection"]
    assert (kept["group"], kept["maxConcurrent"], kept["defaultModel"]) == ("team-a", 0, "m")
    gone = house.admin().put(path, json={"group": None, "maxConcurrent": None, "defaultModel": None})
    changed = gone.json()["connection"]
    assert (changed["group"], changed["maxConcurrent"], changed["defaultModel"]) == (None, None, None)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"provider": "openai", "name": "x"}, 400, "api_key_missing"),
        ({"provider": "openai", "name": "x", "apiKey": "a\nb"}, 400, "bad_api_key"),
        ({"provider": "openai", "name": "x", "apiKey": "kéy"}, 400, "bad_api_key"),
        ({"provider": "nobody", "name": "x", "apiKey": "k"}, 400, "unknown_provider"),
        ({"provider": "cursor", "name": "x", "apiKey": "k"}, 400, "provider_not_offered"),
        ({"provider": "openai-compatible-chat-00", "name": "x", "apiKey": "k"}, 404, "node_not_found"),
        ({"provider": "openai", "name": " ", "apiKey": "k"}, 400, "bad_name"),
        ({"provider": "openai", "name": "x", "apiKey": "k", "priority": 0}, 400, "validation_error"),
        ({"provider": "openai", "name": "x", "apiKey": "k", "priority": 101}, 400, "validation_error"),
        ({"provider": "openai", "name": "x", "apiKey": "k", "accessToken": "t"}, 400, "validation_error"),
        ({"name": "x", "apiKey": "k"}, 400, "validation_error"),
        ({"provider": "openai", "name": "x", "apiKey": "k", "providerSpecificData": []}, 400, "validation_error"),
        (
            {"provider": "openai", "name": "x", "apiKey": "k", "providerSpecificData": {"tags": [1]}},
            400,
            "bad_provider_data",
        ),
    ],
)
def test_what_cannot_be_used_is_refused(house: House, body: dict, status: int, code: str) -> None:
    admin = house.admin()
    answer = admin.post("/api/providers", json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert admin.get("/api/providers").json() == {"connections": []}


def test_an_error_never_repeats_what_was_sent(house: House) -> None:
    answer = house.admin().post("/api/providers", json={"provider": 7, "name": "x", "apiKey": ["canary-secret"]})
    assert answer.json()["error"]["details"] == [
        {"field": "provider", "message": "Input should be a valid string"},
        {"field": "apiKey", "message": "Input should be a valid string"},
    ]
    bad = house.admin().post(
        "/api/providers", content=b'{"apiKey": "canary', headers={"content-type": "application/json"}
    )
    assert bad.json()["error"]["details"] == [{"field": "body", "message": "Invalid JSON body"}]


def test_a_local_provider_needs_no_key(house: House) -> None:
    made = house.admin().post("/api/providers", json={"provider": "ollama", "name": "here"})
    assert made.json()["connection"]["authType"] == "none"
    data = {"baseUrl": "http://192.168.1.9:11434/v1"}
    moved = house.admin().put(
        f"/api/providers/{made.json()['connection']['id']}", json={"providerSpecificData": data}
    )
    assert moved.json()["connection"]["providerSpecificData"] == data


def test_a_name_is_unique_at_its_provider(house: House) -> None:
    stored(house, name="one")
    other = stored(house, name="two")
    answer = house.admin().put(f"/api/providers/{other['id']}", json={"name": "one"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "name_taken")


def test_bulk_delete(house: House) -> None:
    ids = [stored(house, name=name)["id"] for name in "abc"]
    admin = house.admin()
    many = admin.request("DELETE", "/api/providers", json={"ids": ["x"] * 101})
    assert many.status_code == 400
    gone = admin.request("DELETE", "/api/providers", json={"ids": [*ids[:2], ids[0], "nobody"]})
    assert gone.json() == {"message": "Deleted 2 connection(s)", "deleted": 2}
    left = admin.get("/api/providers").json()["connections"]
    assert [one["id"] for one in left] == ids[2:]
    assert house.actions().count("provider.credentials.revoked") == 2


def test_deleting_and_asking_for_what_is_not_there(house: House) -> None:
    made = stored(house)
    admin = house.admin()
    path = f"/api/providers/{made['id']}"
    assert admin.delete(path).json() == {"message": "Connection deleted successfully"}
    for method, tail in (("DELETE", ""), ("GET", ""), ("PUT", ""), ("POST", "/test"), ("GET", "/models")):
        body = {"name": "x"} if method == "PUT" else None
        assert admin.request(method, path + tail, json=body).status_code == 404
    assert admin.put(path, json={}).status_code == 400


def test_connections_of_the_environment_are_listed_last_and_read_only(tmp_path: Path) -> None:
    environ = {"ANTHROPIC_API_KEY": "sk-ant-0123456789abcdefghij", "GITHUB_TOKEN": "ghp_nothing"}
    with housed(tmp_path, environ=environ) as house:
        stored(house)
        admin = house.admin()
        listed = admin.get("/api/providers").json()["connections"]
        assert [one["id"] for one in listed][1:] == ["env:anthropic"]
        found = listed[1]
        assert (found["origin"], found["apiKeyHint"], found["createdAt"]) == ("env", "sk-****ghij", None)
        path = "/api/providers/env:anthropic"
        assert admin.get(path).json() == {"connection": found}
        for method in ("PUT", "DELETE"):
            body = {"isActive": False} if method == "PUT" else None
            answer = admin.request(method, path, json=body)
            assert (answer.status_code, answer.json()["error"]["code"]) == (409, "environment_connection")
        assert admin.post(f"{path}/test").json()["valid"] is True
        assert admin.put("/api/providers/env:openai", json={"name": "x"}).status_code == 404
        assert admin.get("/api/providers/env:openai").status_code == 404


def test_a_changed_seal_key_is_reported_and_nothing_falls_back(tmp_path: Path) -> None:
    with housed(tmp_path) as house:
        made = stored(house, providerSpecificData={"consoleApiKey": "c"})
    (tmp_path / "secrets" / "seal").write_text("ab" * 32)
    with housed(tmp_path) as house:
        admin = house.admin()
        path = f"/api/providers/{made['id']}"
        found = admin.get(path).json()["connection"]
        assert (found["hasApiKey"], found["credentialsReadable"], found["apiKeyHint"]) == (True, False, None)
        tested = admin.post(f"{path}/test").json()
        assert (tested["valid"], tested["diagnosis"]["type"]) == (False, "auth_missing")
        assert admin.get(f"{path}/models").status_code == 409
        health = admin.get("/api/monitoring/health").json()
        assert health["cryptography"]["status"] == "missing_or_invalid"
        again = admin.put(path, json={"apiKey": KEY, "providerSpecificData": {"region": "eu"}}).json()[
            "connection"
        ]
        assert again["credentialsReadable"] is True
        assert admin.post(f"{path}/test").json()["valid"] is True


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (lambda request: MODELS, (True, "ok", 200, "active")),
        (replies(200, [{"id": "m"}]), (True, "ok", 200, "active")),
        (replies(401, {"error": "no"}), (False, "upstream_auth_error", 401, "error")),
        (replies(403, {"error": "no"}), (False, "upstream_auth_error", 403, "error")),
        (replies(429, {"error": "slow"}), (True, "upstream_rate_limited", 429, "active")),
        (replies(404, {}), (False, "unsupported", 404, "error")),
        (replies(405, {}), (False, "unsupported", 405, "error")),
        (replies(500, b"oops"), (False, "upstream_unavailable", 500, "error")),
        (replies(302, b"", location="https://x.example"), (False, "upstream_error", 302, "error")),
        (replies(200, b"<html>hello</html>"), (False, "upstream_error", 200, "error")),
        (fails("timeout"), (False, "network_error", None, "error")),
        (fails("connect"), (False, "network_error", None, "error")),
        (fails("closed"), (False, "network_error", None, "error")),
        (fails("protocol"), (False, "upstream_error", None, "error")),
        (fails("blocked"), (False, "network_error", None, "error")),
    ],
)
def test_a_test_says_what_is_wrong_and_writes_it_down(house: House, answer: object, expected: tuple) -> None:
    made = stored(house)
    house.answer = answer  # type: ignore[assignment]
    admin = house.admin()
    tested = admin.post(f"/api/providers/{made['id']}/test")
    assert tested.status_code == 200
    found = tested.json()
    after = admin.get(f"/api/providers/{made['id']}").json()["connection"]
    assert (found["valid"], found["diagnosis"]["type"], found["statusCode"], after["testStatus"]) == expected
    assert after["lastError"] == found["error"]
    assert after["lastTested"] == found["testedAt"]
    assert after["updatedAt"] == made["updatedAt"]


def chat_answers(status: int, body: bytes) -> object:
    def answer(request: UpstreamRequest) -> Answer:
        return Answer(status=404) if request.method == "GET" else Answer(status=status, chunks=(body,))

    return answer


@pytest.mark.parametrize(
    ("status", "body", "valid", "kind"),
    [
        (200, b'{"choices":[]}', True, "ok"),
        (400, b'{"error":{"message":"max_tokens"}}', True, "ok"),
        (401, b"{}", False, "upstream_auth_error"),
        (404, b'{"error":{"message":"no such model"}}', True, "ok"),
        (404, b"<h1>Not Found</h1>", False, "unsupported"),
        (405, b"", False, "unsupported"),
        (429, b"{}", True, "upstream_rate_limited"),
        (503, b"", False, "upstream_unavailable"),
        (307, b"", False, "upstream_error"),
        (200, b"hello", False, "upstream_error"),
    ],
)
def test_without_a_model_list_one_token_of_chat_decides(
    house: House, status: int, body: bytes, valid: bool, kind: str
) -> None:
    made = stored(house)
    house.answer = chat_answers(status, body)  # type: ignore[assignment]
    tested = house.admin().post(f"/api/providers/{made['id']}/test", json={"validationModelId": "gpt-x"}).json()
    assert (tested["valid"], tested["diagnosis"]["type"]) == (valid, kind)
    request = house.transport.requests[-1]
    assert request.url == "https://api.openai.com/v1/chat/completions"
    assert b'"gpt-x"' in request.body
    assert ("authorization", f"Bearer {KEY}") in request.headers


def test_clearing_an_error(house: House) -> None:
    made = stored(house)
    house.answer = replies(401, {})
    admin = house.admin()
    admin.post(f"/api/providers/{made['id']}/test")
    path = f"/api/providers/{made['id']}"
    assert admin.put(path, json={"lastError": "my own words"}).status_code == 400
    cleared = admin.put(path, json={"lastError": None, "testStatus": "unknown"}).json()["connection"]
    assert (cleared["testStatus"], cleared["lastError"], cleared["errorCode"]) == ("unknown", None, None)


def test_validating_stores_nothing(house: House) -> None:
    admin = house.admin()
    before = house.actions()
    answer = admin.post("/api/providers/validate", json={"provider": "openai", "apiKey": KEY})
    assert answer.json() == {"valid": True, "error": None, "warning": None, "method": "models_endpoint"}
    house.answer = replies(401, {})
    refused = admin.post("/api/providers/validate", json={"provider": "openai", "apiKey": KEY}).json()
    assert (refused["valid"], refused["error"]) == (False, "The provider refuses the credential.")
    assert admin.get("/api/providers").json() == {"connections": []}
    assert house.actions() == before


@pytest.mark.parametrize(
    ("answer", "body", "status", "code"),
    [
        (fails("timeout"), {}, 504, "upstream_timeout"),
        (fails("blocked"), {}, 503, "blocked_url"),
        (replies(301, b""), {}, 503, "redirect_refused"),
        (fails("connect"), {}, 200, None),
        (replies(200, {}), {"baseUrl": "http://169.254.169.254/latest"}, 503, "blocked_url"),
        (replies(200, {}), {"baseUrl": "http://127.0.0.1:1"}, 503, "blocked_url"),
        (replies(200, {}), {"baseUrl": "http://[::]/"}, 503, "blocked_url"),
        (replies(200, {}), {"baseUrl": "nonsense"}, 400, "bad_url"),
    ],
)
def test_validating_an_address_that_cannot_be_asked(
    house: House, answer: object, body: dict[str, str], status: int, code: str | None
) -> None:
    house.answer = answer  # type: ignore[assignment]
    admin = house.admin()
    got = admin.post("/api/providers/validate", json={"provider": "openai", "apiKey": KEY, **body})
    assert (got.status_code, got.json()["error"] and got.json()["error"].get("code") if code else None) == (
        status,
        code,
    )
    assert ("provider.validation.ssrf_blocked" in house.actions()) == (code == "blocked_url")


def test_a_batch_tests_the_active_ones(house: House) -> None:
    stored(house, name="a")
    off = stored(house, name="b")
    stored(house, provider="anthropic", name="c")
    admin = house.admin()
    admin.put(f"/api/providers/{off['id']}", json={"isActive": False})
    house.answer = lambda request: replies(200 if "openai" in request.url else 401, [{"id": "m"}])(request)
    batch = admin.post("/api/providers/test-batch", json={"mode": "all"}).json()
    assert batch["summary"] == {"total": 2, "passed": 1, "failed": 1}
    assert {one["connectionName"]: one["valid"] for one in batch["results"]} == {"a": True, "c": False}
    one = admin.post("/api/providers/test-batch", json={"mode": "provider", "providerId": "openai"}).json()
    assert one["summary"]["total"] == 1
    assert admin.post("/api/providers/test-batch", json={"mode": "oauth"}).json()["results"] == []
    assert admin.post("/api/providers/test-batch", json={"mode": "provider"}).status_code == 400
    assert admin.post("/api/providers/test-batch", json={"mode": "sideways"}).status_code == 400


def test_the_models_of_a_connection(house: House) -> None:
    made = stored(house, provider="deepseek")  # a provider whose row names no models to fall back on
    admin = house.admin()
    path = f"/api/providers/{made['id']}/models"
    assert admin.get(path, params={"refresh": "true"}).json() == {
        "provider": "deepseek",
        "connectionId": made["id"],
        "models": [{"id": "m-1", "name": "m-1", "owned_by": "somebody"}],
        "source": "api",
        "warning": None,
    }
    for answer, status in (
        (fails("timeout"), 504),
        (fails("blocked"), 503),
        (fails("connect"), 502),
        (replies(401, {}), 502),
    ):
        house.answer = answer
        assert admin.get(path).status_code == status
