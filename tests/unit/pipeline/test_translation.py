"""A body in another dialect, without a request: the same plan, codecs and quirks."""

import msgspec
import pytest

from omniroute.catalog.provider import Operation, Provider
from omniroute.dialects.base import Context, Loss
from omniroute.dialects.registry import DIALECTS, UPSTREAMS
from omniroute.errors import InvalidRequest
from omniroute.pipeline.translation import Wish, translated

CONTEXT = Context(request_id="req_1", token="t0ken", created=1, model="m")
CHAT = b'{"model": "m", "messages": [{"role": "user", "content": "hi"}], "seed": 7}'
ANSWER = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude",
    "content": [{"type": "text", "text": "hello"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 3, "output_tokens": 1},
}


def done(body: bytes, source: str, to: str | None, **more: object) -> tuple[dict, tuple[Loss, ...]]:
    encoded = translated(Wish(body=body, source=source, to=to, **more), CONTEXT)
    return msgspec.json.decode(encoded.body), encoded.losses


def test_a_request_is_translated_and_its_losses_are_named() -> None:
    body, losses = done(CHAT, "openai_chat", "anthropic")
    assert body["messages"] == [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]
    assert [(loss.path, loss.how) for loss in losses if loss.what == "seed"] == [("sampling.seed", "dropped")]


@pytest.mark.parametrize("source", DIALECTS)
@pytest.mark.parametrize("to", UPSTREAMS)
def test_every_pair_of_dialects_can_be_asked_for(source: str, to: str) -> None:
    text, _ = done(CHAT, "openai_chat", source)
    again, losses = done(msgspec.json.encode(text), source, to, model="m")
    assert "hi" in msgspec.json.encode(again).decode()
    assert [loss for loss in losses if loss.weight == "meaning"] == []


def test_the_same_dialect_leaves_the_bytes_of_a_body_alone() -> None:
    encoded = translated(Wish(body=ANTHROPIC, source="anthropic", to="anthropic"), CONTEXT)
    assert encoded.body == ANTHROPIC


ANTHROPIC = b'{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}],"odd":{"b":1,"a":2}}'


def test_the_quirks_of_a_provider_apply_and_it_knows_its_own_dialect() -> None:
    operations = {"chat": Operation(codec="openai_chat")}
    row = Provider(
        id="row",
        alias="r",
        name="Row",
        base_url="https://r.test",
        operations=operations,
        quirks=("no_stream_options",),
    )
    body = b'{"model":"o3","max_tokens":9,"temperature":0.2,"messages":[],"stream_options":{}}'
    after, losses = done(body, "openai_chat", None, provider=row)
    assert after == {"model": "o3", "messages": [], "max_completion_tokens": 9}
    assert {loss.what for loss in losses} == {"temperature", "stream options"}
    with pytest.raises(InvalidRequest, match="speaks openai_chat"):
        done(body, "openai_chat", "anthropic", provider=row)


def test_an_answer_goes_the_other_way() -> None:
    body, losses = done(msgspec.json.encode(ANSWER), "anthropic", "openai_chat", kind="answer")
    assert body["choices"][0]["message"]["content"] == "hello"
    assert body["model"] == "claude"
    assert losses == ()
    same = translated(
        Wish(body=msgspec.json.encode(ANSWER), source="anthropic", to="anthropic", kind="answer"), CONTEXT
    )
    assert same.body == msgspec.json.encode(ANSWER)


def test_an_error_of_a_provider_becomes_one_of_the_clients_dialect() -> None:
    error = b'{"type":"error","error":{"type":"overloaded_error","message":"busy"}}'
    body, _ = done(error, "anthropic", "openai_chat", kind="answer")
    assert body["error"]["message"] == "busy"


def test_a_stream_is_translated_whole() -> None:
    head = '{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,'
    frames = [head + '"delta":{"content":"hel"}}]}', head + '"delta":{"content":"lo"},"finish_reason":"stop"}]}']
    stream = "".join(f"data: {frame}\n\n" for frame in (*frames, "[DONE]")).encode()
    encoded = translated(Wish(body=stream, source="openai_chat", to="anthropic", kind="stream"), CONTEXT)
    assert encoded.body.startswith(b"event: message_start")
    assert encoded.body.count(b"event: message_stop") == 1


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        (Wish(body=CHAT, source="klingon", to="anthropic"), "klingon"),
        (Wish(body=CHAT, source="openai_chat", to="klingon"), "klingon"),
        (Wish(body=CHAT, source="openai_chat"), "name the dialect"),
        (Wish(body=b"[1]", source="openai_chat", to="anthropic"), "object"),
        (Wish(body=b'{"model":"m","messages":7}', source="openai_chat", to="anthropic"), "messages"),
        (Wish(body=b"<html>", source="openai_chat", to="anthropic", kind="answer"), "web page"),
    ],
)
def test_what_cannot_be_translated_is_refused_in_one_line(wish: Wish, said: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        translated(wish, CONTEXT)
    assert said in caught.value.message
    assert "\n" not in caught.value.message
