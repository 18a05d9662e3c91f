"""Secrets planted everywhere they may be entered are looked for everywhere they might come out."""

import logging
from pathlib import Path

import pytest

from omniroute.management.router import routes
from tests.unit.management.house import fails, housed, replies

CANARY = "canary7f3a"


def planted(name: str) -> str:
    return f"sk-{CANARY}-{name}-0123456789"


def test_no_secret_ever_comes_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    answers: list[str] = []
    environ = {"ANTHROPIC_API_KEY": planted("environment")}
    settings = {"initial_password": planted("initial"), "api_key": planted("envkey"), "jwt_secret": planted("jwt")}
    with housed(tmp_path, environ=environ, **settings) as house:
        admin = house.client()

        def ask(method: str, path: str, body: object = None, **headers: str) -> dict:
            answer = admin.request(method, path, json=body, headers=headers)
            answers.append(f"{answer.headers} {answer.text}" if path != "/api/auth/login" else answer.text)
            return answer.json()

        ask("POST", "/api/auth/login", {"password": planted("wrong-password")})
        ask("POST", "/api/auth/setup", {"token": planted("token"), "password": planted("setup-password")})
        ask("POST", "/api/auth/login", {"password": planted("initial")})
        connection = ask(
            "POST",
            "/api/providers",
            {
                "provider": "openai",
                "name": "work",
                "apiKey": planted("apikey"),
                "providerSpecificData": {
                    "consoleApiKey": planted("console"),
                    "cookie": planted("cookie"),
                    "copilotToken": planted("copilot"),
                    "anything": planted("anything"),
                    "nested": {"deep": [planted("nested")]},
                },
            },
        )["connection"]
        path = f"/api/providers/{connection['id']}"
        ask(
            "PUT", path, {"apiKey": planted("second"), "providerSpecificData": {"secretAccessKey": planted("aws")}}
        )
        ask(
            "POST",
            "/api/provider-nodes",
            {"name": "n", "prefix": "n", "apiType": "chat", "baseUrl": "http://10.1.1.1"},
        )
        ask("POST", "/api/providers", {"provider": "n", "name": "n", "apiKey": planted("node")})
        ask("POST", "/api/provider-nodes/validate", {"baseUrl": f"http://169.254.169.254/?k={planted('url')}"})
        for url in (f"http://{planted('user')}@169.254.169.254/", f"http://127.0.0.1/#{planted('fragment')}"):
            body = {"provider": "openai", "apiKey": planted("validated"), "baseUrl": url}
            ask("POST", "/api/providers/validate", body)
        key = ask("POST", "/api/keys", {"name": "k", "scopes": ["manage"]})
        answers.pop()  # the one place where a key is shown
        for reply in (
            replies(200, {"data": [{"id": "m", "api_key": planted("theirs")}]}),
            replies(401, {"error": {"message": planted("echoed")}}),
            replies(500, planted("upstream").encode()),
            fails("connect"),
        ):
            house.answer = reply
            ask("POST", f"{path}/test", {})
            ask("GET", f"{path}/models")
            ask("POST", "/api/providers/test-batch", {"mode": "all"})
            ask("POST", "/api/providers/validate", {"provider": "openai", "apiKey": planted("validated")})
        ask("POST", "/api/providers", {"provider": 7, "apiKey": [planted("invalid")]})
        ask("POST", "/api/providers", {"provider": "openai", "name": "x", "apiKey": planted("line\nbreak")})
        ask("GET", "/api/keys", Authorization=f"Bearer {planted('stranger')}")
        ask("GET", "/api/keys", Authorization=f"Bearer {key['key']}")
        change = {"password": planted("new-password"), "currentPassword": planted("initial")}
        admin.put("/api/settings/require-login", json=change)
        for route in routes(house.app):
            if route.method == "GET":
                ask("GET", route.path.replace("{connection_id}", connection["id"]).replace("{key_id}", key["id"]))
        house.writer.close()
        ask("PUT", path, {"apiKey": planted("failing")})
        audited = str(house.audited())
        raw = b"".join(file.read_bytes() for file in tmp_path.rglob("omniroute.db*"))
        described = repr(house.services)

    for answer in answers:
        assert CANARY not in answer
        assert key["key"] not in answer
    assert CANARY not in audited
    assert key["key"] not in audited
    assert CANARY not in described
    assert CANARY.encode() not in raw
    assert key["key"].encode() not in raw
    assert CANARY not in caplog.text
    assert key["key"] not in caplog.text
    assert len(answers) > 40
