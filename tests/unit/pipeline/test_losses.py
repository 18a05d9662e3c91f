"""What translation loses: told in the header, the log, the counter and the journal; refused in strict mode."""

import msgspec
import pytest

from omniroute.access.grant import Grant
from omniroute.access.keys import digest, mint
from omniroute.ledger.records import Settled
from omniroute.upstream.scripted import Answer
from tests.unit.pipeline.stage import CHAT, Exchange, Stage, stage
from tests.unit.pipeline.test_combos import combo

STRICT = {"x-omniroute-strict": "true"}
KEY = mint(b"k" * 32).text
SOUND = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}}
HEARD = {
    "model": "claude/m",
    "messages": [{"role": "user", "content": [{"type": "text", "text": "what is this?"}, SOUND]}],
}
MARKED = {
    "model": "up/m",
    "max_tokens": 9,
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}}]}
    ],
}


def chat_answer(**message: object) -> Answer:
    said = {"role": "assistant", "content": "hello"} | message
    body = CHAT | {"choices": [{"index": 0, "message": said, "finish_reason": "stop"}]}
    return Answer(headers={"content-type": "application/json"}, chunks=(msgspec.json.encode(body),))


def chat_stream(*deltas: dict[str, object]) -> Answer:
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    choices = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    choices.append({"index": 0, "delta": {}, "finish_reason": "stop"})
    frames = [b"data: " + msgspec.json.encode(head | {"choices": [choice]}) + b"\n\n" for choice in choices]
    return Answer(headers={"content-type": "text/event-stream"}, chunks=(*frames, b"data: [DONE]\n\n"))


def with_key(on: Stage, grant: Grant) -> None:
    live = on.generate._live
    live.current = msgspec.structs.replace(live.current, grants={digest(b"pepper", KEY): grant})


async def test_a_strict_request_that_would_lose_meaning_is_refused_before_anything_is_sent() -> None:
    on = stage()
    exchange = await on.ask(Exchange(HEARD, STRICT))
    assert (exchange.status, exchange.json["error"]["code"]) == (422, "lossy_translation")
    message = exchange.json["error"]["message"]
    assert "claude/m" in message
    assert "turns[0].parts[1]" in message
    assert "\n" not in message
    assert on.transport.requests == []


async def test_a_combo_goes_on_with_the_first_model_that_gets_all_of_a_strict_request() -> None:
    on = stage(chat_answer(), combos=(combo("claude/m", "up/m"),))
    exchange = await on.ask(Exchange(HEARD | {"model": "fast"}, STRICT))
    assert exchange.status == 200
    (request,) = on.transport.requests
    assert request.url.startswith("https://up.test")
    trace = on.traces.find("req_1")
    assert trace is not None
    assert trace.tried == ()
    (passed_over,) = trace.exclusions
    assert passed_over.candidate.target.provider == "claude"
    assert passed_over.reason.startswith("strict: claude/m (anthropic) would not get all of this request")


async def test_a_strict_combo_of_which_every_model_would_lose_something_is_refused_about_the_first() -> None:
    on = stage(combos=(combo("claude/m", "claude/n"),))
    exchange = await on.ask(Exchange(HEARD | {"model": "fast"}, STRICT))
    assert (exchange.status, on.transport.requests) == (422, [])
    assert "claude/m" in exchange.json["error"]["message"]


async def test_the_refusal_speaks_the_dialect_of_the_caller() -> None:
    on = stage()
    document = {"type": "document", "source": {"type": "file", "file_id": "file_1"}}
    body = {"model": "up/m", "max_tokens": 9, "messages": [{"role": "user", "content": [document]}]}
    exchange = await on.ask(Exchange(body, STRICT), "anthropic")
    assert exchange.status == 422
    assert exchange.json["type"] == "error"
    assert exchange.json["error"]["type"] == "invalid_request_error"
    assert on.transport.requests == []


async def test_the_setting_of_a_key_is_strict_for_all_its_requests_and_no_header_takes_it_back() -> None:
    on = stage()
    with_key(on, Grant(key_id="k1", name="careful", strict=True))
    headers = {"authorization": f"Bearer {KEY}", "x-omniroute-strict": "false"}
    assert (await on.ask(Exchange(HEARD, headers))).status == 422


async def test_strict_mode_lets_losses_of_quality_and_cost_pass_and_tells_them() -> None:
    on = stage(chat_answer())
    exchange = await on.ask(Exchange(MARKED, STRICT), "anthropic")
    assert exchange.status == 200
    assert exchange.reply_headers[b"x-omniroute-losses"] == b"1; meaning=0; quality=0; cost=1"


@pytest.mark.parametrize("headers", [{}, {"x-omniroute-strict": "false"}])
async def test_without_strictness_a_loss_of_meaning_is_told_and_the_request_goes_on(headers: dict) -> None:
    said = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn"}
    said |= {"content": [{"type": "text", "text": "a bird"}], "usage": {"input_tokens": 1, "output_tokens": 1}}
    on = stage(Answer(headers={"content-type": "application/json"}, chunks=(msgspec.json.encode(said),)))
    exchange = await on.ask(Exchange(HEARD, headers))
    assert exchange.status == 200
    assert b"meaning=1" in exchange.reply_headers[b"x-omniroute-losses"]


async def test_what_an_answer_loses_is_counted_logged_and_written_down_the_same_for_stream_and_whole() -> None:
    note = {"type": "url_citation", "url_citation": {"url": "https://a.test", "start_index": 0, "end_index": 1}}
    body = MARKED | {"messages": [{"role": "user", "content": "hi"}]}
    found = []
    for answer, stream in (
        (chat_answer(annotations=[note]), False),
        (chat_answer(annotations=[note]), True),
        (chat_stream({"content": "hel"}, {"content": "lo"}, {"annotations": [note]}), True),
    ):
        on = stage(answer)
        await on.ask(Exchange(body | {"stream": stream}), "anthropic")
        settled = on.journal.records[-1]
        assert isinstance(settled, Settled)
        (line,) = [fields for event, fields in on.log.lines if event == "request"]
        found.append((settled.losses, line["losses"], dict(on.counters.losses)))
    assert found[0][0] == 1
    assert found[0][1] == "citations"
    assert found[0] == found[1] == found[2]


async def test_a_stream_that_is_cut_still_tells_what_its_client_did_not_get() -> None:
    note = {"type": "url_citation", "url_citation": {"url": "https://a.test", "start_index": 0, "end_index": 1}}
    whole = chat_stream({"content": "hello"}, {"annotations": [note]})
    on = stage(Answer(headers=whole.headers, chunks=whole.chunks[:2]))
    await on.ask(Exchange(MARKED | {"stream": True, "messages": [{"role": "user", "content": "hi"}]}), "anthropic")
    settled = on.journal.records[-1]
    assert isinstance(settled, Settled)
    assert (settled.outcome, settled.losses) == ("cut", 1)


async def test_events_that_the_clients_dialect_has_no_word_for_are_a_loss() -> None:
    logprobs = {"content": [{"token": "hello", "logprob": -0.1, "bytes": None, "top_logprobs": []}]}
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    choice = {"index": 0, "delta": {"content": "hello"}, "finish_reason": "stop", "logprobs": logprobs}
    frame = b"data: " + msgspec.json.encode(head | {"choices": [choice]}) + b"\n\ndata: [DONE]\n\n"
    on = stage(Answer(headers={"content-type": "text/event-stream"}, chunks=(frame,)))
    await on.ask(Exchange(MARKED | {"stream": True, "messages": [{"role": "user", "content": "hi"}]}), "anthropic")
    assert dict(on.counters.losses) == {("anthropic", "openai_chat", "logprobs"): 1}
