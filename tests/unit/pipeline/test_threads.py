"""Going on with `previous_response_id` on providers that store nothing."""

from typing import Any

import msgspec
import pytest

from omniroute.access.grant import Grant
from omniroute.access.keys import mint
from omniroute.upstream.scripted import Answer
from tests.support.frames import frames
from tests.unit.pipeline.stage import CHAT, Exchange, Stage, stage

JSON = {"content-type": "application/json"}
SSE = {"content-type": "text/event-stream"}
CODECS = {"open": "openai_responses", "up": "openai_chat", "claude": "anthropic", "twin": "anthropic"}
ACCOUNTS = dict.fromkeys(CODECS, 1)
MINE, YOURS = (mint(bytes([number]) * 32).text for number in (1, 2))
GRANTS = {
    MINE: Grant(key_id="mine", name="mine", cache="none"),
    YOURS: Grant(key_id="yours", name="yours", cache="none"),
}


def chat(text: str, **message: Any) -> Answer:
    choice = {"index": 0, "message": {"role": "assistant", "content": text, **message}, "finish_reason": "stop"}
    return Answer(headers=JSON, chunks=(msgspec.json.encode({**CHAT, "choices": [choice]}),))


def claude(*content: dict, stop: str = "end_turn") -> Answer:
    body = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": list(content)}
    body |= {"stop_reason": stop, "stop_sequence": None, "usage": {"input_tokens": 5, "output_tokens": 2}}
    return Answer(headers=JSON, chunks=(msgspec.json.encode(body),))


def response(response_id: str, *output: dict, **more: Any) -> Answer:
    body = {"id": response_id, "object": "response", "status": "completed", "model": "m", "output": list(output)}
    body |= {"usage": {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7}, **more}
    return Answer(headers=JSON, chunks=(msgspec.json.encode(body),))


def said(text: str, item_id: str = "msg_1") -> dict:
    content = [{"type": "output_text", "text": text, "annotations": []}]
    return {"type": "message", "id": item_id, "status": "completed", "role": "assistant", "content": content}


class Ids:
    """Other ids than the stage's: each request has its own."""

    def __init__(self) -> None:
        self.given = 0

    def token(self) -> str:
        self.given += 1
        return f"t{self.given}"


def played(*script: Answer) -> Stage:
    on = stage(*script, accounts=ACCOUNTS, codecs=CODECS, grants=GRANTS)
    on.generate._deliver._ids = Ids()  # type: ignore[attr-defined]  # the stage shows its inside
    return on


async def ask(on: Stage, key: str = MINE, **body: Any) -> Exchange:
    exchange = Exchange({"model": "up/m", **body}, {"authorization": f"Bearer {key}"})
    return await on.ask(exchange, "openai_responses")


def sent(on: Stage, number: int = -1) -> dict:
    return msgspec.json.decode(on.transport.requests[number].body)


async def test_a_third_turn_brings_the_first_two_with_it() -> None:
    on = played(chat("one"), chat("two"), chat("three"))
    first = await ask(on, input="a", instructions="Only now.")
    second = await ask(on, input=[{"role": "user", "content": "b"}], previous_response_id=first.json["id"])
    third = await ask(on, input="c", previous_response_id=second.json["id"], instructions="Be brief.")
    assert third.status == 200
    assert [(message["role"], message["content"]) for message in sent(on)["messages"]] == [
        ("system", "Be brief."),
        ("user", "a"),
        ("assistant", "one"),
        ("user", "b"),
        ("assistant", "two"),
        ("user", "c"),
    ]
    assert "previous_response_id" not in sent(on)
    assert (third.json["previous_response_id"], third.json["store"]) == (second.json["id"], True)
    assert on.journal.records[-1].losses == 0


async def test_a_streamed_answer_is_stored_before_its_last_event_is_out() -> None:
    delta = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    chunks = [
        {**delta, "choices": [{"index": 0, "delta": {"role": "assistant", "content": "one"}}]},
        {**delta, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    ]
    stream = b"".join(b"data: " + msgspec.json.encode(chunk) + b"\n\n" for chunk in chunks) + b"data: [DONE]\n\n"
    on = played(Answer(headers=SSE, chunks=(stream,)), chat("two"))
    stored_at_end: list[int] = []

    class Watching(Exchange):
        async def write(self, chunk: bytes) -> None:
            if b"response.completed" in chunk:
                stored_at_end.append(len(on.storage))
            await super().write(chunk)

    exchange = Watching({"model": "up/m", "input": "a", "stream": True}, {"authorization": f"Bearer {MINE}"})
    await on.ask(exchange, "openai_responses")
    assert stored_at_end == [1]
    told = msgspec.json.decode(frames(exchange.received)[-1].data)["response"]
    assert told["store"] is True
    await ask(on, input="b", previous_response_id=told["id"])
    assert [message["content"] for message in sent(on)["messages"]] == ["a", "one", "b"]


async def test_an_answer_that_is_not_to_be_stored_is_not_found() -> None:
    on = played(chat("one"))
    first = await ask(on, input="a", store=False)
    assert first.json["store"] is False
    again = await ask(on, input="b", previous_response_id=first.json["id"])
    assert (again.status, again.json["error"]["code"]) == (400, "previous_response_not_found")
    assert len(on.transport.requests) == 1


async def test_a_chain_may_be_continued_without_being_stored_itself() -> None:
    on = played(chat("one"), chat("two"))
    first = await ask(on, input="a")
    second = await ask(on, input="b", previous_response_id=first.json["id"], store=False)
    assert (second.status, second.json["store"]) == (200, False)
    assert len(on.storage) == 1


async def test_another_key_finds_nothing_of_it() -> None:
    on = played(chat("one"), chat("two"))
    first = await ask(on, input="a")
    item = first.json["output"][0]["id"]
    foreign = await ask(on, YOURS, input="b", previous_response_id=first.json["id"])
    assert (foreign.status, foreign.json["error"]["code"]) == (400, "previous_response_not_found")
    reference = await ask(on, YOURS, input=[{"type": "item_reference", "id": item}])
    assert (reference.status, reference.json["error"]["code"]) == (400, "item_not_found")
    passed = await ask(on, YOURS, model="open/m", input="b", previous_response_id=first.json["id"])
    assert (passed.status, passed.json["error"]["code"]) == (400, "previous_response_not_found")
    assert len(on.transport.requests) == 1


async def test_an_answer_is_forgotten_half_an_hour_after_it_was_last_used() -> None:
    on = played(chat("one"), chat("two"), chat("three"))
    first = await ask(on, input="a")
    on.clock.time += 1700
    second = await ask(on, input="b", previous_response_id=first.json["id"])
    on.clock.time += 1700
    assert (await ask(on, input="c", previous_response_id=second.json["id"])).status == 200
    on.clock.time += 1801
    late = await ask(on, input="d", previous_response_id=second.json["id"])
    assert (late.status, late.json["error"]["code"]) == (400, "previous_response_not_found")


async def test_a_tool_round_goes_on_with_the_result_alone() -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}}
    on = played(chat("", tool_calls=[call]), chat("Rain"))
    tools = [{"type": "function", "name": "weather", "parameters": {"type": "object"}}]
    first = await ask(on, input="Weather?", tools=tools)
    result = {"type": "function_call_output", "call_id": "call_1", "output": "rain"}
    await ask(on, input=[result], previous_response_id=first.json["id"], tools=tools)
    asked, called, answered = sent(on)["messages"]
    assert asked["content"] == "Weather?"
    assert called["tool_calls"][0]["function"] == call["function"]
    assert (answered["role"], answered["tool_call_id"], answered["content"]) == ("tool", "call_1", "rain")


THOUGHT = {"type": "thinking", "thinking": "Hm.", "signature": "c2VhbA=="}
USE = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Oslo"}}


@pytest.mark.parametrize("second", ["claude/m", "twin/m", "up/m"])
async def test_a_seal_goes_back_once_and_only_to_who_made_it(second: str) -> None:
    on = played(
        claude(THOUGHT, USE, stop="tool_use"),
        claude({"type": "text", "text": "Rain"}) if second != "up/m" else chat("Rain"),
    )
    more: dict[str, Any] = {"tools": [{"type": "function", "name": "weather", "parameters": {"type": "object"}}]}
    more["reasoning"] = {"effort": "medium"}
    first = await ask(on, model="claude/m", input="Weather?", **more)
    result = {"type": "function_call_output", "call_id": "toolu_1", "output": "rain"}
    await ask(on, model=second, input=[result], previous_response_id=first.json["id"], **more)
    seen = on.transport.requests[-1].body.count(b"c2VhbA==")
    assert seen == (1 if second == "claude/m" else 0)


@pytest.mark.parametrize("model", ["up/m", "claude/m", "open/m"])
async def test_an_item_reference_is_the_item(model: str) -> None:
    answers = {"up/m": chat("fine"), "claude/m": claude({"type": "text", "text": "fine"})}
    on = played(chat("one"), answers.get(model) or response("resp_2", said("fine")))
    first = await ask(on, input="a")
    reference = {"type": "item_reference", "id": first.json["output"][0]["id"]}
    question = {"role": "user", "content": "b"}
    second = await ask(on, model=model, input=[{"role": "user", "content": "a"}, reference, question])
    assert second.status == 200, second.received
    body = on.transport.requests[-1].body
    assert b"one" in body
    assert b"item_reference" not in body


async def test_a_reference_to_nothing_is_refused_by_who_would_have_to_know_it() -> None:
    on = played()
    exchange = await ask(on, input=[{"type": "item_reference", "id": "msg_0"}])
    assert (exchange.status, exchange.json["error"]["code"]) == (400, "unsupported_feature")


async def test_what_a_provider_stores_goes_on_there_and_through_the_same_account() -> None:
    on = stage(
        response("resp_1", said("one"), store=True),
        response("resp_2", said("two"), store=True),
        accounts={"open": 3, "up": 1},
        codecs=CODECS,
        grants=GRANTS,
    )
    first = await ask(on, model="open/m", input="a")
    assert first.json["id"] == "resp_1"
    used = on.transport.requests[0].headers
    for _ in range(2):
        on.choose._draws.take_turn("open")  # type: ignore[attr-defined]  # the stage shows its inside
    await ask(on, model="open/m", input="b", previous_response_id="resp_1")
    assert on.transport.requests[1].headers == used
    assert sent(on) == {"model": "m", "input": "b", "previous_response_id": "resp_1"}
    elsewhere = await ask(on, model="up/m", input="c", previous_response_id="resp_1")
    assert (elsewhere.status, elsewhere.json["error"]["code"]) == (400, "unsupported_feature")
    foreign = await ask(on, YOURS, model="open/m", input="c", previous_response_id="resp_1")
    assert (foreign.status, foreign.json["error"]["code"]) == (400, "previous_response_not_found")


async def test_a_provider_of_the_same_dialect_that_stores_nothing_gets_the_whole_conversation() -> None:
    on = played(response("resp_1", said("one"), store=False), response("resp_2", said("two"), store=False))
    await ask(on, model="open/m", input="a")
    await ask(on, model="open/m", input="b", previous_response_id="resp_1")
    assert "previous_response_id" not in sent(on)
    texts = [item["content"][0]["text"] for item in sent(on)["input"] if isinstance(item["content"], list)]
    plain = [item["content"] for item in sent(on)["input"] if isinstance(item["content"], str)]
    assert sorted(texts + plain) == ["a", "b", "one"]


async def test_a_deleted_beginning_ends_the_chain() -> None:
    on = played(chat("one"), chat("two"))
    first = await ask(on, input="a")
    second = await ask(on, input="b", previous_response_id=first.json["id"])
    on.storage.delete("mine", first.json["id"])
    third = await ask(on, input="c", previous_response_id=second.json["id"])
    assert (third.status, third.json["error"]["code"]) == (400, "previous_response_not_found")


async def test_what_is_stored_stays_within_its_bounds() -> None:
    on = played(*[chat("x" * 100_000)] * 4)
    for _ in range(4):
        await ask(on, input="a")
    assert 0 < len(on.storage) < 4
    assert on.storage.size <= 1_000_000


async def test_an_answer_from_the_cache_can_be_continued_too() -> None:
    on = played(chat("one"), chat("two"))
    on.generate._sharing._cached._ids = Ids()  # type: ignore[attr-defined]  # the stage shows its inside
    for _ in range(2):
        exchange = Exchange({"model": "up/m", "input": "a", "temperature": 0})
        await on.ask(exchange, "openai_responses")
    assert exchange.reply_headers[b"x-omniroute-cache"] == b"HIT"
    follow_up = Exchange({"model": "up/m", "input": "b", "previous_response_id": exchange.json["id"]})
    await on.ask(follow_up, "openai_responses")
    assert [message["content"] for message in sent(on)["messages"]] == ["a", "one", "b"]


async def test_a_failed_answer_is_not_stored() -> None:
    on = played(Answer(status=400, headers=JSON, chunks=(b'{"error":{"message":"no"}}',)))
    assert (await ask(on, input="a")).status == 400
    assert len(on.storage) == 0


async def test_where_nothing_is_to_be_stored_nothing_is_and_the_answer_says_so() -> None:
    on = played(chat("one"))
    on.threads._storage = None  # type: ignore[attr-defined]  # the stage shows its inside
    first = await ask(on, input="a")
    assert (first.status, first.json["store"]) == (200, False)
    again = await ask(on, input="b", previous_response_id=first.json["id"])
    assert (again.status, again.json["error"]["code"]) == (400, "previous_response_not_found")
