"""Bindings: kept while they are used, dropped when they are old, too many, or have failed."""

from omniroute.traffic.affinity import Bindings


def test_a_binding_lasts_five_minutes_from_its_last_use() -> None:
    bindings = Bindings()
    bindings.bind("k", "a", 0.0)
    assert bindings.account("k", 299.0) == "a"
    bindings.bind("k", "a", 299.0)
    assert bindings.account("k", 598.0) == "a"
    assert bindings.account("k", 599.0) is None
    assert len(bindings) == 0


def test_no_binding_is_older_than_a_day() -> None:
    bindings = Bindings()
    for minute in range(24 * 60 + 1):
        bindings.bind("k", "a", minute * 60.0)
    assert bindings.account("k", 24 * 3600.0) is None


def test_an_account_that_failed_loses_its_own_binding_only() -> None:
    bindings = Bindings()
    bindings.bind("k", "b", 0.0)
    bindings.loosen("k", "a")
    assert bindings.account("k", 1.0) == "b"
    bindings.loosen("k", "b")
    assert bindings.account("k", 1.0) is None


def test_the_binding_used_longest_ago_makes_room() -> None:
    bindings = Bindings(2)
    for key in ("k", "l", "k", "m"):
        bindings.bind(key, "a", 0.0)
    assert [bindings.account(key, 1.0) for key in ("k", "l", "m")] == ["a", None, "a"]
