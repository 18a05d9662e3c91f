"""What accounts tell of their quota decides where reset-aware and auto go next."""

import msgspec
import pytest

from omniroute.access.grant import Grant
from omniroute.pipeline.choose import Chosen
from omniroute.routing.combo import ComboConfig, StrategyName
from omniroute.routing.ordering import ordered
from omniroute.routing.strategy import Asked
from omniroute.upstream.scripted import Answer
from omniroute.upstream.transport import UpstreamRequest
from tests.unit.pipeline.stage import CHAT, Exchange, Stage, stage
from tests.unit.pipeline.test_combos import QUESTION, combo

STILL = ComboConfig(exploration=0.0)


def telling(**used: str) -> object:
    """A provider whose accounts tell the use of their week; `used` is by account."""

    def answer(request: UpstreamRequest) -> Answer:
        account = dict(request.headers)["authorization"].removeprefix("Bearer sk-").replace("-", "_")
        headers = {"content-type": "application/json"}
        if account in used:
            headers["anthropic-ratelimit-unified-7d-utilization"] = used[account]
            headers["anthropic-ratelimit-unified-7d-reset"] = "500000"
            headers["anthropic-ratelimit-unified-5h-utilization"] = "0.1"
            headers["anthropic-ratelimit-unified-5h-reset"] = "9000"
        return Answer(headers=headers, chunks=(msgspec.json.encode(CHAT),))

    return answer


def asked(on: Stage) -> list[str]:
    return [dict(request.headers)["authorization"].removeprefix("Bearer sk-") for request in on.transport.requests]


async def test_reset_aware_leaves_the_provider_whose_week_is_used_up() -> None:
    on = stage(
        telling(up_0="0.9", other_0="0.2"),
        accounts={"up": 1, "other": 1},
        codecs={"up": "openai_chat", "other": "openai_chat"},
        combos=(combo("up/m", "other/m", strategy="reset-aware"),),
    )
    for _ in range(4):
        await on.ask(Exchange(QUESTION))
    assert asked(on) == ["up-0", "other-0", "other-0", "other-0"]
    trace = on.traces.find("req_1")
    assert trace is not None
    assert trace.chosen is not None
    assert trace.chosen.moment is not None
    left = {key: one.remaining for key, one in trace.chosen.moment.quotas.items()}
    assert left == pytest.approx({"up/m": 0.1, "other/m": 0.8})


async def test_reset_aware_goes_to_the_account_with_the_most_left() -> None:
    on = stage(
        telling(up_0="0.7", up_1="0.3"),
        accounts={"up": 2},
        codecs={"up": "openai_chat"},
        combos=(combo("up/m", strategy="reset-aware"),),
    )
    for _ in range(3):
        await on.ask(Exchange(QUESTION))
    assert asked(on) == ["up-0", "up-1", "up-1"]


async def test_auto_weighs_the_quota_that_is_known() -> None:
    on = stage(
        telling(up_0="0.95", other_0="0.0"),
        accounts={"up": 1, "other": 1},
        codecs={"up": "openai_chat", "other": "openai_chat"},
        combos=(combo("up/m", "other/m", strategy="auto", config=STILL),),
    )
    for _ in range(3):
        await on.ask(Exchange(QUESTION))
    assert asked(on)[0] == "up-0"
    assert asked(on)[-1] == "other-0"


@pytest.mark.parametrize("strategy", ["auto", "reset-aware"])
async def test_the_choice_can_be_made_again_when_accounts_have_told_something_else(strategy: StrategyName) -> None:
    on = stage(
        telling(up_0="0.9", other_0="0.2", third_0="0.5"),
        accounts={"up": 1, "other": 1, "third": 1},
        codecs=dict.fromkeys(("up", "other", "third"), "openai_chat"),
        combos=(combo("up/m", "other/m", "third/m", strategy=strategy),),
    )
    choices: list[Chosen] = []
    for _ in range(6):
        choices.append(on.choose.of(on.live.current, "fast", None, Grant(key_id="k", name="k"), Asked))
        await on.ask(Exchange(QUESTION))
    for chosen in choices:
        assert chosen.moment is not None
        assert chosen.branch is not None
        order = ordered(chosen.branch, frozenset(chosen.accounts), chosen.moment)
        assert [leaf.key for leaf in order] == [key for key, _ in chosen.placed()]
    assert choices[0].moment != choices[-1].moment
