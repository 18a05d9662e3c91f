"""A stream of sixty events, cut after any of them, or dripping: one honest end, and nothing stays behind."""

import pytest

from tests.fault.test_leaving import ANSWER, EVENTS, TEXT
from tests.support.inside import Inside
from tests.support.stage import PAIRS, Dialect, Stage, question, refusal, told
from tests.support.upstream.script import Cut, EndEarly, Fault, Script

FIRST_USEFUL: dict[Dialect, int] = {"openai": 2, "anthropic": 4}
FINISHED: dict[Dialect, int] = {"openai": 58, "anthropic": 59}
"""How many events it takes until the first text has come, and until the reason of the end is known."""


@pytest.mark.parametrize("how", ["closed", "reset", "ended"])
@pytest.mark.parametrize(("client", "speaks"), PAIRS)
def test_a_long_stream_cut_after_any_event_ends_once_and_leaves_nothing_behind(
    inside: Inside, within: Stage, client: Dialect, speaks: Dialect, how: str
) -> None:
    model = within.model(speaks)
    for after in range(EVENTS):
        fault: Fault = {"closed": Cut(after), "reset": Cut(after, "reset"), "ended": EndEarly(after)}[how]
        within.upstream.reset()
        within.upstream.script(Script(answer=ANSWER[speaks], fault=fault))
        reply = within.ask(client, question(client, model, stream=True))
        assert reply.whole, after
        if reply.status != 200:
            # What a reset overtakes on its way is gone with it: then fewer events have come than were sent.
            assert after < FIRST_USEFUL[speaks] or how == "reset", (after, reply)
            refusal(client, reply.body)
            continue
        seen = told(client, reply.body)
        assert TEXT.startswith(seen.text), after
        if after < FINISHED[speaks]:
            assert seen.ended == "failed", after
    assert inside.at_rest() == {}


@pytest.mark.parametrize(("client", "speaks"), PAIRS)
def test_a_stream_that_drips_comes_whole(inside: Inside, within: Stage, client: Dialect, speaks: Dialect) -> None:
    model = within.model(speaks)
    within.upstream.script(Script(answer=ANSWER[speaks], drip_s=0.005))
    reply = within.ask(client, question(client, model, stream=True))
    seen = told(client, reply.body)
    assert (seen.ended, seen.text) == ("ok", TEXT)
    assert inside.at_rest() == {}
