"""Whatever is configured and whatever providers answer: who is asked, how often, with whose credential."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from omniroute.routing.combo import STRATEGY_NAMES, Combo, ComboConfig, ModelStep
from omniroute.upstream.scripted import Answer, Fault
from omniroute.upstream.transport import UpstreamRequest
from tests.support.combos import combo, order, planted
from tests.support.virtual_time import virtually
from tests.unit.pipeline.stage import Stage, stage
from tests.unit.pipeline.test_account_choice import chat, error, good

PROVIDERS = ("one", "two", "three")

answers = st.one_of(
    st.sampled_from([400, 401, 402, 403, 404, 408, 410, 413, 415, 422, 429, 500, 502, 503, 529]).map(error),
    st.sampled_from(["connect", "timeout", "closed", "protocol", "proxy", "blocked"]).map(Fault),
    st.just(Answer(headers={"content-type": "application/json"})),
    st.just(Answer(headers={"content-type": "application/json"}, chunks=(b"{}",))),
    st.just(Answer(headers={"content-type": "text/event-stream"}, chunks=(b"data: [DONE]\n\n",))),
)
rules = st.dictionaries(
    st.sampled_from(
        ["invalid_request", "auth_invalid", "rate_limit", "capacity", "server", "network", "not_found"]
    ),
    st.sampled_from(["next", "same", "return", "sibling", "wait"]),
)


@st.composite
def stages(draw: st.DrawFn) -> Stage:
    """A combo over three providers with a few accounts each, some of which are switched off."""
    script = draw(st.lists(answers, max_size=12))
    counts = {name: draw(st.integers(1, 3)) for name in PROVIDERS}
    models = draw(
        st.lists(st.sampled_from([f"{name}/{model}" for name in PROVIDERS for model in "mn"]), min_size=1)
    )
    steps = tuple(
        ModelStep(id=f"s{place}", model=model, weight=draw(st.integers(0, 9)))
        for place, model in enumerate(models)
    )
    made = Combo(
        id="all",
        name="all",
        strategy=draw(st.sampled_from(STRATEGY_NAMES)),
        steps=steps[:8],
        config=ComboConfig(on=draw(rules), max_attempts=draw(st.none() | st.integers(1, 30))),
    )
    on = stage(
        *script,
        *[lambda request: good()],
        accounts=counts,
        codecs=dict.fromkeys(PROVIDERS, "openai_chat"),
        combos=(made,),
    )
    off = draw(st.sets(st.sampled_from(sorted(on.snapshot.by_id))))
    connections = {
        name: tuple(msgspec.structs.replace(one, active=one.id not in off) for one in several)
        for name, several in on.snapshot.connections.items()
    }
    by_id = {one.id: one for several in connections.values() for one in several}
    on.live.current = msgspec.structs.replace(on.snapshot, connections=connections, by_id=by_id)
    return on


def account(request: UpstreamRequest) -> str:
    """The id of the account whose credential the request carries."""
    return dict(request.headers)["authorization"].removeprefix("Bearer sk-")


@given(stages())
def test_every_credential_goes_to_its_own_provider_and_never_that_of_an_account_that_is_off(on: Stage) -> None:
    for _ in range(2):
        virtually(on.ask(chat(model="all")))
    for request in on.transport.requests:
        assert request.url.startswith(f"https://{account(request).rpartition('-')[0]}.test/")
        assert on.live.current.by_id[account(request)].active


@given(stages())
def test_a_request_makes_no_more_attempts_than_its_cap_and_none_in_secret(on: Stage) -> None:
    exchange = virtually(on.ask(chat(model="all")))
    cap = on.live.current.combos["all"].config.max_attempts or 6
    made = len(on.transport.requests)
    assert made <= cap
    assert exchange.ended == 1
    trace = on.traces.find("req_1")
    if trace is None:
        assert made == 0
    else:
        assert made == len(trace.tried) + (trace.winner is not None), "each attempt is in the trace"
    assert on.counters.active == 0


@given(st.lists(st.integers(0, 100), min_size=1, max_size=6).filter(any))
def test_the_shares_of_a_weighted_combo_come_to_its_weights(weights: list[int]) -> None:
    names = [f"p{place}/m" for place in range(len(weights))]
    tree = planted(combo("all", *names, strategy="weighted", weights=tuple(weights)))
    turns = 600
    firsts = [order(tree, seed=seed)[0] for seed in range(turns)]
    for name, weight in zip(names, weights, strict=True):
        share = firsts.count(f"all>{name}") / turns if f"all>{name}" in firsts else firsts.count(name) / turns
        assert abs(share - weight / sum(weights)) < 0.1
