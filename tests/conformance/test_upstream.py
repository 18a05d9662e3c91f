"""The scripted upstream keeps its word: what it records, what it answers, and each way in which it fails."""

import http.client
import threading
from collections.abc import Iterator

import msgspec
import pytest

from tests.support import order, strict
from tests.support.asking import Answered, ask, asking
from tests.support.upstream.answer import Answer, Call, Say, Think, said
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

DIALECTS = ("openai", "anthropic")
VERSION = {"anthropic-version": "2023-06-01"}
PIXEL = "iVBORw0KGgo="


@pytest.fixture
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as running:
        yield running


def request(dialect: str, stream: bool, **more: object) -> tuple[str, dict, dict]:
    body: dict = {"model": "m", "messages": [{"role": "user", "content": "hello there"}], **more}
    if stream:
        body["stream"] = True
    if dialect == "openai":
        return "/v1/chat/completions", body, {}
    return "/v1/messages", {"max_tokens": 4000, **body}, VERSION


def send(upstream: ScriptedUpstream, dialect: str, stream: bool, **more: object) -> Answered:
    path, body, headers = request(dialect, stream, **more)
    return ask(upstream.url, path, body, headers=headers)


def told(dialect: str, raw: bytes, *, include_usage: bool = False) -> order.Told:
    if dialect == "openai":
        strict.chat_stream(raw)
        return order.openai_chat(raw, include_usage=include_usage)
    strict.message_stream(raw)
    return order.anthropic(raw)


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
    assert [(call.call_id, call.name, call.arguments) for call in seen.calls] == [
        ("call_a", "first", '{"a":1}'),
        ("call_b", "second", '{"b":[true,null]}'),
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


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_same_request_gets_the_same_answer(upstream: ScriptedUpstream, dialect: str) -> None:
    first = send(upstream, dialect, stream=False).json
    second = send(upstream, dialect, stream=False).json
    assert first | {"id": ""} == second | {"id": ""}


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


@pytest.mark.parametrize("dialect", DIALECTS)
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
    assert complaint in answer.json["error"]["message"]


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("status", [401, 402, 403, 404, 429, 500, 502, 503, 529])
def test_refusals_speak_the_dialect(upstream: ScriptedUpstream, dialect: str, status: int) -> None:
    upstream.script(refused(status, "no"))
    answer = send(upstream, dialect, stream=True)
    assert answer.status == status
    (strict.openai_error if dialect == "openai" else strict.anthropic_error)(answer.body)


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
        assert answer.body.count(b"data: ") == after
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
    with pytest.raises(AssertionError, match="the stream ends without"):
        told(dialect, answer.body)


def test_an_error_event_ends_the_stream(upstream: ScriptedUpstream) -> None:
    upstream.script(Script(fault=ErrorEvent(3)), Script(fault=ErrorEvent(3)))
    seen = told("anthropic", send(upstream, "anthropic", stream=True).body)
    assert seen.ended == "failed"
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
    assert hollow.json.get("content", hollow.json.get("choices")) is not None
    assert (error.status, "error" in error.json) == (200, True)


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
    assert ask(upstream.url, "/nowhere").status == 404
