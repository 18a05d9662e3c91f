"""Whatever is known or not: every target exactly once, and the same moment gives the same order."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from omniroute.ir.target import ModelFacts
from omniroute.routing.combo import STRATEGY_NAMES, Combo, ComboConfig
from omniroute.routing.ordering import compared, ordered
from omniroute.routing.quota import QuotaWindow, quota_of
from omniroute.routing.standing import Standing
from omniroute.routing.strategy import Asked, Moment
from omniroute.routing.tree import Branch, leaves
from tests.support.combos import combo, planted

SHARES = st.none() | st.floats(min_value=0, max_value=1)
TIMES = st.none() | st.floats(min_value=0, max_value=1000)
LOGS = st.none() | st.floats(min_value=-9, max_value=4)
STANDINGS = st.builds(
    Standing,
    in_flight=st.integers(0, 50),
    rate=st.floats(min_value=0, max_value=100),
    first_event_s=TIMES,
    wait_log=LOGS,
    spread_log=LOGS,
    errors=SHARES,
    health=st.sampled_from(["closed", "half-open", "open"]),
)
QUOTAS = st.lists(
    st.builds(
        QuotaWindow,
        name=st.just("window"),
        remaining=st.floats(min_value=0, max_value=1),
        resets_in_s=st.floats(min_value=-10, max_value=1e6),
        length_s=st.sampled_from([18000.0, 604800.0]),
    ),
    max_size=2,
).map(quota_of)
CONFIGS = st.builds(
    ComboConfig,
    nested=st.sampled_from(["execute", "flatten"]),
    context_mode=st.sampled_from(["largest", "fit"]),
    exploration=SHARES,
    budget_cap_usd=st.none() | st.floats(min_value=0, max_value=10),
    candidate_pool=st.sampled_from([(), ("a",), ("nobody",)]),
)


@st.composite
def trees(draw: st.DrawFn) -> Branch:
    def one(name: str, *below: str) -> Combo:
        models = draw(st.lists(st.sampled_from(["a/x", "b/y", "c/z", "d/w"]), max_size=4, unique=True))
        names = (*models, *below) or ("a/x",)
        weights = tuple(draw(st.integers(0, 100)) for _ in names)
        strategy = draw(st.sampled_from(STRATEGY_NAMES))
        return combo(name, *names, strategy=strategy, weights=weights, config=draw(CONFIGS))

    innermost = one("innermost")
    inner = one("inner", *draw(st.sampled_from([(), ("innermost",)])))
    outer = one("outer", *draw(st.sampled_from([(), ("inner",), ("inner", "innermost")])))
    windows = st.builds(ModelFacts, context_tokens=st.none() | st.integers(1, 10**6))
    return planted(outer, inner, innermost, facts={name: draw(windows) for name in ("a/x", "b/y", "c/z")})


@st.composite
def moments(draw: st.DrawFn, branch: Branch) -> Moment:
    keys = [leaf.key for leaf in leaves(branch)]
    return Moment(
        seed=draw(st.integers(0, 2**64)),
        asked=Asked(input_tokens=draw(st.integers(0, 10**6)), pinned=draw(st.booleans())),
        standings={key: draw(STANDINGS) for key in keys if draw(st.booleans())},
        quotas={key: draw(QUOTAS) for key in keys if draw(st.booleans())},
        costs={key: draw(st.floats(min_value=0, max_value=100)) for key in keys if draw(st.booleans())},
        turns={"outer": draw(st.integers(0, 10**9)), "inner": draw(st.integers(0, 100))},
        last_good={"outer": draw(st.sampled_from([*keys, "gone"]))},
    )


@given(st.data())
def test_every_target_that_may_be_used_appears_exactly_once(data: st.DataObject) -> None:
    branch = data.draw(trees())
    moment = data.draw(moments(branch))
    keys = [leaf.key for leaf in leaves(branch)]
    kept = frozenset(key for key in keys if data.draw(st.booleans()))
    order = [leaf.key for leaf in ordered(branch, kept, moment)]
    assert sorted(order) == sorted(kept)
    assert order == [leaf.key for leaf in ordered(branch, kept, moment)]


@given(st.data())
def test_what_a_strategy_does_not_compare_changes_no_order(data: st.DataObject) -> None:
    branch = data.draw(trees())
    moment = data.draw(moments(branch))
    known = compared(branch)
    kept = frozenset(leaf.key for leaf in leaves(branch))
    failing = any(one.health == "open" for one in moment.standings.values())
    standings = moment.standings if "standings" in known or (known and failing) else {}
    quotas = moment.quotas if "quota" in known else {}
    costs = moment.costs if "costs" in known else {}
    with_less = msgspec.structs.replace(moment, standings=standings, quotas=quotas, costs=costs)
    assert [*ordered(branch, kept, with_less)] == [*ordered(branch, kept, moment)]
