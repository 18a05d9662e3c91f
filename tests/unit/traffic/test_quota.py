"""The quota of an account is what its answers have told, and that of a target is that of its best account."""

from hypothesis import given
from hypothesis import strategies as st

from omniroute.routing.quota import UNTOLD, QuotaWindow, quota_of
from omniroute.traffic.accounts import Accounts
from omniroute.traffic.learned import Learned
from omniroute.traffic.quota import Team, windows

TOLD = {
    "x-ratelimit-limit-tokens": "100",
    "x-ratelimit-remaining-tokens": "20",
    "x-ratelimit-reset-tokens": "30s",
    "anthropic-ratelimit-unified-7d-utilization": "0.4",
    "anthropic-ratelimit-unified-5h-utilization": "0.1",
    "anthropic-ratelimit-unified-7d-reset": "100000",
}
TEAMS = {"first": Team(("a", "b", "c")), "second": Team(("c",)), "third": Team(("d", "a"))}


def told(what: str, left: int, resets_in_s: float) -> dict[str, str]:
    """The headers of an answer with one limit of 100."""
    return {
        f"x-ratelimit-limit-{what}": "100",
        f"x-ratelimit-remaining-{what}": str(left),
        f"x-ratelimit-reset-{what}": f"{resets_in_s:.3f}s",
    }


def test_each_limit_is_a_window_and_ends_when_it_is_reset() -> None:
    news: list[str] = []
    learned = Learned(news.append)
    assert not learned
    assert windows(learned, "a", 0.0) == []
    learned.hear("a", TOLD, at=0.0, now=5.0)
    learned.hear("a", {"server": "nothing to tell"}, at=0.0, now=5.0)
    assert (bool(learned), news) == (True, ["a"])
    now = {window.name: window for window in windows(learned, "a", 5.0)}
    assert now["tokens"] == QuotaWindow(name="tokens", remaining=0.2, resets_in_s=30.0, length_s=60.0)
    assert now["7d"] == QuotaWindow(name="7d", remaining=0.6, resets_in_s=100_000.0, length_s=604_800.0)
    later = {window.name: window for window in windows(learned, "a", 40.0)}
    assert (later["tokens"].remaining, later["tokens"].resets_in_s) == (1.0, 0.0)
    assert windows(learned, "b", 5.0) == []


def test_what_was_told_a_day_ago_is_forgotten() -> None:
    accounts = Accounts(lambda: 0.0)
    accounts.learned.hear("a", TOLD, at=0.0, now=0.0)
    assert accounts.learned.share_left("a", 86_399.0) == 0.6
    assert accounts.learned.share_left("a", 86_400.0) is None
    assert accounts.quotas.best(Team(("a",)), 86_400.0) == UNTOLD


def test_one_that_is_used_up_is_worth_less_than_one_that_nothing_is_known_of() -> None:
    spent, full = QuotaWindow("5h", 0.0, 60.0, 18_000.0), QuotaWindow("7d", 1.0, 60.0, 604_800.0)
    assert quota_of([spent, full]).worth == -1.0
    assert quota_of([spent, full]).worth < quota_of([]).worth < quota_of([full]).worth


@given(
    st.lists(
        st.tuples(
            st.sampled_from("abcd"),
            st.sampled_from(["tokens", "requests"]),
            st.integers(0, 100),
            st.floats(0, 90_000),
            st.floats(0, 0.7) | st.floats(0, 100_000),
        ),
        max_size=30,
    )
)
def test_kept_quotas_are_those_of_at_most_a_second_ago_and_follow_at_once_what_is_told(
    events: list[tuple[str, str, int, float, float]],
) -> None:
    accounts, now = Accounts(lambda: 0.0), 0.0
    asked: list[float] = []
    heard = dict.fromkeys("abcd", 0.0)
    for account_id, what, left, resets_in_s, later in events:
        now += later
        accounts.learned.hear(account_id, told(what, left, resets_in_s), at=0.0, now=now)
        heard[account_id] = now
        asked.append(now)
        times = {one: [at for at in asked if at >= heard[one] and now < at + 1] for one in heard}
        possible = {one: [accounts.quotas.best(Team((one,)), at) for at in times[one]] for one in heard}
        for key, kept in accounts.quotas.bests(TEAMS.items(), now).items():
            ids = TEAMS[key].ids
            assert any(kept in possible[one] for one in ids)
            assert kept.worth >= max(min(quota.worth for quota in possible[one]) for one in ids)
        for one, standing in accounts.standings("abcd", now).items():
            assert standing.remaining in [accounts.learned.share_left(one, at) for at in times[one]]


def test_looking_exactly_keeps_nothing() -> None:
    accounts = Accounts(lambda: 0.0)
    team = Team(("a",))
    accounts.learned.hear("a", told("tokens", 50, 0.5), at=0.0, now=0.0)
    assert accounts.quotas.best(team, 0.0).remaining == 0.5
    assert accounts.quotas.bests([("key", team)], 0.6)["key"].remaining == 1.0
    assert accounts.quotas.best(team, 0.0).remaining == 0.5
