"""What a client key may use: requests and tokens over time, and conversations at a time."""

import asyncio
from typing import Any

import msgspec

from omniroute.access.grant import Grant, RateLimit
from omniroute.access.keys import mint
from omniroute.upstream.scripted import Answer
from tests.unit.pipeline.stage import CHAT, Exchange, Stage, stage
from tests.unit.pipeline.test_account_choice import JSON, good

KEY, OTHER = (mint(bytes([number]) * 32).text for number in (1, 2))


def limited(**settings: Any) -> Stage:
    grants = {KEY: Grant(key_id="k", name="ci", **settings), OTHER: Grant(key_id="o", name="other")}
    return stage(lambda request: good(), grants=grants)


async def ask(
    on: Stage, text: str = "hi", *, key: str = KEY, dialect: str = "openai_chat", **headers: str
) -> Exchange:
    body = {"model": "up/m", "max_tokens": 9, "messages": [{"role": "user", "content": text}]}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await on.ask(Exchange(body, {"authorization": f"Bearer {key}", **named}), dialect)


async def test_a_key_over_its_requests_is_refused_until_the_time_it_is_told() -> None:
    on = limited(rate_limits=(RateLimit(limit=2, window_s=60),))
    assert [(await ask(on, str(number))).status for number in range(2)] == [200, 200]
    refused = await ask(on, "3")
    assert (refused.status, refused.reply_headers[b"retry-after"]) == (429, b"30")
    assert refused.json["error"]["code"] == "rate_limit_exceeded"
    assert "'ci' is over its limit of 2 requests in 60 s" in refused.json["error"]["message"]
    assert len(on.transport.requests) == 2
    assert (await ask(on, "4", key=OTHER)).status == 200
    on.clock.time += 30.0
    assert (await ask(on, "5")).status == 200


async def test_the_refusal_speaks_the_callers_dialect() -> None:
    on = limited(rate_limits=(RateLimit(limit=1, window_s=10),))
    await ask(on, "1", dialect="anthropic")
    refused = await ask(on, "2", dialect="anthropic")
    assert (refused.status, refused.json["error"]["type"]) == (429, "rate_limit_error")
    assert refused.reply_headers[b"retry-after"] == b"10"


async def test_tokens_are_reserved_in_advance_and_counted_as_they_were() -> None:
    on = limited(rate_limits=(RateLimit(limit=1000, window_s=60, unit="tokens"),))
    for number in range(20):  # 7 tokens each, with 500 reserved for the answer
        assert (await ask(on, str(number))).status == 200
    level = on.allowance.buckets.levels("k", (RateLimit(limit=1000, window_s=60, unit="tokens"),), on.clock.time)
    assert level[0].remaining == 1000 - 20 * 7


async def test_an_answer_beyond_the_limit_is_paid_for_by_waiting() -> None:
    long = {**CHAT, "usage": {"prompt_tokens": 1500, "completion_tokens": 500, "total_tokens": 2000}}
    grants = {KEY: Grant(key_id="k", name="ci", rate_limits=(RateLimit(limit=1000, window_s=60, unit="tokens"),))}
    on = stage(lambda request: Answer(headers=JSON, chunks=(msgspec.json.encode(long),)), grants=grants)
    assert (await ask(on, "1")).status == 200
    refused = await ask(on, "2")
    assert refused.status == 429
    on.clock.time += int(refused.reply_headers[b"retry-after"])
    assert (await ask(on, "3")).status == 200


async def test_a_request_that_never_gets_anywhere_is_given_its_tokens_back() -> None:
    limits = (RateLimit(limit=1000, window_s=60, unit="tokens"),)
    grants = {KEY: Grant(key_id="k", name="ci", rate_limits=limits)}
    on = stage(Answer(status=400, headers=JSON, chunks=(b'{"error":{"message":"no"}}',)), grants=grants)
    assert (await ask(on)).status == 400
    assert on.allowance.buckets.levels("k", limits, on.clock.time)[0].remaining == 1000


async def test_a_model_that_is_not_there_costs_nothing() -> None:
    limits = (RateLimit(limit=1, window_s=60),)
    on = limited(rate_limits=limits)
    body = {"model": "nowhere/m", "messages": []}
    assert (await on.ask(Exchange(body, {"authorization": f"Bearer {KEY}"}))).status == 404
    assert (await ask(on)).status == 200


async def test_a_new_conversation_over_the_cap_is_refused_and_the_old_ones_go_on() -> None:
    on = limited(max_sessions=2)
    for session in ("a", "b", "a"):
        assert (await ask(on, session, x_session_id=session)).status == 200
    refused = await ask(on, "c", x_session_id="c")
    assert (refused.status, refused.json["error"]["code"]) == (429, "SESSION_LIMIT_EXCEEDED")
    assert (await ask(on, "b", x_session_id="b")).status == 200
    assert (await ask(on, "c", key=OTHER, x_session_id="c")).status == 200
    on.clock.time += 1800.0
    assert (await ask(on, "c", x_session_id="c")).status == 200


async def test_conversations_without_a_name_are_told_apart_by_how_they_began() -> None:
    on = limited(max_sessions=1)
    assert [(await ask(on, text)).status for text in ("hi", "hi", "ho")] == [200, 200, 429]


async def test_a_session_remembers_who_answered() -> None:
    on = limited()
    await ask(on, x_session_id="a")
    (session,) = on.allowance.sessions.every(on.clock.time)
    assert (session.key_id, session.session_id, session.connection_id) == ("k", "ext:a", "up-0")


async def test_a_key_of_a_hundred_tokens_a_minute_lets_no_more_through_however_many_ask_at_once() -> None:
    limits = (RateLimit(limit=100, window_s=60, unit="tokens"),)
    on = limited(rate_limits=limits)
    answers = await asyncio.gather(*(ask(on, str(number)) for number in range(50)))
    for number in range(50):
        answers.append(await ask(on, f"again {number}"))
    through = [answer for answer in answers if answer.status == 200]
    assert {answer.status for answer in answers} == {200, 429}
    assert 0 < 7 * len(through) <= 100
    assert on.allowance.buckets.levels("k", limits, on.clock.time)[0].remaining == 100 - 7 * len(through)


async def test_what_allows_itself_more_than_a_whole_limit_is_refused_at_once_and_told_why() -> None:
    on = limited(rate_limits=(RateLimit(limit=100, window_s=60, unit="tokens"),))
    body = {"model": "up/m", "max_tokens": 90, "messages": [{"role": "user", "content": "hi"}]}
    refused = await on.ask(Exchange(body, {"authorization": f"Bearer {KEY}"}))
    assert (refused.status, refused.json["error"]["code"]) == (429, "request_too_large")
    assert on.transport.requests == []
