"""What the operator's rule of thinking makes of what a client asked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniroute.dialects.registry import DIALECTS
from omniroute.dialects.thinking_rule import EFFORT_TOKENS, ThinkingRule, ruled
from omniroute.ir.parts import Text
from omniroute.ir.request import GenerateRequest, Sampling, Thinking, Tool, Turn
from omniroute.ir.target import ModelFacts, Target

CUSTOM = ThinkingRule(mode="custom", custom_budget=5000)
ADAPTIVE = ThinkingRule(mode="adaptive", effort_level="medium")
MODES = st.sampled_from(("passthrough", "auto", "custom", "adaptive"))


def target(
    dialect: str = "openai_chat", *, model: str = "m", reasoning: bool | None = True, most: int | None = None
):
    return Target(
        provider="p", model=model, dialect=dialect, facts=ModelFacts(reasoning=reasoning, max_output_tokens=most)
    )


def request(
    dialect: str = "openai_chat",
    thinking: Thinking | None = None,
    *,
    limit: int | None = None,
    turns: int = 1,
    tools: int = 0,
    text: str = "hi",
) -> GenerateRequest:
    return GenerateRequest(
        model="m",
        turns=tuple(Turn(role="user", parts=(Text(text=text),)) for _ in range(turns)),
        tools=tuple(Tool(name=f"t{number}") for number in range(tools)),
        sampling=Sampling(max_output_tokens=limit),
        thinking=thinking,
        dialect=dialect,
    )


def granted(rule: ThinkingRule, asked: GenerateRequest, at: Target) -> Thinking | None:
    found = ruled(rule, asked, at)
    return asked.thinking if found is None else found.granted


def test_passthrough_changes_nothing() -> None:
    assert ruled(ThinkingRule(), request(thinking=Thinking(effort="high")), target(reasoning=False)) is None


def test_auto_leaves_it_to_the_provider_and_says_so() -> None:
    found = ruled(ThinkingRule(mode="auto"), request(thinking=Thinking(effort="high")), target())
    assert found is not None
    assert found.granted is None
    assert [(loss.how, loss.path) for loss in found.losses] == [("dropped", "thinking")]


@pytest.mark.parametrize(
    ("dialect", "model", "expected"),
    [
        ("openai_chat", "gpt-5", Thinking(effort="medium")),
        ("openai_responses", "gpt-5", Thinking(effort="medium")),
        ("anthropic", "claude-sonnet-4-5", Thinking(mode="enabled", budget_tokens=5000)),
        ("anthropic", "claude-opus-4-7", Thinking(mode="adaptive", effort="medium")),
        ("gemini", "gemini-2.5-pro", Thinking(budget_tokens=5000)),
        ("ollama", "qwen3", Thinking(effort="medium")),
    ],
)
def test_a_budget_is_said_in_the_terms_of_the_provider(dialect: str, model: str, expected: Thinking) -> None:
    assert granted(CUSTOM, request(dialect), target(dialect, model=model)) == expected


def test_a_translation_gets_the_budget_itself() -> None:
    asked = request("openai_chat", Thinking(effort="low"))
    assert granted(CUSTOM, asked, target("anthropic")) == Thinking(mode="enabled", budget_tokens=5000)


@pytest.mark.parametrize(
    ("dialect", "expected"),
    [
        ("openai_chat", None),
        ("openai_responses", None),
        ("anthropic", Thinking(mode="disabled")),
        ("gemini", Thinking(budget_tokens=0)),
        ("ollama", Thinking(mode="disabled")),
    ],
)
def test_no_budget_is_no_thinking(dialect: str, expected: Thinking | None) -> None:
    asked = request(dialect, Thinking(effort="high"))
    assert granted(ThinkingRule(mode="custom", custom_budget=0), asked, target(dialect)) == expected


def test_a_model_that_cannot_think_is_never_asked_to() -> None:
    for rule in (CUSTOM, ADAPTIVE):
        assert granted(rule, request(thinking=Thinking(effort="high")), target(reasoning=False)) is None


def test_a_model_of_which_nothing_is_known_is_not_made_to_think() -> None:
    assert ruled(CUSTOM, request(), target(reasoning=None)) is None
    asked = request(thinking=Thinking(effort="high"))
    assert granted(CUSTOM, asked, target(reasoning=None)) == Thinking(effort="medium")


def test_adaptive_leaves_what_the_client_asked() -> None:
    assert ruled(ADAPTIVE, request(thinking=Thinking(effort="low")), target()) is None


@pytest.mark.parametrize(
    ("asked", "factor"),
    [
        (request("gemini"), 1.0),
        (request("gemini", turns=11), 1.5),
        (request("gemini", tools=4), 1.5),
        (request("gemini", text="x" * 2001), 1.3),
        (request("gemini", turns=11, tools=4, text="x" * 2001), 2.3),
    ],
)
def test_adaptive_grants_more_for_longer_work(asked: GenerateRequest, factor: float) -> None:
    found = granted(ADAPTIVE, asked, target("gemini"))
    assert found == Thinking(budget_tokens=round(EFFORT_TOKENS["medium"] * factor))


@given(
    MODES, st.integers(0, 131_072), st.one_of(st.none(), st.integers(1, 200_000)), st.sampled_from(list(DIALECTS))
)
def test_a_budget_leaves_room_for_an_answer(mode, budget: int, limit: int | None, dialect: str) -> None:
    rule = ThinkingRule(mode=mode, custom_budget=budget)
    found = granted(rule, request(dialect, limit=limit), target(dialect, most=64_000))
    if found is not None and found.budget_tokens:
        assert 1024 <= found.budget_tokens < min(limit or 64_000, 64_000)


@given(MODES, st.integers(0, 131_072), st.sampled_from(list(DIALECTS)), st.sampled_from(list(DIALECTS)))
def test_a_rule_holds_when_it_is_applied_again(mode, budget: int, client: str, provider: str) -> None:
    rule = ThinkingRule(mode=mode, custom_budget=budget)
    asked = request(client, Thinking(effort="high"))
    once = granted(rule, asked, target(provider))
    again = GenerateRequest(model="m", turns=asked.turns, thinking=once, dialect=client)
    if once is not None:
        assert granted(rule, again, target(provider)) == once
