"""Claims about what commands send to the gateway and print, against a gateway that answers by script."""

import io
import json
import os
import sys
from pathlib import Path

import pytest

from tests.unit.cli.scripted import Asked, Omniroute, ScriptedGateway

CONNECTIONS = {
    "connections": [
        {"id": "c1", "provider": "openai", "name": "work", "authType": "apikey", "priority": 1, "isActive": True,
         "testStatus": "active"},
        {"id": "c2", "provider": "openai", "name": "home", "authType": "apikey", "priority": 2, "isActive": False,
         "testStatus": "error", "lastError": "invalid\tkey"},
        {"id": "d1", "provider": "groq", "name": "groq", "authType": "apikey", "priority": 1, "isActive": True},
    ]
}  # fmt: skip
KEYS = {
    "keys": [
        {"id": "k1", "name": "laptop", "key": "sk-omni-ab12", "isActive": True, "allowedModels": []},
        {"id": "k2", "name": "ci", "key": "sk-omni-cd34", "isActive": False,
         "allowedModels": ["openai/*", "demo/*"],
         "expiresAt": "2027-01-31T00:00:00Z", "lastUsedAt": "2026-11-01T10:00:00Z"},
    ]
}  # fmt: skip


def test_status_tells_how_the_gateway_is(gateway: ScriptedGateway, omniroute: Omniroute) -> None:
    health = {
        "status": "healthy",
        "version": "0.1.0",
        "uptime": 3720.5,
        "providerSummary": {"catalogCount": 100, "configuredCount": 3, "activeCount": 2},
    }
    gateway.answers["GET /api/monitoring/health"] = (200, health)
    ran = omniroute("status")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == (
        f"status\thealthy\naddress\t{gateway.url}\nversion\t0.1.0\nuptime\t1 h 2 min\n"
        "providers\t2 active of 3 configured\n"
    )
    assert json.loads(omniroute("status", "--json").out) == health


def test_providers_are_listed_with_their_last_test_and_no_cell_breaks_a_row(
    gateway: ScriptedGateway, omniroute: Omniroute
) -> None:
    gateway.answers["GET /api/providers"] = (200, CONNECTIONS)
    assert omniroute("providers", "ls").out == (
        "c1\topenai\twork\t1\tactive\tactive\n"
        "c2\topenai\thome\t2\tdisabled\tinvalid key\n"
        "d1\tgroq\tgroq\t1\tactive\tunknown\n"
    )
    assert json.loads(omniroute("providers", "ls", "--json").out) == CONNECTIONS["connections"]
    assert gateway.asked[0] == Asked("GET", "/api/providers", "Bearer t0ken", None)


def test_a_provider_is_added_with_the_key_of_a_variable(
    gateway: ScriptedGateway, omniroute: Omniroute, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway.answers["POST /api/providers"] = (201, {"connection": CONNECTIONS["connections"][0]})
    gateway.answers["POST /api/providers/c1/test"] = (200, {"valid": True, "latencyMs": 41.6})
    monkeypatch.setenv("WORK_KEY", "sk-very-secret\n")
    ran = omniroute("providers", "add", "openai", "--name", "work", "--key-env", "WORK_KEY", "--test")
    assert gateway.asked[0].body == {"provider": "openai", "name": "work", "apiKey": "sk-very-secret"}
    assert (ran.code, ran.out) == (0, "c1\nopenai\twork\tworks\t42 ms\t\n")
    assert "sk-very-secret" not in ran.out + ran.err


def test_a_provider_can_be_added_with_a_key_on_stdin_and_another_address(
    gateway: ScriptedGateway, omniroute: Omniroute, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway.answers["POST /api/providers"] = (201, {"connection": CONNECTIONS["connections"][2]})
    monkeypatch.setattr(sys, "stdin", io.StringIO("gsk-1\n"))
    assert omniroute("providers", "add", "groq", "--key-stdin", "--base-url", "http://127.0.0.1:9/v1").code == 0
    assert gateway.asked[0].body == {
        "provider": "groq",
        "name": "groq",
        "apiKey": "gsk-1",
        "providerSpecificData": {"baseUrl": "http://127.0.0.1:9/v1"},
    }


def test_a_missing_key_is_a_usage_error_that_names_the_ways_to_give_it(
    gateway: ScriptedGateway, omniroute: Omniroute
) -> None:
    ran = omniroute("providers", "add", "openai")
    assert (ran.code, gateway.asked) == (2, [])
    assert ran.err == "omniroute: no API key was given\nhint: use --key-env NAME, --key-stdin or --no-key\n"
    assert "'NOT_SET' is not set" in omniroute("providers", "add", "openai", "--key-env", "NOT_SET").err


def test_testing_all_providers_fails_when_one_fails_and_leaves_disabled_ones_out(
    gateway: ScriptedGateway, omniroute: Omniroute
) -> None:
    gateway.answers |= {
        "GET /api/providers": (200, CONNECTIONS),
        "POST /api/providers/c1/test": (200, {"valid": True, "latencyMs": 7}),
        "POST /api/providers/d1/test": (200, {"valid": False, "error": "Token invalid or revoked"}),
    }
    ran = omniroute("providers", "test", "--all")
    assert ran.code == 1
    assert ran.out == "openai\twork\tworks\t7 ms\t\ngroq\tgroq\tfails\t\tToken invalid or revoked\n"
    assert ran.err == "omniroute: 1 of 2 connections failed: groq\n"
    assert omniroute("providers", "test").code == 2


@pytest.mark.parametrize(
    ("wanted", "sent"),
    [("c2", "c2"), ("home", "c2"), ("groq", "d1"), ("d", "d1")],
)
def test_a_connection_is_found_by_id_name_provider_or_the_beginning_of_its_id(
    gateway: ScriptedGateway, omniroute: Omniroute, wanted: str, sent: str
) -> None:
    gateway.answers |= {"GET /api/providers": (200, CONNECTIONS), f"PUT /api/providers/{sent}": (200, {})}
    assert omniroute("providers", "disable", wanted).code == 0
    assert gateway.asked[-1] == Asked("PUT", f"/api/providers/{sent}", "Bearer t0ken", {"isActive": False})


def test_an_ambiguous_or_unknown_connection_changes_nothing(
    gateway: ScriptedGateway, omniroute: Omniroute
) -> None:
    gateway.answers["GET /api/providers"] = (200, CONNECTIONS)
    assert omniroute("providers", "rm", "openai", "--yes").err == (
        "omniroute: 'openai' means several connections: c1 (work), c2 (home)\nhint: give the id\n"
    )
    assert omniroute("providers", "rm", "nobody", "--yes").err == (
        "omniroute: there is no connection 'nobody'\nhint: `omniroute providers ls` lists them\n"
    )
    assert {asked.method for asked in gateway.asked} == {"GET"}


def test_nothing_is_deleted_without_a_yes(gateway: ScriptedGateway, omniroute: Omniroute) -> None:
    gateway.answers |= {"GET /api/keys": (200, KEYS), "DELETE /api/keys/k1": (200, {"message": "gone"})}
    ran = omniroute("keys", "rm", "laptop")
    assert (ran.code, ran.err) == (
        2,
        "omniroute: Delete the key 'laptop' (k1)? needs an answer\nhint: --yes gives it\n",
    )
    assert omniroute("keys", "rm", "laptop", "--yes").code == 0
    assert [asked.method for asked in gateway.asked] == ["GET", "GET", "DELETE"]


def test_models_of_a_connection_are_listed_with_the_gateways_warning(
    gateway: ScriptedGateway, omniroute: Omniroute
) -> None:
    gateway.answers |= {
        "GET /api/providers": (200, CONNECTIONS),
        "GET /api/providers/d1/models?refresh=true": (
            200,
            {"models": [{"id": "llama", "name": "Llama"}, {"id": "x"}], "warning": "from the cache"},
        ),
    }
    ran = omniroute("providers", "models", "groq", "--refresh")
    assert (ran.out, ran.err) == ("llama\tLlama\nx\t\n", "from the cache\n")
    assert omniroute("providers", "models", "groq", "--refresh", "-q").err == ""


def test_the_catalog_needs_no_gateway(omniroute: Omniroute, gateway: ScriptedGateway) -> None:
    ran = omniroute("providers", "catalog", "openai")
    assert ran.code == 0
    assert "openai\t" in ran.out
    assert gateway.asked == []


def test_keys_are_listed_and_made(gateway: ScriptedGateway, omniroute: Omniroute) -> None:
    gateway.answers |= {
        "GET /api/keys": (200, KEYS),
        "POST /api/keys": (201, {"key": "sk-omni-full", "id": "k3", "name": "new"}),
    }
    assert omniroute("keys", "ls").out == (
        "k1\tlaptop\tsk-omni-ab12\tactive\tall\tnever\tnever\n"
        "k2\tci\tsk-omni-cd34\tdisabled\topenai/*, demo/*\t2027-01-31T00:00:00Z\t2026-11-01T10:00:00Z\n"
    )
    ran = omniroute(
        "keys",
        "create",
        "new",
        "--models",
        "openai/*, demo/hello",
        "--expires",
        "2999-01-31",
        "--manage",
        "--strict",
    )
    assert gateway.asked[-1].body == {
        "name": "new",
        "allowedModels": ["openai/*", "demo/hello"],
        "expiresAt": "2999-01-31T00:00:00Z",
        "scopes": ["manage"],
        "strict": True,
    }
    assert (ran.out, ran.err) == ("sk-omni-full\n", "keep it: it is not shown again\n")


def test_a_key_is_rotated_and_disabled_by_name(gateway: ScriptedGateway, omniroute: Omniroute) -> None:
    gateway.answers |= {
        "GET /api/keys": (200, KEYS),
        "POST /api/keys/k1/regenerate": (200, {"key": "sk-omni-next", "id": "k1", "message": "..."}),
        "PATCH /api/keys/k1": (200, {"message": "..."}),
    }
    assert omniroute("keys", "rotate", "laptop", "--yes").out == "sk-omni-next\n"
    assert omniroute("keys", "disable", "laptop").err == "disabled the key 'laptop'\n"
    assert gateway.asked[-1].body == {"isActive": False}


def test_models_are_listed_and_searched(gateway: ScriptedGateway, omniroute: Omniroute) -> None:
    models = [{"id": "openai/gpt-5", "owned_by": "openai"}, {"id": "demo/hello", "owned_by": "demo"}]
    gateway.answers["GET /v1/models"] = (200, {"object": "list", "data": models})
    assert omniroute("models", "ls").out == "openai/gpt-5\topenai\ndemo/hello\tdemo\n"
    assert omniroute("models", "ls", "--search", "GPT").out == "openai/gpt-5\topenai\n"
    assert json.loads(omniroute("models", "ls", "--json").out) == models


STREAM = (
    b": waiting\n\n"
    b'data: {"choices":[{"delta":{"role":"assistant","content":""}}]}\n\n'
    b'data: {"choices":[{"delta":{"content":"Hi "}}]}\r\n\r\n'
    b'data: {"choices":[{"delta":{"content":"there"},"finish_reason":"stop"}]}\n\n'
    b'data: {"choices":[],"usage":{"prompt_tokens":1}}\n\n'
)


def test_ask_prints_the_answer_of_the_model(
    gateway: ScriptedGateway, omniroute: Omniroute, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway.answers["POST /v1/chat/completions"] = (200, STREAM + b"data: [DONE]\n\n")
    monkeypatch.setattr(sys, "stdin", io.StringIO("some text\n"))
    ran = omniroute("ask", "demo/hello", "Sum up")
    assert (ran.code, ran.out, ran.err) == (0, "Hi there\n", "")
    assert gateway.asked[0].body == {
        "model": "demo/hello",
        "messages": [{"role": "user", "content": "Sum up\n\nsome text"}],
        "stream": True,
    }
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    assert json.loads(omniroute("ask", "demo/hello", "Hi", "--json").out) == {
        "model": "demo/hello",
        "text": "Hi there",
    }
    assert omniroute("ask", "demo/hello").code == 2


@pytest.mark.parametrize(
    ("rest", "cause"),
    [
        (b"", "the answer broke off before its end"),
        (b'data: {"error":{"message":"Overloaded"}}\n\n', "Overloaded"),
    ],
)
def test_an_answer_that_does_not_end_well_is_a_failure_after_what_was_said(
    gateway: ScriptedGateway, omniroute: Omniroute, monkeypatch: pytest.MonkeyPatch, rest: bytes, cause: str
) -> None:
    gateway.answers["POST /v1/chat/completions"] = (200, STREAM + rest)
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    ran = omniroute("ask", "demo/hello", "Hi")
    assert (ran.code, ran.out) == (1, "Hi there")
    assert ran.err.startswith(f"omniroute: {cause}\n")


def test_logs_are_listed_oldest_first_over_several_pages(gateway: ScriptedGateway, omniroute: Omniroute) -> None:
    def entry(number: int, **more: object) -> dict[str, object]:
        return {"id": f"req_{number}", "timestamp": "2026-11-22T10:00:00Z", "status": 200, "model": "m", **more}

    newest = entry(3, provider="openai", account="work", duration=12.4, tokens={"in": 5, "out": 7})
    failed = entry(2, status=502, error="upstream\nfailed")
    gateway.answers |= {
        "GET /api/usage/request-logs?limit=3": (200, {"items": [newest, failed], "nextCursor": "abc"}),
        "GET /api/usage/request-logs?limit=3&cursor=abc": (
            200,
            {"items": [entry(1), entry(0)], "nextCursor": None},
        ),
        "GET /api/usage/request-logs?limit=1&status=error&model=gpt": (
            200,
            {"items": [failed], "nextCursor": "x"},
        ),
        "GET /api/usage/request-logs/req_2": (200, failed),
    }
    assert omniroute("logs", "ls", "--limit", "3").out == (
        "req_1\t2026-11-22T10:00:00Z\t200\tm\t-\t-\t0>0\n"
        "req_2\t2026-11-22T10:00:00Z\t502\tm\t-\t-\t0>0\tupstream failed\n"
        "req_3\t2026-11-22T10:00:00Z\t200\tm\topenai/work\t12ms\t5>7\n"
    )
    ran = omniroute("logs", "--limit", "1", "--errors", "--model", "gpt", "--json")
    assert [json.loads(line) for line in ran.out.splitlines()] == [failed]
    assert json.loads(omniroute("logs", "show", "req_2", "--json").out) == {**failed, "explanation": None}
    assert omniroute("logs", "ls", "--limit", "0").code == 2


def test_logs_are_looked_for_by_a_filter_until_there_are_no_more(
    gateway: ScriptedGateway, omniroute: Omniroute
) -> None:
    asked = "GET /api/usage/request-logs?limit=20&q=status%3Aerror+cost%3E0.01"
    nothing = {"items": [], "nextCursor": "abc", "searchedUntil": "2026-11-01T00:00:00Z"}
    found = {"id": "req_1", "timestamp": "t", "status": 500, "model": "m"}
    gateway.answers |= {
        asked: (200, nothing),
        f"{asked}&cursor=abc": (200, {"items": [found], "nextCursor": None}),
    }
    for words in (["status:error cost>0.01"], ["status:error", "cost>0.01"], ["ls", "status:error", "cost>0.01"]):
        ran = omniroute("logs", *words)
        assert (ran.code, ran.out) == (0, "req_1\tt\t500\tm\t-\t-\t0>0\n")
        assert ran.err == "searched back to 2026-11-01T00:00:00Z\n"


def test_a_mistake_in_a_filter_is_shown_where_it_is(omniroute: Omniroute) -> None:
    ran = omniroute("logs", "status:error modle:x")
    assert ran.code == 2
    assert ran.err == (
        "omniroute: the filter is wrong: there is no field 'modle'; did you mean 'model'?"
        " (quotes look for a text)\n"
        "hint: status:error modle:x\n"
        "                   ^\n"
    )


def test_bodies_that_were_kept_are_shown_without_moving_the_cursor(
    gateway: ScriptedGateway, omniroute: Omniroute
) -> None:
    request = {"headers": {}, "text": '{"model":"m"}', "size": 13, "leftOut": 0}
    response = {"headers": {}, "text": "one\ntwo\x1b[2J", "size": 11, "leftOut": 0}
    row = {"id": "req_1", "timestamp": "t", "status": 200, "outcome": "ok", "capture": None}
    capture = {"method": "POST", "path": "/v1/x", "status": 200, "request": request, "response": response}
    gateway.answers["GET /api/usage/request-logs/req_1"] = (200, {**row, "capture": capture})
    shown = omniroute("logs", "show", "req_1").out
    assert shown.endswith('\nPOST /v1/x  (13 bytes)\n{"model":"m"}\n\n200  (11 bytes)\none\ntwo [2J\n')


def test_a_file_of_prices_is_sent_with_the_date_of_its_last_change(
    gateway: ScriptedGateway, omniroute: Omniroute, tmp_path: Path
) -> None:
    file = tmp_path / "prices.json"
    file.write_text('{"m": {"litellm_provider": "x"}}')
    os.utime(file, (1_790_000_000, 1_790_000_000))
    said = {"success": True, "source": "litellm", "dated": "2026-09-21", "models": 7, "dryRun": False}
    gateway.answers["POST /api/pricing/sync"] = (200, said)
    ran = omniroute("pricing", "import", str(file))
    assert (ran.code, ran.err) == (0, "took over the prices of 7 models from litellm, as of 2026-09-21\n")
    assert gateway.asked[-1].body == {
        "prices": {"m": {"litellm_provider": "x"}},
        "dated": "2026-09-21",
        "dryRun": False,
    }
    missing = omniroute("pricing", "import", str(tmp_path / "none.json"))
    assert (missing.code, "cannot be read: No such file" in missing.err) == (2, True)
    file.write_text("[]")
    assert omniroute("pricing", "import", str(file)).code == 2


def test_usage_is_summed_up_by_model_and_key(gateway: ScriptedGateway, omniroute: Omniroute) -> None:
    spent = {"requests": 3, "promptTokens": 30, "completionTokens": 6, "cost": 0.0125}
    history = {
        "totalRequests": 3,
        "totalPromptTokens": 30,
        "totalCompletionTokens": 6,
        "totalCost": 0.0125,
        "failedRequests": 1,
        "unpricedRequests": 2,
        "byModel": {"m (openai)": spent},
        "byApiKey": {"id:k1": {**spent, "apiKeyName": "laptop"}},
    }
    gateway.answers["GET /api/usage/history?range=24h"] = (200, history)
    ran = omniroute("usage", "--range", "24h")
    assert ran.out == (
        "all\t\t3\t30\t6\t$0.0125\nmodel\tm (openai)\t3\t30\t6\t$0.0125\nkey\tlaptop\t3\t30\t6\t$0.0125\n"
    )
    assert ran.err.startswith("1 requests failed; `omniroute logs is:error` lists them\n2 requests have no known")
    assert json.loads(omniroute("usage", "--range", "24h", "--json").out) == history


def test_setup_prints_a_link_or_sets_the_password_with_one(
    gateway: ScriptedGateway, omniroute: Omniroute, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway.answers |= {
        "POST /api/auth/setup-link": (200, {"url": f"{gateway.url}/setup#token=abc", "expiresAt": "..."}),
        "POST /api/auth/setup": (200, {"success": True}),
    }
    assert omniroute("setup", "--link").out == f"{gateway.url}/setup#token=abc\n"
    monkeypatch.setattr(sys, "stdin", io.StringIO("correct horse\n"))
    ran = omniroute("setup", "--password-stdin")
    assert (ran.code, ran.err) == (0, "the password is set\n")
    assert gateway.asked[-1].body == {"token": "abc", "password": "correct horse"}
    monkeypatch.setattr(sys, "stdin", io.StringIO("short\n"))
    assert omniroute("setup", "--password-stdin").code == 2
    assert omniroute("setup").code == 2


def test_doctor_reports_a_gateway_that_is_well_and_one_connection_that_is_not(
    gateway: ScriptedGateway, omniroute: Omniroute, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.chdir(str(tmp_path))
    gateway.answers |= {
        "GET /api/monitoring/health": (200, {"status": "healthy"}),
        "GET /api/providers": (200, CONNECTIONS),
        "POST /api/providers/c1/test": (200, {"valid": True}),
        "POST /api/providers/d1/test": (200, {"valid": False, "error": "Token revoked"}),
    }
    ran = omniroute("doctor", "--data-dir", f"{tmp_path}/none")
    assert ran.code == 1
    assert f"gateway\tgood\thealthy at {gateway.url}\n" in ran.out
    assert "openai: work\tgood\tworks\ngroq: groq\tbad\tToken revoked\n" in ran.out
    assert ran.err == "omniroute: not well: groq: groq\n"
    assert omniroute("doctor", "--offline", "--data-dir", f"{tmp_path}/none").code == 0


@pytest.mark.parametrize(
    ("status", "code"), [(400, 1), (401, 4), (403, 4), (402, 5), (429, 5), (404, 1), (500, 1), (504, 124)]
)
def test_the_exit_code_tells_what_kind_of_refusal_it_was(
    gateway: ScriptedGateway, omniroute: Omniroute, status: int, code: int
) -> None:
    gateway.answers["GET /api/keys"] = (status, {"error": {"message": "because", "code": "x"}})
    ran = omniroute("keys", "ls")
    assert ran.code == code
    assert ran.err.splitlines()[0] == "omniroute: because"


def test_an_answer_that_is_no_gateways_is_said_in_one_line(gateway: ScriptedGateway, omniroute: Omniroute) -> None:
    gateway.answers["GET /api/keys"] = (200, b"<html>hello</html>")
    ran = omniroute("keys", "ls")
    assert (ran.code, len(ran.err.splitlines())) == (1, 2)
    assert "cannot be read" in ran.err
    gateway.answers["GET /api/keys"] = (200, {"keys": [{"name": 7}]})
    ran = omniroute("keys", "ls")
    assert (ran.code, len(ran.err.splitlines())) == (1, 2)
    gateway.answers["GET /api/keys"] = (500, b"<html>boom</html>")
    assert omniroute("keys", "ls").err == "omniroute: the gateway answered 500 to /api/keys\n"
