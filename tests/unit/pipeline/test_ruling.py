"""What the operator gives every request: instructions and a rule of thinking."""

from typing import Any

import msgspec
import pytest

from omniroute.dialects.envelope import open_envelope
from omniroute.dialects.thinking_rule import ThinkingRule
from omniroute.errors import InvalidRequest
from omniroute.pipeline.ruling import thinking_rule
from omniroute.routing.policy import Actions, Policy
from tests.unit.pipeline.stage import Exchange, Stage, stage
from tests.unit.pipeline.test_account_choice import message
from tests.unit.pipeline.test_generate import good

PROMPT = "Never speak of prices."
ASKED: dict[str, Any] = {"model": "up/m", "messages": [{"role": "user", "content": "hi"}]}


def ruled(*script: object, **rules: Any) -> Stage:
    on = stage(*script)
    on.live.current = msgspec.structs.replace(on.live.current, **rules)
    return on


def sent(on: Stage, index: int = 0) -> dict[str, Any]:
    return msgspec.json.decode(on.transport.requests[index].body)


async def test_the_prompt_stands_in_front_when_the_client_has_none() -> None:
    on = ruled(good(), prompt=PROMPT)
    exchange = await on.ask(Exchange(ASKED))
    assert sent(on)["messages"] == [{"role": "system", "content": PROMPT}, *ASKED["messages"]]
    assert exchange.reply_headers[b"x-omniroute-losses"] == b"1; meaning=1; quality=0; cost=0"


async def test_the_prompt_joins_the_clients_own() -> None:
    on = ruled(good(), good(), prompt=PROMPT)
    for content in ("Be brief.", [{"type": "text", "text": "Be brief."}]):
        await on.ask(Exchange(ASKED | {"messages": [{"role": "system", "content": content}, *ASKED["messages"]]}))
    assert sent(on, 0)["messages"][0] == {"role": "system", "content": f"{PROMPT}\n\nBe brief."}
    texts = [{"type": "text", "text": PROMPT}, {"type": "text", "text": "Be brief."}]
    assert sent(on, 1)["messages"][0] == {"role": "system", "content": texts}


async def test_everything_else_of_the_body_keeps_its_bytes() -> None:
    on = ruled(good(), prompt=PROMPT)
    body = b'{"seed": 1e2,"model":"up/m","messages":[ {"content":"\\u0068i","role":"user"}],"x":[1.50]}'
    await on.ask(Exchange(body))
    fields = open_envelope(on.transport.requests[0].body).fields
    assert bytes(fields["seed"]) == b"1e2"
    assert bytes(fields["x"]) == b"[1.50]"
    assert b'{"content":"\\u0068i","role":"user"}' in bytes(fields["messages"])


async def test_requests_with_different_prompts_share_no_answer() -> None:
    on = ruled(good(), good(), prompt=PROMPT)
    await on.ask(Exchange(ASKED | {"temperature": 0}))
    on.live.current = msgspec.structs.replace(on.live.current, prompt="Another one.")
    again = await on.ask(Exchange(ASKED | {"temperature": 0}))
    assert again.reply_headers[b"x-omniroute-cache"] == b"MISS"


async def test_what_the_operator_adds_does_not_offend_a_strict_client() -> None:
    on = ruled(good(), prompt=PROMPT)
    exchange = await on.ask(Exchange(ASKED, headers={"x-omniroute-strict": "true"}))
    assert exchange.status == 200


async def test_a_rule_replaces_what_the_client_asks_of_thinking() -> None:
    on = ruled(good(), good(), thinking=ThinkingRule(mode="auto"))
    exchange = await on.ask(Exchange(ASKED | {"reasoning_effort": "high"}))
    assert "reasoning_effort" not in sent(on)
    assert exchange.reply_headers[b"x-omniroute-losses"] == b"1; meaning=0; quality=1; cost=0"
    await on.ask(Exchange(ASKED))
    assert sent(on, 1)["messages"] == ASKED["messages"]


async def test_a_header_rules_one_request() -> None:
    on = stage(good(), good(), good())
    await on.ask(Exchange(ASKED | {"reasoning_effort": "high"}, headers={"x-omniroute-effort": "low"}))
    await on.ask(Exchange(ASKED | {"reasoning_effort": "high"}, headers={"x-omniroute-thinking": "off"}))
    await on.ask(Exchange(ASKED | {"reasoning_effort": "high"}))
    assert [sent(on, index).get("reasoning_effort") for index in range(3)] == ["low", None, "high"]


async def test_a_rule_of_thinking_holds_beside_a_policy_that_limits_answers() -> None:
    """And its budget fits under the limit."""
    policy = Policy(id="p", name="p", type="budget", actions=Actions(max_tokens=3000))
    rule = ThinkingRule(mode="custom", custom_budget=8000)
    on = ruled(message(), thinking=rule, policies=(policy,))
    body = {"model": "claude/c", "max_tokens": 20_000, "messages": ASKED["messages"]}
    thinking = {"type": "enabled", "budget_tokens": 16_000}
    await on.ask(Exchange(body | {"thinking": thinking}), "anthropic")
    assert (sent(on)["max_tokens"], sent(on)["thinking"]) == (3000, {"type": "enabled", "budget_tokens": 2999})


async def test_another_rule_does_not_get_the_answer_of_the_first() -> None:
    on = stage(good(), good())
    asked = ASKED | {"temperature": 0, "reasoning_effort": "high"}
    await on.ask(Exchange(asked))
    again = await on.ask(Exchange(asked, headers={"x-omniroute-effort": "low"}))
    assert again.reply_headers[b"x-omniroute-cache"] == b"MISS"


async def test_a_header_that_says_something_else_is_refused() -> None:
    on = stage()
    exchange = await on.ask(Exchange(ASKED, headers={"x-omniroute-effort": "enormous"}))
    assert exchange.status == 400
    assert "enormous" in exchange.json["error"]["message"]
    assert exchange.json["error"]["code"] == "bad_header"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"x-omniroute-effort": " HIGH "}, ThinkingRule(mode="custom", custom_budget=131_072)),
        ({"x-omniroute-effort": "off"}, ThinkingRule(mode="custom", custom_budget=0)),
        ({"x-omniroute-thinking": "adaptive"}, ThinkingRule(mode="adaptive")),
    ],
)
def test_headers_make_rules(headers: dict[str, str], expected: ThinkingRule | None) -> None:
    assert thinking_rule(None, headers) == expected


def test_a_header_goes_before_the_setting() -> None:
    usual = ThinkingRule(mode="auto")
    assert thinking_rule(usual, {}) == usual
    assert thinking_rule(usual, {"x-omniroute-thinking": "adaptive"}) == ThinkingRule(mode="adaptive")
    with pytest.raises(InvalidRequest):
        thinking_rule(usual, {"x-omniroute-thinking": "maybe"})
