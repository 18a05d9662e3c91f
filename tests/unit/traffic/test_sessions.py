"""Conversations of keys: counted, limited, and over after half an hour."""

from omniroute.traffic.sessions import Sessions


def test_a_session_lives_half_an_hour_after_its_last_request() -> None:
    sessions = Sessions()
    sessions.touch("k", "s", 0.0)
    sessions.touch("k", "s", 1000.0)
    (one,) = sessions.every(2799.0)
    assert (one.created_at, one.last_active, one.requests) == (0.0, 1000.0, 2)
    assert sessions.every(2800.0) == ()


def test_a_new_session_over_the_cap_is_refused_and_a_known_one_goes_on() -> None:
    sessions = Sessions()
    assert sessions.touch("k", "s", 0.0, most=1) is not None
    assert sessions.touch("k", "t", 1.0, most=1) is None
    assert sessions.touch("k", "s", 2.0, most=1) is not None
    assert sessions.touch("l", "t", 2.0, most=1) is not None
    assert sessions.touch("k", "t", 1802.0, most=1) is not None


def test_too_many_sessions_drop_the_one_idle_longest() -> None:
    sessions = Sessions(2)
    for name in ("s", "t", "s", "u"):
        sessions.touch("k", name, 0.0)
    assert [one.session_id for one in sessions.every(1.0)] == ["s", "u"]
