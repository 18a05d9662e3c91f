"""Pictures and documents by address, for providers that take bytes only."""

import base64
from typing import Any

import msgspec
import pytest

from omniroute.ledger.records import Settled
from omniroute.upstream.scripted import Answer, Fault, Script
from omniroute.upstream.transport import UpstreamRequest
from tests.unit.pipeline.stage import Exchange, Stage, stage

JSON = {"content-type": "application/json"}
PNG = b"\x89PNG\r\n\x1a\n" + b"picture" * 10
PDF = b"%PDF-1.7 " + b"page" * 10
CODECS = {
    "google": "gemini",
    "lama": "ollama",
    "rock": "bedrock_converse",
    "up": "openai_chat",
    "claude": "anthropic",
}
ACCOUNTS = dict.fromkeys(CODECS, 1)
HELLO = {"text": "hello"}
ANSWERS: dict[str, dict[str, Any]] = {
    "google": {"candidates": [{"content": {"role": "model", "parts": [HELLO]}, "finishReason": "STOP"}]},
    "lama": {
        "model": "m",
        "message": {"role": "assistant", "content": "hello"},
        "done": True,
        "done_reason": "stop",
    },
    "rock": {
        "output": {"message": {"role": "assistant", "content": [HELLO]}},
        "stopReason": "end_turn",
        "usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2},
    },
}
URL = "https://pictures.example/a/cat.png?token=s3cret"


def file(body: bytes = PNG, status: int = 200, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status=status, headers={"content-type": "text/html", **named}, chunks=(body[:5], body[5:]))


def answer(provider: str) -> Answer:
    return Answer(headers=JSON, chunks=(msgspec.json.encode(ANSWERS[provider]),))


def played(*script: Script) -> Stage:
    return stage(*script, accounts=ACCOUNTS, codecs=CODECS)


def looking(*urls: str, model: str = "google/m") -> dict[str, Any]:
    pictures = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    return {
        "model": model,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "What?"}, *pictures]}],
    }


@pytest.mark.parametrize("provider", ["google", "lama", "rock"])
async def test_a_picture_is_fetched_and_sent_as_bytes(provider: str) -> None:
    on = played(file(), answer(provider))
    exchange = await on.ask(Exchange(looking(URL, model=f"{provider}/m")))
    assert exchange.status == 200, exchange.received
    fetched, asked = on.transport.requests
    assert (fetched.method, fetched.url, fetched.private, fetched.body) == ("GET", URL, False, b"")
    assert not {"authorization", "x-api-key", "cookie"} & {name for name, _ in fetched.headers}
    assert base64.b64encode(PNG) in asked.body
    assert b"pictures.example" not in asked.body
    assert b"x-omniroute-losses" in exchange.reply_headers
    settled = next(record for record in on.journal.records if isinstance(record, Settled))
    assert settled.losses >= 1
    assert any("content fetched from its address" in str(fields.get("losses")) for _, fields in on.log.lines)


@pytest.mark.parametrize("model", ["up/m", "claude/m"])
async def test_nothing_is_fetched_for_a_provider_that_opens_addresses_itself(model: str) -> None:
    on = played(Answer(status=500, headers=JSON, chunks=(b"{}",)))
    await on.ask(Exchange(looking(URL, model=model)))
    assert all(request.method == "POST" for request in on.transport.requests)
    assert URL.encode() in on.transport.requests[0].body


async def test_each_address_is_fetched_once_and_a_fall_back_fetches_nothing_again() -> None:
    script = (file(), file(), Answer(status=503, headers=JSON, chunks=(b"{}",)), answer("google"))
    on = stage(*script, accounts={"google": 2}, codecs={"google": "gemini"})
    other = "https://pictures.example/b"
    exchange = await on.ask(Exchange(looking(URL, other, URL)))
    assert exchange.status == 200
    assert [request.method for request in on.transport.requests] == ["GET", "GET", "POST", "POST"]


async def test_a_document_of_anthropics_clients_is_fetched_too() -> None:
    on = played(file(PDF), answer("google"))
    source = {"type": "url", "url": "https://papers.example/one.pdf"}
    body = {"model": "google/m", "max_tokens": 9}
    body["messages"] = [{"role": "user", "content": [{"type": "document", "source": source}]}]
    exchange = await on.ask(Exchange(body), "anthropic")
    assert exchange.status == 200, exchange.received
    sent = msgspec.json.decode(on.transport.requests[1].body)
    part = sent["contents"][0]["parts"][0]["inlineData"]
    assert (part["mimeType"], base64.b64decode(part["data"])) == ("application/pdf", PDF)


async def test_a_picture_in_a_tool_result_is_one_of_them() -> None:
    on = played(file(), answer("google"))
    source = {"type": "url", "url": URL}
    use = {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "image", "source": source}]}
    body: dict[str, Any] = {"model": "google/m", "max_tokens": 9, "tools": [{"name": "look", "input_schema": {}}]}
    body["messages"] = [
        {"role": "user", "content": "look"},
        {"role": "assistant", "content": [use]},
        {"role": "user", "content": [result]},
    ]
    exchange = await on.ask(Exchange(body), "anthropic")
    assert exchange.status == 200, exchange.received
    assert base64.b64encode(PNG) in on.transport.requests[1].body


BAD: dict[str, tuple[Script, ...]] = {
    "it is not there": (file(b"gone", 404),),
    "it is a web page": (file(b"<html>hello</html>"),),
    "it is no picture": (file(PDF),),
    "it says that it is too large": (file(content_length="100001"),),
    "it is too large": (file(PNG + b"x" * 100_000),),
    "it does not answer": (Fault("timeout", "no answer"),),
    "it is not to be connected to": (Fault("blocked", "10.0.0.7 (private)"),),
    "it is cut": (Answer(headers={}, chunks=(PNG, Fault("closed", "gone"))),),
    "it goes round in a circle": (lambda request: file(b"", 302, location=request.url),),
    "it leads from https to http": (file(b"", 302, location="http://pictures.example/x"),),
    "it leads nowhere": (file(b"", 302, location="http://[::1"),),
    "it is empty": (file(b""),),
}


@pytest.mark.parametrize("why", BAD)
async def test_what_cannot_be_had_is_the_clients_to_hear_of_without_the_query(why: str) -> None:
    on = played(*BAD[why])
    exchange = await on.ask(Exchange(looking(URL)))
    error = exchange.json["error"]
    assert (exchange.status, error["code"]) == (400, "media_unreachable"), why
    assert "'pictures.example'" in error["message"]
    assert "s3cret" not in error["message"]
    assert "10.0.0.7" not in error["message"]
    assert "\n" not in error["message"]
    assert all(request.method == "GET" for request in on.transport.requests)
    assert all(reply.finished or reply.cut for reply in on.transport.replies)


async def test_a_redirect_is_followed_by_the_same_guarded_way() -> None:
    on = played(file(b"", 301, location="/b/cat.png"), file(b"", 307, location="https://cdn.example/c"), file())
    on.transport.add(answer("google"))
    assert (await on.ask(Exchange(looking(URL)))).status == 200
    urls = [request.url for request in on.transport.requests[:3]]
    assert urls == [URL, "https://pictures.example/b/cat.png", "https://cdn.example/c"]
    assert not any(request.private for request in on.transport.requests[:3])


async def test_nine_files_are_one_too_many() -> None:
    on = played()
    exchange = await on.ask(Exchange(looking(*(f"https://pictures.example/{number}" for number in range(9)))))
    assert (exchange.status, exchange.json["error"]["code"]) == (400, "media_unreachable")
    assert "at most 8" in exchange.json["error"]["message"]
    assert on.transport.requests == []


async def test_strict_mode_counts_a_fetched_picture_as_carried() -> None:
    on = played(file(), answer("rock"))
    exchange = await on.ask(Exchange(looking(URL, model="rock/m"), {"x-omniroute-strict": "true"}))
    assert exchange.status == 200, exchange.received
    assert [request.method for request in on.transport.requests] == ["GET", "POST"]


async def test_it_can_be_turned_off() -> None:
    on = played()
    on.generate._attempts._fetching = None  # type: ignore[attr-defined]  # the stage shows its inside
    exchange = await on.ask(Exchange(looking(URL)))
    assert (exchange.status, exchange.json["error"]["code"]) == (400, "unsupported_feature")
    assert on.transport.requests == []


async def test_several_files_are_fetched_beside_each_other() -> None:
    asked: list[str] = []

    def serve(request: UpstreamRequest) -> Answer:
        asked.append(request.url)
        return file() if request.method == "GET" else answer("google")

    on = played(serve)
    urls = [f"https://pictures.example/{number}" for number in range(8)]
    assert (await on.ask(Exchange(looking(*urls)))).status == 200
    assert asked[:8] == urls
