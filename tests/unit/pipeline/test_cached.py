"""Answers that are given again: to whom, in which form, what is written down, and what is never kept."""

import asyncio
from typing import Any

import msgspec
import pytest

from omniroute.access.grant import Grant
from omniroute.access.keys import mint
from omniroute.dialects.envelope import Address
from omniroute.dialects.registry import DIALECTS
from omniroute.ir.fold import fold
from omniroute.ledger.records import Opened, Settled
from omniroute.pipeline.failures import CLIENT_LEFT, DRAINING
from omniroute.upstream.scripted import Answer, Gate
from tests.unit.pipeline.stage import CHAT, Exchange, Stage, stage
from tests.unit.pipeline.test_generate import DONE, SSE, USAGE, chunk, error, good

ASKED = {"model": "up/m", "messages": [{"role": "user", "content": "hi"}], "temperature": 0, "max_tokens": 64}
STREAM = ASKED | {"stream": True}
OF_ANTHROPIC = ASKED  # the two dialects write so small a request alike
KEYS = [mint(bytes([seed]) * 32).text for seed in (1, 2)]


def streamed(*pieces: object) -> Answer:
    return Answer(headers=SSE, chunks=(chunk("hel"), chunk("lo"), *pieces, chunk(finish="stop"), USAGE, DONE))


def settled(on: Stage) -> list[Settled]:
    return [record for record in on.journal.records if isinstance(record, Settled)]


def cache(exchange: Exchange) -> bytes | None:
    return exchange.reply_headers.get(b"x-omniroute-cache")


def by(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


def keyed(*script: object, **settings: Any) -> Stage:
    grants = {key: Grant(key_id=f"id-{key[-4:]}", name="k", **settings) for key in KEYS}
    return stage(*script, grants=grants)


async def test_the_second_of_two_same_requests_is_answered_from_the_first() -> None:
    on = stage(good())
    first, second = await on.ask(Exchange(ASKED)), await on.ask(Exchange(ASKED))
    assert (cache(first), cache(second)) == (b"MISS", b"HIT")
    assert second.reply_headers[b"x-omniroute-provider"] == b"up"
    assert second.json | {"created": 1} == first.json | {"created": 1, "choices": second.json["choices"]}
    assert second.json["choices"][0]["message"]["content"] == "hello"
    assert len(on.transport.requests) == 1


async def test_a_hit_costs_nothing_and_its_tokens_stay_with_who_paid_for_them() -> None:
    on = stage(good())
    for _ in range(2):
        await on.ask(Exchange(ASKED))
    paid, free = settled(on)
    assert (paid.usage_source, paid.input_tokens) == ("reported", 5)
    assert (free.outcome, free.status, free.usage_source) == ("ok", 200, "cache")
    assert (free.input_tokens, free.output_tokens, free.cost_micro_usd, free.price_source) == (0, 0, 0, "cache")
    assert sum(isinstance(record, Opened) for record in on.journal.records) == 2
    assert (on.cache.counted.hits, on.cache.counted.misses, on.cache.counted.tokens_saved) == (1, 1, 7)
    assert on.counters.active == 0


@pytest.mark.parametrize("more", [{}, {"temperature": 0.7}, {"temperature": None}, {"temperature": True}])
async def test_without_an_explicit_zero_nothing_is_kept_or_decoded(more: dict[str, object]) -> None:
    on = stage(good(), good())
    body = {name: value for name, value in ASKED.items() if name != "temperature"} | more
    exchanges = [await on.ask(Exchange(body)) for _ in range(2)]
    assert [cache(exchange) for exchange in exchanges] == [None, None]
    assert (len(on.transport.requests), len(on.cache.memory)) == (2, 0)


@pytest.mark.parametrize(
    "more",
    [{"n": 2}, {"logprobs": True}, {"audio": {"voice": "x"}}, {"conversation": "c"}],
)
async def test_what_cannot_be_said_again_is_not_kept(more: dict[str, object]) -> None:
    on = stage(good(), good())
    exchanges = [await on.ask(Exchange(ASKED | more)) for _ in range(2)]
    assert [cache(exchange) for exchange in exchanges] == [None, None]


async def test_who_wants_no_cache_neither_reads_nor_writes() -> None:
    on = stage(good(), good(), good())
    headers = {"x-omniroute-no-cache": "TRUE"}
    for one in (headers, {}, headers):
        await on.ask(Exchange(ASKED, one))
    assert len(on.transport.requests) == 3
    assert len(on.cache.memory) == 1


@pytest.mark.parametrize(
    "answer",
    [
        error(400),
        good(CHAT | {"choices": [CHAT["choices"][0] | {"finish_reason": "length"}]}),  # type: ignore[index,operator]  # a literal
        good(CHAT | {"choices": [CHAT["choices"][0] | {"finish_reason": "content_filter"}]}),  # type: ignore[index,operator]  # a literal
    ],
)
async def test_only_what_the_model_ended_by_itself_is_kept(answer: Answer) -> None:
    on = stage(answer, good())
    await on.ask(Exchange(ASKED))
    assert cache(await on.ask(Exchange(ASKED))) == b"MISS"


async def test_a_stream_that_was_cut_is_not_kept() -> None:
    on = stage(Answer(headers=SSE, chunks=(chunk("hel"),)), streamed())
    await on.ask(Exchange(STREAM))
    assert settled(on)[0].outcome == "cut"
    assert cache(await on.ask(Exchange(STREAM))) == b"MISS"
    assert len(on.transport.requests) == 2


@pytest.mark.parametrize("first", [ASKED, STREAM])
@pytest.mark.parametrize("second", [ASKED, STREAM])
@pytest.mark.parametrize("dialect", ["openai_chat", "anthropic"])
async def test_an_answer_is_kept_for_every_dialect_and_as_a_real_stream(
    first: dict[str, object], second: dict[str, object], dialect: str
) -> None:
    on = stage(streamed() if "stream" in first else good())
    await on.ask(Exchange(first))
    hit = await on.ask(Exchange(second), dialect)
    assert cache(hit) == b"HIT"
    codec = DIALECTS[dialect]
    if "stream" not in second:
        response = codec.decode_response(hit.received)
        assert hit.json.get("usage"), "usage is reported as it was"
    else:
        assert hit.reply_headers[b"content-type"].startswith(b"text/event-stream")
        decoder = codec.stream_decoder()
        response = fold([*decoder.feed(hit.received), *decoder.close()])
    assert [part.text for part in response.parts] == ["hello"]  # type: ignore[union-attr]  # an answer of text
    assert response.finish.reason == "stop"  # type: ignore[union-attr]  # an answer of text


async def test_a_translated_answer_is_kept_as_the_provider_meant_it() -> None:
    body = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [{"type": "text", "text": "hello"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 5, "output_tokens": 2},
    }
    on = stage(good(body))
    asked = ASKED | {"model": "claude/m"}
    assert cache(await on.ask(Exchange(asked))) == b"MISS"
    hit = await on.ask(Exchange(asked), "anthropic")
    assert cache(hit) == b"HIT"
    shown = {name: hit.json[name] for name in body}
    assert {name: shown["usage"][name] for name in ("input_tokens", "output_tokens")} == body["usage"]
    assert shown | {"usage": body["usage"]} == body


async def test_other_keys_never_get_the_answer() -> None:
    on = keyed(good(), good())
    for key in KEYS:
        assert cache(await on.ask(Exchange(ASKED, by(key)))) == b"MISS"
    assert cache(await on.ask(Exchange(ASKED, by(KEYS[0])))) == b"HIT"


async def test_a_key_may_keep_everything_or_nothing() -> None:
    warm = {name: value for name, value in ASKED.items() if name != "temperature"}
    everything = keyed(good(), cache="all")
    assert [cache(await everything.ask(Exchange(warm, by(KEYS[0])))) for _ in range(2)] == [b"MISS", b"HIT"]
    nothing = keyed(good(), good(), cache="none")
    assert [cache(await nothing.ask(Exchange(ASKED, by(KEYS[0])))) for _ in range(2)] == [None, None]


async def test_what_a_key_may_no_longer_use_is_not_found_any_more() -> None:
    on = keyed(good())
    await on.ask(Exchange(ASKED, by(KEYS[0])))
    on.snapshot.grants.update(  # type: ignore[attr-defined]  # a dict here
        {
            digest: msgspec.structs.replace(grant, models=("claude/*",))
            for digest, grant in on.snapshot.grants.items()
        }
    )
    refused = await on.ask(Exchange(ASKED, by(KEYS[0])))
    assert refused.status == 403


async def test_the_far_tier_is_asked_before_a_provider_and_fills_the_near_one() -> None:
    on = stage(good())
    await on.ask(Exchange(ASKED))
    on.cache.memory.clear()
    assert cache(await on.ask(Exchange(ASKED))) == b"HIT"
    assert len(on.cache.memory) == 1


async def test_who_wants_no_content_written_down_is_kept_in_memory_only() -> None:
    on = keyed(good(), log_bodies=False)
    for verdict in (b"MISS", b"HIT"):
        assert cache(await on.ask(Exchange(ASKED, by(KEYS[0])))) == verdict
    assert on.shelf.rows == {}


async def test_an_answer_is_forgotten_after_its_time() -> None:
    on = stage(good(), good())
    await on.ask(Exchange(ASKED))
    on.clock.time += 1801
    assert cache(await on.ask(Exchange(ASKED))) == b"MISS"


async def test_same_requests_under_way_share_one_call() -> None:
    gate = Gate()
    on = stage(streamed(gate))
    first = asyncio.ensure_future(on.ask(Exchange(STREAM)))
    await gate.reached.wait()
    others = [asyncio.ensure_future(on.ask(Exchange(STREAM))) for _ in range(3)]
    gate.open()
    leader, *joiners = await asyncio.gather(first, *others)
    assert [joiner.received for joiner in joiners] == [leader.received] * 3
    assert [cache(joiner) for joiner in joiners] == [b"HIT"] * 3
    assert len(on.transport.requests) == 1
    assert sorted(one.usage_source for one in settled(on)) == ["cache"] * 3 + ["reported"]
    assert on.counters.active == 0


async def test_a_joiner_sees_each_piece_when_it_comes() -> None:
    gate = Gate()
    on = stage(streamed(gate))
    first, second = Exchange(STREAM), Exchange(STREAM)
    leading = asyncio.ensure_future(on.ask(first))
    await gate.reached.wait()
    joining = asyncio.ensure_future(on.ask(second))
    for _ in range(5):
        await asyncio.sleep(0)
    assert b"lo" in second.received
    assert second.ended == 0
    gate.open()
    await asyncio.gather(leading, joining)
    assert second.received.endswith(DONE)


@pytest.mark.parametrize("second", [ASKED, STREAM | {"stream_options": {"include_usage": True}}])
async def test_another_form_of_the_same_request_waits_for_the_answer_under_way(second: dict[str, object]) -> None:
    gate = Gate()
    on = stage(streamed(gate))
    leading = asyncio.ensure_future(on.ask(Exchange(STREAM)))
    await gate.reached.wait()
    joining = asyncio.ensure_future(on.ask(Exchange(second)))
    gate.open()
    await leading
    assert cache(await joining) == b"HIT"
    assert len(on.transport.requests) == 1


async def test_another_form_goes_on_its_own_when_the_answer_under_way_comes_to_nothing() -> None:
    gate = Gate()
    on = stage(Answer(headers=SSE, chunks=(chunk("hel"), gate)), good())
    leading = asyncio.ensure_future(on.ask(Exchange(STREAM)))
    await gate.reached.wait()
    waiting = asyncio.ensure_future(on.ask(Exchange(ASKED)))
    gate.open()
    await leading
    assert (await waiting).json == CHAT


async def test_joiners_get_the_failure_too() -> None:
    gate = Gate()
    refusal = Answer(
        status=400, headers={"content-type": "application/json"}, chunks=(b'{"error":{}}',), before=gate
    )
    on = stage(refusal)
    tasks = [asyncio.ensure_future(on.ask(Exchange(ASKED))) for _ in range(2)]
    await gate.reached.wait()
    gate.open()
    assert [exchange.status for exchange in await asyncio.gather(*tasks)] == [400, 400]
    assert [one.outcome for one in settled(on)] == ["invalid_request"] * 2
    assert len(on.transport.requests) == 1


async def leave(task: "asyncio.Task[Exchange]", exchange: Exchange) -> None:
    exchange.stopped = CLIENT_LEFT
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_who_asked_first_may_leave_and_the_others_get_the_answer() -> None:
    gate = Gate()
    on = stage(streamed(gate))
    first, second = Exchange(STREAM), Exchange(STREAM)
    leading = asyncio.ensure_future(on.ask(first))
    await gate.reached.wait()
    joining = asyncio.ensure_future(on.ask(second))
    await asyncio.sleep(0)
    await leave(leading, first)
    gate.open()
    await joining
    assert second.received.endswith(DONE)
    assert len(on.transport.requests) == 1
    assert sorted(one.usage_source for one in settled(on)) == ["cache", "reported"]


async def test_when_all_have_left_the_provider_is_stopped_and_the_next_one_asks_anew() -> None:
    gate = Gate()
    on = stage(streamed(gate), streamed())
    exchanges = [Exchange(STREAM) for _ in range(3)]
    tasks = [asyncio.ensure_future(on.ask(exchanges[0]))]
    await gate.reached.wait()
    tasks += [asyncio.ensure_future(on.ask(exchange)) for exchange in exchanges[1:]]
    await asyncio.sleep(0)
    for task, exchange in zip(tasks, exchanges, strict=True):
        await leave(task, exchange)
    assert on.transport.replies[0].cut
    assert {one.outcome for one in settled(on)} == {"cancelled"}
    assert cache(await on.ask(Exchange(STREAM))) == b"MISS"
    assert on.counters.active == 0


async def test_a_drain_ends_every_one_of_them_in_its_own_error() -> None:
    gate = Gate()
    on = stage(streamed(gate))
    exchanges = [Exchange(STREAM), Exchange(STREAM)]
    tasks = [asyncio.ensure_future(on.ask(exchanges[0]))]
    await gate.reached.wait()
    tasks.append(asyncio.ensure_future(on.ask(exchanges[1])))
    for _ in range(5):
        await asyncio.sleep(0)
    for task, exchange in zip(tasks, exchanges, strict=True):
        exchange.stopped = DRAINING
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert all(b"shutting down" in exchange.received and exchange.ended == 1 for exchange in exchanges)
    assert [one.outcome for one in settled(on)] == ["overloaded"] * 2


OTHERS = [
    ("openai_responses", {"model": "up/m", "input": "hi", "temperature": 0, "max_output_tokens": 64}, None),
    (
        "ollama",
        {"model": "up/m", "messages": ASKED["messages"], "options": {"temperature": 0.0, "num_predict": 64}},
        None,
    ),
    (
        "gemini",
        {
            "contents": [{"role": "user", "parts": [{"text": "hi"}]}],
            "generationConfig": {"temperature": 0, "maxOutputTokens": 64},
        },
        Address("up/m", stream=False),
    ),
]


@pytest.mark.parametrize(("dialect", "body", "address"), OTHERS)
async def test_the_same_question_in_any_dialect_is_the_same_request(
    dialect: str, body: dict[str, object], address: Address | None
) -> None:
    on = stage(good())
    await on.ask(Exchange(ASKED))
    exchange = Exchange(body)
    await on.generate(exchange, DIALECTS[dialect], None, address)
    assert cache(exchange) == b"HIT"
    assert b"hello" in exchange.received


async def test_a_beta_of_anthropic_makes_it_another_request() -> None:
    on = stage(good(), good())
    versioned = {"anthropic-version": "2023-06-01"}
    heads = [{}, versioned, versioned | {"anthropic-beta": "context-1m"}]
    assert [cache(await on.ask(Exchange(ASKED, head), "anthropic")) for head in heads] == [
        b"MISS",
        b"HIT",
        b"MISS",
    ]
