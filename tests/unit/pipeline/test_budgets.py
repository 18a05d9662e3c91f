"""Budgets change what the next request may do: refuse it, send it elsewhere, or say how little is left."""

import asyncio
from typing import Any
from unicodedata import normalize

import msgspec
import pytest

from omniroute.access.grant import Grant
from omniroute.access.keys import mint
from omniroute.dialects.registry import DIALECTS
from omniroute.ledger.budgets import Budget, budgets
from omniroute.ledger.cost import Rate, Sheet
from omniroute.ledger.records import Progress, Settled
from omniroute.routing.combo import Combo, ModelStep
from omniroute.upstream.scripted import Answer, Gate
from tests.support.budgets import budget
from tests.unit.pipeline.stage import CHAT, Exchange, Stage, stage
from tests.unit.pipeline.test_account_choice import JSON, good

KEY = mint(bytes(32)).text
# CHAT uses 5 + 2 tokens: 70 + 30 micro-USD.
PRICES = Sheet(source="test 1", input=Rate(14_000_000), output=Rate(15_000_000))
COST = 100


def budgeted(*several: Budget, script: Any = None, prices: Sheet | None = PRICES, **more: Any) -> Stage:
    grants = {KEY: Grant(key_id="k", name="ci", tags=("team",))}
    on = stage(script or (lambda request: good()), grants=grants, prices=prices, **more)
    on.live.current = msgspec.structs.replace(on.snapshot, budgets=budgets(several))
    return on


async def ask(
    on: Stage,
    text: str = "hi",
    *,
    model: str = "up/m",
    dialect: str = "openai_chat",
    key: str | None = KEY,
    **more: Any,
) -> Exchange:
    body = {"model": model, "max_tokens": 9, "messages": [{"role": "user", "content": text}], **more}
    headers = {"authorization": f"Bearer {key}"} if key else {}
    return await on.ask(Exchange(body, headers), dialect)


def settled(on: Stage) -> list[Settled]:
    return [record for record in on.journal.records if isinstance(record, Settled)]


def level(on: Stage, one: Budget) -> tuple[int, int]:
    found = on.allowance.spending.till.level(one, on.clock.time)
    return found.spent, found.held


@pytest.mark.parametrize(
    "scope", [("key", "k"), ("tag", "team"), ("provider", "up"), ("connection", "up-0"), ("global", "")]
)
async def test_a_spent_budget_of_any_scope_refuses_the_next_request_with_the_time_at_which_it_begins_anew(
    scope,
) -> None:
    one = budget("b", 4000, scope=scope[0], subject=scope[1], period="daily")
    on = budgeted(one)
    answers = []
    while (answer := await ask(on, str(len(answers)))).status == 200:
        answers.append(answer)
    assert answer.status == 402
    error = answer.json["error"]
    assert error["code"] == "budget_exceeded"
    assert "1970-01-02T00:00:00Z" in error["message"]
    assert answer.reply_headers[b"retry-after"] == b"85400"
    assert len(on.transport.requests) == len(answers)
    assert level(on, one) == (len(answers) * COST, 0)
    on.clock.time += 85_400
    assert (await ask(on, "tomorrow")).status == 200


@pytest.mark.parametrize("dialect", sorted(DIALECTS))
async def test_the_refusal_speaks_every_dialect(dialect: str) -> None:
    on = budgeted(budget("b", 1))
    body: dict[str, Any] = {"model": "up/m", "max_tokens": 9}
    match dialect:
        case "openai_responses":
            body = {"model": "up/m", "input": "hi", "max_output_tokens": 9}
        case _:
            body["messages"] = [{"role": "user", "content": "hi"}]
    answer = await on.ask(Exchange(body, {"authorization": f"Bearer {KEY}"}), dialect)
    assert answer.status == 402
    assert "budget" in answer.received.decode()
    assert "USD" in answer.received.decode()
    assert on.transport.requests == []


async def test_a_request_that_can_never_fit_is_told_so_and_not_when_to_come_back() -> None:
    on = budgeted(budget("b", 50, mode="hard"))
    answer = await ask(on)
    assert answer.status == 402
    assert "set a smaller limit for the answer" in answer.json["error"]["message"]
    assert b"retry-after" not in answer.reply_headers


async def test_another_account_is_tried_when_the_budget_of_the_first_is_spent() -> None:
    on = budgeted(budget("b", 1, scope="connection", subject="up-0"), accounts={"up": 2})
    assert (await ask(on)).status == 200
    assert [record.connection_id for record in settled(on)] == ["up-1"]


async def test_an_attempt_in_vain_gives_back_what_it_had_reserved() -> None:
    first, both = budget("first", 10**6, scope="connection", subject="up-0"), budget("both", 10**6)
    fails = Answer(status=500, headers=JSON, chunks=(b'{"error":{"message":"no"}}',))
    on = budgeted(
        first, both, script=lambda request: good() if len(on.transport.requests) > 1 else fails, accounts={"up": 2}
    )
    assert (await ask(on)).status == 200
    assert level(on, first) == (0, 0)
    assert level(on, both) == (COST, 0)
    assert [charge[:1] + charge[2:] for charge in settled(on)[-1].charges] == [("both", COST, 0)]


async def settled_or_waiting(asking: "list[asyncio.Task[Exchange]]", on: Stage, before: int = 0) -> None:
    """Everybody was refused or is at the provider, where the gate is closed and `before` were served earlier."""
    for one in asking:
        while not one.done() and len(on.transport.requests) - before + sum(other.done() for other in asking) < len(
            asking
        ):
            await asyncio.wait([one], timeout=0)


async def test_a_thousand_requests_at_once_never_spend_more_than_a_hard_budget_has() -> None:
    one = budget("b", 1_000_000, mode="hard")
    gate = Gate()
    # 40,000 + 30,000 tokens at these prices: a dollar is enough for some and not for all.
    usage = {"prompt_tokens": 20, "completion_tokens": 90, "total_tokens": 110}
    body = msgspec.json.encode({**CHAT, "usage": usage})
    on = budgeted(one, script=lambda request: Answer(headers=JSON, chunks=(body,), before=gate))
    asking = [asyncio.ensure_future(ask(on, str(number), max_tokens=90)) for number in range(1000)]
    await asyncio.sleep(0)
    async with asyncio.timeout(30):
        await settled_or_waiting(asking, on)
    spent, held = level(on, one)
    assert spent == 0
    assert held <= 1_000_000
    gate.open()
    statuses = [(await answer).status for answer in asking]
    spent, held = level(on, one)
    assert held == 0
    assert spent == statuses.count(200) * (20 * 14 + 90 * 15) <= 1_000_000
    assert statuses.count(200) > 100
    assert set(statuses) == {200, 402}
    # What was reserved and not used is there for the next ones, until a dollar is really spent.
    while (await ask(on, "more", max_tokens=90)).status == 200:
        pass
    assert 1_000_000 - 4_000 < level(on, one)[0] <= 1_000_000


def read_by_the_worst_tokenizer(request: Any) -> int:
    """A token for every byte of what was said, normalised."""
    said = msgspec.json.decode(request.body)["messages"]
    return 4 * len(said) + sum(len(normalize("NFKC", one["content"]).encode()) for one in said)


async def test_what_was_learnt_from_english_lets_nothing_else_through_that_a_hard_budget_cannot_pay() -> None:
    """A client writes English for long, four bytes a token, and then what is a token for every byte, at once."""
    one = budget("b", 1_000_000, mode="hard")
    gate = Gate()
    lean = {"now": True}

    def answer(request: Any) -> Answer:
        tokens = read_by_the_worst_tokenizer(request)
        usage = {"prompt_tokens": tokens // 4 if lean["now"] else tokens, "completion_tokens": 2}
        body = msgspec.json.encode({**CHAT, "usage": usage | {"total_tokens": tokens}})
        return Answer(headers=JSON, chunks=(body,), before=None if lean["now"] else gate)

    on = budgeted(one, script=answer)
    system = {"role": "system", "content": "Answer in one word. " * 20}
    for number in range(20):
        english = [
            system,
            {"role": "user", "content": f"What is the {number}. word of the song, and who wrote it?"},
        ]
        assert (await ask(on, messages=english)).status == 200
    lean["now"] = False
    served = len(on.transport.requests)
    dense = (
        "3.14159,2.71828;" * 20,
        "漢字仮名交じり文" * 20,
        "🦩🧿" * 60,
        "QmFzZTY0" * 50,
        "\ufdfa" * 40,
        "plain words",
    )
    asking = [
        asyncio.ensure_future(
            ask(on, messages=[{"role": "user", "content": f"{number} {4 * dense[number % len(dense)]}"}])
        )
        for number in range(1000)
    ]
    await asyncio.sleep(0)
    async with asyncio.timeout(30):
        await settled_or_waiting(asking, on, served)
    assert sum(level(on, one)) <= 1_000_000
    gate.open()
    statuses = [(await answer).status for answer in asking]
    spent, held = level(on, one)
    assert held == 0
    assert spent <= 1_000_000
    assert statuses.count(200) > 20
    assert set(statuses) == {200, 402}


async def test_a_conversation_at_a_hard_budget_is_let_through_for_what_it_was_and_its_new_words() -> None:
    """20,000 bytes of instructions are 4,000 tokens: 0.056 dollars, where nobody knew it 0.28."""
    usage = {"prompt_tokens": 4_000, "completion_tokens": 2, "total_tokens": 4_002}
    on = budgeted(
        budget("b", 400_000, mode="hard"),
        script=lambda request: Answer(headers=JSON, chunks=(msgspec.json.encode({**CHAT, "usage": usage}),)),
    )
    system = {"role": "system", "content": "Be brief. " * 2_000}
    answers = [
        await ask(on, messages=[system, {"role": "user", "content": f"Question {number}"}]) for number in range(6)
    ]
    assert [answer.status for answer in answers] == [200] * 6
    assert (await ask(on, messages=[{"role": "user", "content": "Be brief. " * 2_000}])).status == 402


async def test_what_the_gateway_adds_to_a_request_counts_for_a_hard_budget() -> None:
    """Four kilobytes of the operator's own instructions are 0.056 dollars at most."""
    on = budgeted(budget("b", 50_000, mode="hard"))
    assert (await ask(on)).status == 200
    on.live.current = msgspec.structs.replace(on.live.current, prompt="x" * 4_000)
    assert (await ask(on)).status == 402


async def test_a_limit_that_the_provider_does_not_read_limits_no_hard_budget() -> None:
    """Ollama's clients say it in `options`."""
    on = budgeted(budget("b", 50_000, mode="hard"))
    body = {"model": "up/m", "max_tokens": 9, "stream": False, "messages": [{"role": "user", "content": "hi"}]}
    answer = await on.ask(Exchange(body, {"authorization": f"Bearer {KEY}"}), "ollama")
    assert answer.status == 402


async def test_a_spent_budget_that_downgrades_sends_requests_to_its_combo() -> None:
    cheap = Combo(id="c", name="cheap", strategy="priority", steps=(ModelStep(id="1", model="claude/small"),))
    one = budget("b", 1, action="downgrade", downgrade_to="cheap")
    small = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "small",
        "stop_reason": "end_turn",
    } | {
        "content": [{"type": "text", "text": "cheap"}],
        "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }
    answer = Answer(headers=JSON, chunks=(msgspec.json.encode(small),))
    on = budgeted(one, script=lambda request: answer, combos=(cheap,))
    served = await ask(on)
    assert (served.status, served.json["choices"][0]["message"]["content"]) == (200, "cheap")
    assert served.reply_headers[b"x-omniroute-downgraded"] == b"cheap"
    assert [request.url for request in on.transport.requests] == ["https://claude.test/v1/messages"]
    assert level(on, one) == (29, 0)


async def test_a_downgrade_to_a_combo_that_is_gone_is_a_refusal() -> None:
    on = budgeted(budget("b", 1, action="downgrade", downgrade_to="gone"))
    assert (await ask(on)).status == 402


async def test_a_budget_that_warns_says_in_the_next_reply_how_much_is_left_and_once_in_the_log() -> None:
    on = budgeted(budget("b", 120, action="warn"))
    first, second, third = [await ask(on, str(number)) for number in range(3)]
    assert b"x-omniroute-budget" not in first.reply_headers
    assert second.reply_headers[b"x-omniroute-budget"] == (
        b"global monthly; spent=0.0001; limit=0.00012; resets=1970-02-01T00:00:00Z"
    )
    assert (third.status, third.reply_headers[b"x-omniroute-budget"][:28]) == (
        200,
        b"global monthly; spent=0.0002",
    )
    assert [fields["spent_usd"] for event, fields in on.log.lines if event == "budget warning"] == [0.0001]


async def test_an_unknown_price_is_charged_as_a_guess_and_the_cost_stays_unknown() -> None:
    one = budget("b", 10**6)
    on = budgeted(one, prices=None)
    assert (await ask(on)).status == 200
    (record,) = settled(on)
    assert (record.cost_micro_usd, [charge[2:] for charge in record.charges]) == (None, [(225, 225)])
    assert on.allowance.spending.till.level(one, on.clock.time).guessed == 225


async def test_without_a_budget_about_it_a_request_has_no_purse() -> None:
    on = budgeted(budget("b", 1, scope="key", subject="other"))
    assert (await ask(on)).status == 200
    assert settled(on)[-1].charges == ()


async def test_requests_wait_for_the_prices_before_they_count_against_a_budget() -> None:
    on = budgeted(budget("b", 10**6))
    on.allowance.spending._prices.clear()
    asking = asyncio.ensure_future(ask(on))
    while on.transport.requests == [] and not asking.done():
        await asyncio.sleep(0)
        on.allowance.spending.priced()
    assert (await asking).status == 200


def chunk(choices: str, more: str = "") -> bytes:
    head = '{"id":"c","object":"chat.completion.chunk","created":1,"model":"m"'
    return f'data: {head},"choices":[{choices}]{more}}}\n\n'.encode()


FOUR = chunk('{"index":0,"delta":{"content":"four"},"finish_reason":null}')
END = chunk('{"index":0,"delta":{},"finish_reason":"stop"}')
USAGE = chunk("", ',"usage":{"prompt_tokens":5,"completion_tokens":9,"total_tokens":14}')


async def test_a_long_stream_is_marked_with_what_it_has_cost_and_settles_the_rest() -> None:
    one = budget("b", 10**6)
    gate = Gate()
    on = budgeted(
        one,
        script=lambda request: Answer(
            headers={"content-type": "text/event-stream"},
            chunks=(FOUR * 3, gate, END + USAGE + b"data: [DONE]\n\n"),
        ),
    )
    asking = asyncio.ensure_future(ask(on, stream=True))
    await gate.reached.wait()
    on.clock.time += 1
    on.generate._deliver._marks.look()
    (mark,) = [record for record in on.journal.records if isinstance(record, Progress)]
    assert (mark.provider, mark.connection_id, mark.output_tokens, mark.price_source) == (
        "up",
        "up-0",
        3,
        "test 1",
    )
    assert mark.cost_micro_usd == mark.charges[0].micro_usd == level(on, one)[0]
    gate.open()
    assert (await asking).status == 200
    assert level(on, one) == (5 * 14 + 9 * 15, 0)
    assert sum(charge.micro_usd for record in (mark, *settled(on)) for charge in record.charges) == 5 * 14 + 9 * 15
    on.clock.time += 1
    on.generate._deliver._marks.look()
    assert len([record for record in on.journal.records if isinstance(record, Progress)]) == 1
