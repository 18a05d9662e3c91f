"""Who can serve a request at all."""

from hypothesis import given
from hypothesis import strategies as st

from omniroute.ir.target import ModelFacts
from omniroute.routing.eligible import eligible, unfitness, weakest
from omniroute.routing.strategy import Asked
from omniroute.routing.tree import leaves
from tests.support.combos import combo, planted


def test_what_a_model_cannot_do_leaves_it_out_with_a_reason() -> None:
    facts = {"a/a": ModelFacts(tools=False), "b/b": ModelFacts(tools=True), "c/c": ModelFacts()}
    fit = eligible(leaves(planted(combo("x", "a/a", "b/b", "c/c"), facts=facts)), Asked(tools=True))
    assert fit.kept == {"b/b", "c/c"}
    assert [one.reason for one in fit.unfit] == ["the model takes no tools"]


def test_a_window_that_is_too_small_says_by_how_much() -> None:
    facts = {"a/a": ModelFacts(context_tokens=1000), "b/b": ModelFacts(context_tokens=9000)}
    fit = eligible(leaves(planted(combo("x", "a/a", "b/b"), facts=facts)), Asked(input_tokens=2000))
    assert fit.kept == {"b/b"}
    assert fit.unfit[0].reason == "about 2000 tokens do not fit into its window of 1000"


def test_when_nothing_is_fit_everything_is_kept_and_said_so() -> None:
    facts = {"a/a": ModelFacts(images=False)}
    fit = eligible(leaves(planted(combo("x", "a/a"), facts=facts)), Asked(images=True))
    assert fit.kept == {"a/a"}
    assert fit.forced


ABLE = st.none() | st.booleans()
FACTS = st.builds(
    ModelFacts,
    context_tokens=st.none() | st.integers(1, 100),
    tools=ABLE,
    images=ABLE,
    documents=ABLE,
    structured_output=ABLE,
)


@given(
    facts=st.fixed_dictionaries({"a/a": FACTS, "b/b": FACTS}),
    asked=st.builds(
        Asked,
        input_tokens=st.integers(0, 100),
        tools=st.booleans(),
        images=st.booleans(),
        documents=st.booleans(),
        structured_output=st.booleans(),
    ),
)
def test_what_suits_the_weakest_suits_all_and_nothing_else_does(
    facts: dict[str, ModelFacts], asked: Asked
) -> None:
    every = leaves(planted(combo("x", "a/a", "b/b"), facts=facts))
    assert (unfitness(weakest(every), asked) is None) == (eligible(every, asked).unfit == ())
