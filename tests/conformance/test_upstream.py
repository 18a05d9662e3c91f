"""The scripted upstream keeps its word: what it records, what it answers, and each way in which it fails."""

import base64
import http.client
import struct
import threading
from collections.abc import Iterator

import msgspec
import pytest

from tests.support import (
    order,
    order_gemini,
    order_ollama,
    order_responses,
    strict,
    strict_gemini,
    strict_responses,
)
from tests.support.asking import Answered, ask, asking
from tests.support.upstream.answer import Answer, Call, Decline, Say, Think, said
from tests.support.upstream.fitting import SHELL_DONE, SHELL_PROOF
from tests.support.upstream.gate import Gate
from tests.support.upstream.hints import reset_hints
from tests.support.upstream.script import (
    Cut,
    Empty,
    EndEarly,
    ErrorEvent,
    Fault,
    Hang,
    Malformed,
    Script,
    refused,
)
from tests.support.upstream.server import ScriptedUpstream

DIALECTS = ("openai", "anthropic", "responses", "gemini", "ollama")
VERSION = {"anthropic-version": "2023-06-01"}
GOOGLE = {"x-goog-api-key": "k"}
PIXEL = "iVBORw0KGgo="


@pytest.fixture
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as running:
        yield running


def request(dialect: str, stream: bool, **more: object) -> tuple[str, dict, dict]:
    body: dict = {"model": "m", "messages": [{"role": "user", "content": "hello there"}], **more}
    if stream:
        body["stream"] = True
    match dialect:
        case "openai":
            return "/v1/chat/completions", body, {}
        case "anthropic":
            return "/v1/messages", {"max_tokens": 4000, **body}, VERSION
        case "responses":
            return "/v1/responses", {"model": "m", "input": "hello there", "stream": stream, **more}, {}
        case "ollama":
            return "/api/chat", {**body, "stream": stream}, {}
    contents = [{"role": "user", "parts": [{"text": "hello there"}]}]
    verb = "streamGenerateContent?alt=sse" if stream else "generateContent"
    return f"/v1beta/models/m:{verb}", {"contents": contents, **more}, GOOGLE


def send(upstream: ScriptedUpstream, dialect: str, stream: bool, **more: object) -> Answered:
    path, body, headers = request(dialect, stream, **more)
    return ask(upstream.url, path, body, headers=headers)


def told(dialect: str, raw: bytes, *, include_usage: bool = False) -> order.Told:
    match dialect:
        case "openai":
            strict.chat_stream(raw)
            return order.openai_chat(raw, include_usage=include_usage)
        case "anthropic":
            strict.message_stream(raw)
            return order.anthropic(raw)
        case "responses":
            strict_responses.stream(raw)
            return order_responses.responses(raw)
        case "ollama":
            return order_ollama.stream(raw)
    strict_gemini.stream(raw)
    return order_gemini.gemini(raw)


REFUSED = {
    "openai": strict.openai_error,
    "responses": strict.openai_error,
    "anthropic": strict.anthropic_error,
    "ollama": order_ollama.error,
    "gemini": lambda raw: msgspec.json.decode(raw)["error"]["status"],
}
RICH = Answer(
    parts=(
        Think("thinking first"),
        Say("then words"),
        Call("first", '{"a":1}', "call_a"),
        Call("second", '{"b":[true,null]}', "call_b", pieces=5),
    )
)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_streams_hold_against_the_vendors_types_and_the_order_of_events(
    upstream: ScriptedUpstream, dialect: str
) -> None:
    upstream.script(Script(answer=RICH))
    answer = send(upstream, dialect, stream=True)
    seen = told(dialect, answer.body)
    assert (seen.reasoning, seen.text, seen.ended) == ("thinking first", "then words", "ok")
    ids = ("", "") if dialect == "ollama" else ("call_a", "call_b")
    assert [(call.call_id, call.name, call.arguments) for call in seen.calls] == [
        (ids[0], "first", '{"a":1}'),
        (ids[1], "second", '{"b":[true,null]}'),
    ]


def test_openai_streams_usage_when_asked(upstream: ScriptedUpstream) -> None:
    answer = send(upstream, "openai", stream=True, stream_options={"include_usage": True})
    seen = told("openai", answer.body, include_usage=True)
    assert seen.usage is not None
    assert seen.usage["prompt_tokens"] == 20


def test_plain_answers_hold_against_the_vendors_types(upstream: ScriptedUpstream) -> None:
    upstream.script(Script(answer=RICH), Script(answer=RICH))
    completion = strict.chat_completion(send(upstream, "openai", stream=False).body)
    assert completion["choices"][0]["finish_reason"] == "tool_calls"
    message = strict.message(send(upstream, "anthropic", stream=False).body)
    assert [block["type"] for block in message["content"]] == ["thinking", "text", "tool_use", "tool_use"]
    upstream.script(Script(answer=RICH), Script(answer=RICH), Script(answer=RICH))
    response = strict_responses.response(send(upstream, "responses", stream=False).body)
    kinds = [item["type"] for item in response["output"]]
    assert kinds == ["reasoning", "message", "function_call", "function_call"]
    content = strict_gemini.response(send(upstream, "gemini", stream=False).body)["candidates"][0]["content"]
    assert ["functionCall" in part for part in content["parts"]] == [False, False, True, True]
    assert len(order_ollama.answer(send(upstream, "ollama", stream=False).body).calls) == 2


def test_a_refusal_in_words_has_its_own_place_where_there_is_one(upstream: ScriptedUpstream) -> None:
    declines = Script(answer=Answer(parts=(Decline("I will not"),), finish="filter"))
    upstream.script(*[declines] * 5)
    chat = strict.chat_completion(send(upstream, "openai", stream=False).body)["choices"][0]
    assert (chat["message"]["refusal"], chat["finish_reason"]) == ("I will not", "content_filter")
    assert strict.message(send(upstream, "anthropic", stream=False).body)["stop_reason"] == "refusal"
    response = strict_responses.response(send(upstream, "responses", stream=False).body)
    assert response["output"][0]["content"][0] == {"type": "refusal", "refusal": "I will not"}
    told_by_gemini = strict_gemini.response(send(upstream, "gemini", stream=False).body)
    assert told_by_gemini["candidates"][0]["finishReason"] == "SAFETY"
    assert order_ollama.answer(send(upstream, "ollama", stream=False).body).text == "I will not"


def test_seals_travel_where_the_vendor_puts_them(upstream: ScriptedUpstream) -> None:
    sealed = Script(answer=Answer(parts=(Think("hm", "c2VhbA=="), Call("f", "{}"))))
    upstream.script(sealed, sealed, sealed)
    gemini = strict_gemini.response(send(upstream, "gemini", stream=False).body)
    parts = gemini["candidates"][0]["content"]["parts"]
    assert [part.get("thoughtSignature") for part in parts] == [None, "c2VhbA=="]
    wanted = {"include": ["reasoning.encrypted_content"]}
    asked = strict_responses.response(send(upstream, "responses", stream=False, **wanted).body)
    assert asked["output"][0]["encrypted_content"] == "c2VhbA=="
    unasked = strict_responses.response(send(upstream, "responses", stream=False).body)
    assert "encrypted_content" not in unasked["output"][0]


def test_gemini_without_alt_sse_is_one_array(upstream: ScriptedUpstream) -> None:
    upstream.script(Script(answer=RICH), Script(fault=ErrorEvent(0)))
    path, body, headers = request("gemini", stream=True)
    answer = ask(upstream.url, path.removesuffix("?alt=sse"), body, headers=headers)
    assert answer.headers["content-type"] == "application/json"
    assert order_gemini.gemini_array(answer.body).text == "then words"
    failed = ask(upstream.url, path.removesuffix("?alt=sse"), body, headers=headers)
    assert order_gemini.gemini_array(failed.body).ended == "failed"


def test_tokens_are_counted_and_vectors_are_made(upstream: ScriptedUpstream) -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
    assert ask(upstream.url, "/v1/messages/count_tokens", body, headers=VERSION).json == {"input_tokens": 20}
    contents = {"contents": [{"parts": [{"text": "hi"}]}]}
    counted = ask(upstream.url, "/v1beta/models/m:countTokens", contents, headers=GOOGLE)
    assert counted.json["totalTokens"] == 20
    floats = ask(upstream.url, "/v1/embeddings", {"model": "m", "input": ["a", "b"]}).json["data"]
    packed = ask(upstream.url, "/v1/embeddings", {"model": "m", "input": "b", "encoding_format": "base64"}).json
    unpacked = struct.unpack("<8f", base64.b64decode(packed["data"][0]["embedding"]))
    assert list(unpacked) == floats[1]["embedding"] != floats[0]["embedding"]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_same_request_gets_the_same_answer(upstream: ScriptedUpstream, dialect: str) -> None:
    first = send(upstream, dialect, stream=False).json
    second = send(upstream, dialect, stream=False).json
    assert first | {"id": "", "responseId": ""} == second | {"id": "", "responseId": ""}


def test_a_request_is_recorded_exactly(upstream: ScriptedUpstream) -> None:
    body = b'{"model" : "m",  "messages":[{"role":"user","content":"\\u00e9 \xc3\xa9"}] }'
    ask(upstream.url, "/v1/chat/completions?beta=true&x", body, headers={"X-Odd-CASE": "Value ; here"})
    received = upstream.only()
    assert received.request.target == "/v1/chat/completions?beta=true&x"
    assert received.request.body == body
    assert ("X-Odd-CASE", "Value ; here") in received.request.headers
    assert received.wait_ended() == "whole"


def test_a_chunked_request_is_recorded_without_its_framing(upstream: ScriptedUpstream) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", upstream.port)
    pieces = [b'{"model":"m","messages":[', b'{"role":"user","content":"hi"}', b"]}"]
    connection.request("POST", "/v1/chat/completions", iter(pieces), encode_chunked=True)
    with connection.getresponse() as response:
        assert response.status == 200
    connection.close()
    assert upstream.only().request.body == b"".join(pieces)


@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
def test_the_shell_proof_closes_the_tool_round(upstream: ScriptedUpstream, dialect: str) -> None:
    schema = {"type": "object", "properties": {"command": {"type": "string"}}, "required": ["command"]}
    ask_text = {"role": "user", "content": "run it"}
    if dialect == "openai":
        tools = [{"type": "function", "function": {"name": "Bash", "parameters": schema}}]
        first = send(upstream, dialect, False, messages=[ask_text], tools=tools).json["choices"][0]["message"]
        call = first["tool_calls"][0]
        assert call["function"]["arguments"] == '{"command":"printf GW_TOOL_OK_%d 052"}'
        turn = {"role": "tool", "tool_call_id": call["id"], "content": SHELL_PROOF}
        second = send(upstream, dialect, False, messages=[ask_text, first, turn], tools=tools).json
        assert second["choices"][0]["message"]["content"] == SHELL_DONE
    else:
        tools = [{"name": "Bash", "input_schema": schema}]
        first = send(upstream, dialect, False, messages=[ask_text], tools=tools).json
        use = first["content"][0]
        assert use["input"] == {"command": "printf GW_TOOL_OK_%d 052"}
        result = {"type": "tool_result", "tool_use_id": use["id"], "content": SHELL_PROOF}
        turns = [
            ask_text,
            {"role": "assistant", "content": first["content"]},
            {"role": "user", "content": [result]},
        ]
        assert send(upstream, dialect, False, messages=turns, tools=tools).json["content"][0]["text"] == SHELL_DONE


def test_images_are_described(upstream: ScriptedUpstream) -> None:
    openai = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}
    claude = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}
    one = send(upstream, "openai", False, messages=[{"role": "user", "content": [openai]}]).json
    two = send(upstream, "anthropic", False, messages=[{"role": "user", "content": [claude]}]).json
    assert one["choices"][0]["message"]["content"] == two["content"][0]["text"] == "saw image/png 8 bytes"


def test_thinking_comes_when_asked_and_is_signed(upstream: ScriptedUpstream) -> None:
    claude = send(upstream, "anthropic", True, thinking={"type": "enabled", "budget_tokens": 1024})
    seen = told("anthropic", claude.body)
    assert seen.reasoning
    assert len(seen.signatures) == 1
    assert told("openai", send(upstream, "openai", True, reasoning_effort="low").body).reasoning == seen.reasoning


@pytest.mark.parametrize(
    ("dialect", "body", "complaint"),
    [
        ("openai", {"messages": []}, "must not be empty"),
        ("openai", {"messages": [{"role": "tool", "tool_call_id": "x", "content": ""}]}, "must answer a call"),
        ("openai", {"stream_options": {"include_usage": True}}, "only allowed when stream"),
        ("responses", {"messages": []}, "Unknown parameter"),
        ("responses", {"input": [{"role": "user", "content": [{"type": "output_text", "text": ""}]}]}, "Invalid"),
        ("responses", {"input": [{"type": "function_call", "id": "x", "call_id": "c"}]}, "begins with 'fc'"),
        ("responses", {"input": [{"type": "function_call_output", "call_id": "c"}]}, "No tool call found"),
        ("responses", {"input": [{"type": "function_call", "call_id": "c"}]}, "No tool output found"),
        ("gemini", {"contents": []}, "contents is not specified"),
        ("gemini", {"messages": []}, "Cannot find field"),
        ("gemini", {"contents": [{"role": "assistant", "parts": [{"text": "x"}]}]}, "valid role"),
        ("gemini", {"contents": [{"role": "user", "parts": []}]}, "must not be empty"),
        ("gemini", {"contents": [{"role": "user", "parts": [{"text": ""}]}]}, "text parameter"),
        (
            "gemini",
            {"contents": [{"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {}}}]}]},
            "number of function response parts",
        ),
        (
            "gemini",
            {"tools": [{"functionDeclarations": [{"name": "f", "parameters": {"$ref": "x"}}]}]},
            "Cannot find field",
        ),
        ("ollama", {"messages": [{"role": "developer", "content": "x"}]}, "invalid role"),
        ("ollama", {"messages": [{"role": "user", "content": []}]}, "cannot unmarshal"),
        ("ollama", {"messages": [{"role": "user", "content": "", "images": ["data:x"]}]}, "base64"),
        ("ollama", {"max_tokens": 3}, "unknown field"),
        ("anthropic", {"max_tokens": None}, "max_tokens"),
        ("anthropic", {"messages": [{"role": "system", "content": "x"}]}, "role"),
        ("anthropic", {"messages": [{"role": "user", "content": ""}]}, "non-empty"),
        (
            "anthropic",
            {
                "messages": [
                    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": ""}]}
                ]
            },
            "answered by",
        ),
    ],
)
def test_a_request_that_the_vendor_refuses_is_refused(
    upstream: ScriptedUpstream, dialect: str, body: dict, complaint: str
) -> None:
    answer = send(upstream, dialect, False, **body)
    assert answer.status == 400
    error = answer.json["error"]
    assert complaint in (error if dialect == "ollama" else error["message"])


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("status", [401, 402, 403, 404, 429, 500, 502, 503, 529])
def test_refusals_speak_the_dialect(upstream: ScriptedUpstream, dialect: str, status: int) -> None:
    upstream.script(refused(status, "no"))
    answer = send(upstream, dialect, stream=True)
    assert answer.status == status
    REFUSED[dialect](answer.body)


def test_every_reset_hint_is_a_429(upstream: ScriptedUpstream) -> None:
    hints = reset_hints(1_800_000_000, 33)
    upstream.script(*hints.values())
    answers = {name: send(upstream, "openai", stream=False) for name in hints}
    assert {answer.status for answer in answers.values()} == {429}
    assert answers["retry-after as a date"].headers["retry-after"] == "Fri, 15 Jan 2027 08:00:33 GMT"
    assert answers["google retry info"].json["error"]["details"][0]["retryDelay"] == "33s"


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("after", range(5))
@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_cut_stream_ends_inside_the_http_body(
    upstream: ScriptedUpstream, dialect: str, after: int, how: str
) -> None:
    gate = Gate(after)
    upstream.script(Script(fault=Cut(after, "close" if how == "close" else "reset"), gate=gate))
    answer = send(upstream, dialect, stream=True)
    assert not answer.whole
    if how == "close":
        assert len(answer.body.splitlines()) == after * {"openai": 2, "gemini": 2, "ollama": 1}.get(dialect, 3)
    assert upstream.only().wait_ended() == "broken"
    assert upstream.only().events_sent == after


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("fault", [Cut(None), Cut(None, "reset")])
def test_a_cut_before_the_head_answers_nothing(
    upstream: ScriptedUpstream, dialect: str, stream: bool, fault: Fault
) -> None:
    upstream.script(Script(fault=fault))
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        send(upstream, dialect, stream)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_stream_without_its_terminal_event_is_caught_by_the_order_machine(
    upstream: ScriptedUpstream, dialect: str
) -> None:
    upstream.script(Script(fault=EndEarly(3)))
    answer = send(upstream, dialect, stream=True)
    assert answer.whole
    with pytest.raises(AssertionError, match=r"the stream ends without|the last line"):
        told(dialect, answer.body)


def test_an_error_event_ends_the_stream(upstream: ScriptedUpstream) -> None:
    upstream.script(Script(fault=ErrorEvent(3)))
    seen = told("anthropic", send(upstream, "anthropic", stream=True).body)
    assert seen.ended == "failed"
    upstream.script(Script(fault=ErrorEvent(0)), *[Script(fault=ErrorEvent(2))] * 3)
    told_early = order_responses.responses(send(upstream, "responses", stream=True).body)
    assert told_early.ended == "failed"
    told_late = order_responses.responses(send(upstream, "responses", stream=True).body)
    assert told_late.ended == "failed"
    assert order_ollama.stream(send(upstream, "ollama", stream=True).body).ended == "failed"
    assert order_gemini.gemini(send(upstream, "gemini", stream=True).body).ended == "failed"
    upstream.script(Script(fault=ErrorEvent(3)))
    answer = send(upstream, "openai", stream=True)
    assert b'"error"' in answer.body
    assert b"[DONE]" not in answer.body


@pytest.mark.parametrize("dialect", DIALECTS)
def test_plain_answers_can_be_torn_empty_malformed_or_an_error(upstream: ScriptedUpstream, dialect: str) -> None:
    upstream.script(
        *(Script(fault=fault) for fault in (Cut(0), Malformed(), Empty("body"), Empty("content"), ErrorEvent()))
    )
    torn, malformed, nothing, hollow, error = (send(upstream, dialect, stream=False) for _ in range(5))
    assert not torn.whole
    assert malformed.whole
    with pytest.raises(ValueError, match="truncated"):
        _ = malformed.json
    assert (nothing.status, nothing.body) == (200, b"")
    said = ("content", "choices", "output", "candidates", "message")
    assert any(hollow.json.get(name) is not None for name in said)
    assert (error.status, bool(error.json["error"])) == (200, True)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("fault", [Hang(None), Hang(2)])
def test_a_hang_ends_when_the_caller_leaves(upstream: ScriptedUpstream, dialect: str, fault: Hang) -> None:
    upstream.script(Script(fault=fault))
    path, body, headers = request(dialect, stream=True)
    connection = http.client.HTTPConnection("127.0.0.1", upstream.port)
    connection.request("POST", path, msgspec.json.encode(body), headers)
    received = upstream.wait_received()
    received.wait_sent(fault.after or 0)
    assert received.ending is None
    connection.close()
    assert received.wait_ended() == "left"


def test_a_gate_decides_when_each_event_is_sent(upstream: ScriptedUpstream) -> None:
    gate = Gate()
    upstream.script(Script(answer=said("one two", pieces=2), gate=gate))
    path, body, headers = request("anthropic", stream=True)
    with asking(upstream.url, path, body, headers=headers) as answer:
        received = upstream.wait_received()
        for sent in range(8):
            assert received.events_sent == sent
            gate.release()
            received.wait_sent(sent + 1)
        assert order.anthropic(answer.rest().body).text == "one two"


@pytest.mark.parametrize("keep_alive", ["keep", "close", "drop"])
def test_keep_alive_is_kept_ended_or_dropped(upstream: ScriptedUpstream, keep_alive: str) -> None:
    upstream.script(Script(keep_alive=keep_alive))  # type: ignore[arg-type]  # the parametrised literals
    connection = http.client.HTTPConnection("127.0.0.1", upstream.port)
    path, body, _ = request("openai", stream=False)
    connection.request("POST", path, msgspec.json.encode(body))
    with connection.getresponse() as response:
        response.read()
        assert response.getheader("Connection") == ("close" if keep_alive == "close" else None)
    closed = connection.sock is None or (keep_alive == "drop" and connection.sock.recv(1) == b"")
    assert closed == (keep_alive != "keep")
    connection.close()


def test_many_callers_at_once_are_each_answered(upstream: ScriptedUpstream) -> None:
    answers: list[Answered] = []
    threads = [
        threading.Thread(target=lambda: answers.append(send(upstream, "openai", stream=True))) for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({answer.body.split(b'"id":"')[1].split(b'"')[0] for answer in answers}) == 20


def test_the_models_list_has_the_callers_shape(upstream: ScriptedUpstream) -> None:
    assert ask(upstream.url, "/v1/models").json["object"] == "list"
    assert ask(upstream.url, "/v1/models", headers=VERSION).json["has_more"] is False
    listed = ask(upstream.url, "/v1beta/models", headers=GOOGLE).json["models"]
    assert [model["name"] for model in listed] == ["models/scripted-small", "models/scripted-large"]
    assert ask(upstream.url, "/api/tags").json["models"][0]["name"] == "scripted-small"
    assert ask(upstream.url, "/nowhere").status == 404
