"""What combos remember of conversations ends by itself."""

from omniroute.routing.handoff import Handoff
from omniroute.traffic.conversations import Conversations
from tests.support.combos import target


def handoff(until: float) -> Handoff:
    return Handoff(cause="quota", target=target("a/m"), account_id="a", used=0.9, summary="so far", until=until)


def test_a_kept_target_lasts_half_an_hour_from_its_last_use() -> None:
    known = Conversations()
    known.keep("talk", "leaf", 0.0)
    known.keep("talk", "leaf", 1000.0)
    assert known.leaf("talk", 2799.0) == "leaf"
    assert known.leaf("talk", 2800.0) is None
    assert known.leaf("other", 0.0) is None


def test_a_released_conversation_chooses_anew() -> None:
    known = Conversations()
    known.keep("talk", "leaf", 0.0)
    known.release("talk")
    known.release("talk")
    assert known.leaf("talk", 0.0) is None


def test_a_summary_is_delivered_once_and_ends_with_its_cause() -> None:
    known = Conversations()
    known.hand_over("talk", handoff(100.0))
    known.delivered("talk")
    known.delivered("other")
    found = known.handoff("talk", 99.0)
    assert found is not None
    assert found.delivered
    assert known.handoff("talk", 100.0) is None
    assert known.handoff("talk", 0.0) is None


def test_those_used_longest_ago_are_dropped_first() -> None:
    known = Conversations(limit=2)
    for key in ("a", "b", "a", "c"):
        known.keep(key, "leaf", 0.0)
        known.hand_over(key, handoff(100.0))
    assert [known.leaf(key, 1.0) for key in "abc"] == ["leaf", None, "leaf"]
    assert [known.handoff(key, 1.0) is None for key in "abc"] == [False, True, False]
