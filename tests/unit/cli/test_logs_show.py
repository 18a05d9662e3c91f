"""`omniroute logs show` tells people what became of a request, and why it went where it went."""

import json

from tests.unit.cli.scripted import Omniroute, ScriptedGateway

ROW = {
    "id": "req_1",
    "timestamp": "2030-01-01T00:00:00.000Z",
    "outcome": "ok",
    "status": 200,
    "dialect": "openai_chat",
    "requestedModel": "best",
    "model": "gpt-5",
    "provider": "openai",
    "account": "b",
    "keyId": "key_1",
    "stream": True,
    "duration": 900,
    "firstEvent": 400,
    "attempts": 2,
    "tokens": {"in": 12, "out": 34, "cacheRead": 0, "source": "reported"},
    "costMicroUsd": 1200,
    "error": None,
}
TRACE = {
    "requestId": "req_1",
    "key": "laptop",
    "combo": "best",
    "strategy": "priority",
    "conduct": None,
    "configVersion": 7,
    "cache": "MISS",
    "order": [
        {"provider": "groq", "model": "llama", "account": "a", "executionKey": "1",
         "because": ["priority: number 1"]},
        {"provider": "openai", "model": "gpt-5", "account": "b", "executionKey": "2", "because": []},
    ],
    "excluded": [{"executionKey": "3", "reason": "the model takes no tools"}],
    "tried": [
        {"provider": "groq", "model": "llama", "account": "a", "kind": "rate_limit", "status": 429,
         "message": "slow\x1b down", "durationMs": 12, "restS": 30.0},
    ],
    "winner": {"provider": "openai", "model": "gpt-5", "account": "b"},
    "losses": [{"path": "turns[0]", "what": "cache mark", "how": "dropped", "weight": "cost"}],
}  # fmt: skip
TOLD = """\
req_1  2030-01-01T00:00:00.000Z
  answered with 200
  asked for    best, a combo (priority) in openai_chat, as a stream, by the key laptop
  went to      openai/gpt-5, account b
  took         900 ms over 2 attempts; its first event came after 400 ms
  used         12 tokens in, 34 out, for 0.001200 USD
  cache        MISS
  order        1. groq/llama, account a: priority: number 1
               2. openai/gpt-5, account b
  left out     3: the model takes no tools
  in vain      1. groq/llama, account a: 429 rate_limit after 12 ms: slow  down; rests for 30 s
  changed      cache mark dropped at turns[0] (cost)
  configured   as of version 7
"""


def test_a_request_is_told_in_words(gateway: ScriptedGateway, omniroute: Omniroute) -> None:
    gateway.answers["GET /api/usage/request-logs/req_1"] = (200, ROW)
    gateway.answers["GET /api/explain/req_1"] = (200, TRACE)
    assert omniroute("logs", "show", "req_1").out == TOLD
    shown = json.loads(omniroute("logs", "show", "req_1", "--json").out)
    assert shown == {**ROW, "explanation": TRACE}


def test_of_an_old_request_there_is_what_the_log_has(gateway: ScriptedGateway, omniroute: Omniroute) -> None:
    row = {**ROW, "outcome": "server", "status": 502, "error": "broken", "costMicroUsd": None}
    gateway.answers["GET /api/usage/request-logs/req_1"] = (200, row)
    gateway.answers["GET /api/explain/req_1"] = (404, {"error": {"message": "gone", "code": "trace_not_found"}})
    told = omniroute("logs", "show", "req_1").out
    assert "failed with 502, server: broken" in told
    assert "at an unknown price" in told
    assert "is no longer known" in told


def test_whoever_was_being_asked_when_the_client_left_is_named(
    gateway: ScriptedGateway, omniroute: Omniroute
) -> None:
    gateway.answers["GET /api/usage/request-logs/req_1"] = (200, {**ROW, "outcome": "cancelled", "status": 499})
    left = {**TRACE, "winner": None, "interrupted": TRACE["winner"]}
    gateway.answers["GET /api/explain/req_1"] = (200, left)
    told = omniroute("logs", "show", "req_1").out
    assert "  unfinished   openai/gpt-5, account b: the request ended before it answered\n" in told
