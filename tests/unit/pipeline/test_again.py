"""What a trace holds is all that a choice followed from: made again, it is the same choice."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from omniroute.access.grant import LOCAL_GRANT, Grant
from omniroute.pipeline.again import again, explanation_of
from omniroute.pipeline.choose import Chosen
from omniroute.routing.combo import STRATEGY_NAMES, Combo, ComboConfig, ComboStep, ModelStep
from omniroute.routing.selection.rules import ACCOUNT_STRATEGIES, AccountStrategy, Rule, Selection
from omniroute.routing.strategy import Asked
from tests.support.combos import target
from tests.unit.pipeline.stage import Stage, stage

PROVIDERS = {"a": 1, "b": 2, "c": 3}
MODELS = st.sampled_from([f"{name}/{model}" for name in PROVIDERS for model in ("m", "n")])
NESTED = ComboStep(id="in", combo="inner", weight=1)
STRATEGIES = st.sampled_from(STRATEGY_NAMES)


@st.composite
def combos(draw: st.DrawFn) -> tuple[Combo, Combo]:
    """A combo of models and of another combo."""

    def steps(names: list[str], more: tuple[ComboStep, ...] = ()) -> tuple[ModelStep | ComboStep, ...]:
        own = tuple(
            ModelStep(id=f"s{number}", model=name, weight=draw(st.integers(0, 3)))
            for number, name in enumerate(names)
        )
        return (*own, *more)

    inner = Combo(
        id="inner",
        name="inner",
        strategy=draw(STRATEGIES),
        steps=steps(draw(st.lists(MODELS, min_size=1, max_size=3, unique=True))),
    )
    outer = Combo(
        id="fast",
        name="fast",
        strategy=draw(STRATEGIES),
        steps=steps(
            draw(st.lists(MODELS, max_size=3, unique=True)), (ComboStep(id="in", combo="inner", weight=1),)
        ),
        config=ComboConfig(nested=draw(st.sampled_from(["execute", "flatten"]))),
    )
    return inner, outer


HAPPENING = st.lists(
    st.tuples(MODELS, st.sampled_from(["good", "under way", "turn"]), st.floats(0.01, 5.0)), max_size=8
)
ASKED = st.builds(
    Asked,
    input_tokens=st.integers(0, 10_000),
    tools=st.booleans(),
    pinned=st.booleans(),
    tags=st.sampled_from([(), ("eu",)]),
)


def played(on: Stage, happening: list[tuple[str, str, float]]) -> None:
    """Something went on before, at each of these targets."""
    for name, what, wait_s in happening:
        on.clock.time += 1
        where = target(name)
        if what == "turn":
            on.pulse.take_turn("fast")
            on.pulse.last_good["fast"] = "s0"
            continue
        on.pulse.began(where, on.clock.time)
        if what == "good":
            on.pulse.succeeded(where, on.clock.time, wait_s)


def chosen_by(on: Stage, model: str, asked: Asked) -> Chosen:
    return on.choose.of(on.live.current, model, None, LOCAL_GRANT, lambda: asked, conversation=lambda: "talk")


@given(combos=combos(), happening=HAPPENING, asked=ASKED, accounts=st.sampled_from(ACCOUNT_STRATEGIES))
def test_a_choice_is_the_same_when_it_is_made_again(
    combos: tuple[Combo, Combo], happening: list[tuple[str, str, float]], asked: Asked, accounts: AccountStrategy
) -> None:
    on = stage(accounts=PROVIDERS, codecs=dict.fromkeys(PROVIDERS, "openai_chat"), combos=combos)
    rule = Rule(strategy=accounts, affinity="on")
    on.live.current = msgspec.structs.replace(on.snapshot, selection=Selection(usual=rule), revision=2)
    played(on, happening)
    for model in ("fast", "c/m"):
        chosen = chosen_by(on, model, asked)
        order = list(chosen.candidates)
        played(on, happening)  # what happens later does not matter
        assert [candidate for _, candidate in again(chosen)] == order
        assert again(chosen) == tuple(chosen.placed())


@given(combos=combos(), happening=HAPPENING, asked=ASKED)
def test_the_explanation_has_the_order_that_was_used(
    combos: tuple[Combo, Combo], happening: list[tuple[str, str, float]], asked: Asked
) -> None:
    on = stage(accounts=PROVIDERS, codecs=dict.fromkeys(PROVIDERS, "openai_chat"), combos=combos)
    played(on, happening)
    chosen = chosen_by(on, "fast", asked)
    explanation = explanation_of(chosen)
    assert explanation is not None
    assert [place.key for place in explanation.order] == list(dict.fromkeys(key for key, _ in chosen.placed()))
    assert all(place.because for place in explanation.order)


def test_a_key_that_may_use_less_is_explained_with_what_it_may_use() -> None:
    steps = tuple(ModelStep(id=name, model=name) for name in ("a/m", "b/m"))
    on = stage(
        accounts=PROVIDERS,
        codecs=dict.fromkeys(PROVIDERS, "openai_chat"),
        combos=(Combo(id="fast", name="fast", steps=steps),),
    )
    grant = Grant(key_id="k", name="narrow", models=("b/*",))
    chosen = on.choose.of(on.snapshot, "fast", None, grant, Asked)
    assert [key for key, _ in again(chosen)] == ["b/m", "b/m"]
    explanation = explanation_of(chosen)
    assert explanation is not None
    assert [one.key for one in explanation.left_out] == ["a/m"]
