"""The quota of an account is what its answers have told."""

from omniroute.routing.standing import QuotaWindow
from omniroute.traffic.learned import Learned
from omniroute.traffic.quota import quota

TOLD = {
    "x-ratelimit-limit-tokens": "100",
    "x-ratelimit-remaining-tokens": "20",
    "x-ratelimit-reset-tokens": "30s",
    "anthropic-ratelimit-unified-7d-utilization": "0.4",
    "anthropic-ratelimit-unified-5h-utilization": "0.1",
    "anthropic-ratelimit-unified-7d-reset": "100000",
}


def test_each_limit_is_a_window_and_ends_when_it_is_reset() -> None:
    learned = Learned()
    assert not learned
    assert quota(learned, "a", 0.0) == ()
    learned.hear("a", TOLD, at=0.0, now=5.0)
    assert learned
    windows = {window.name: window for window in quota(learned, "a", 5.0)}
    assert windows["tokens"] == QuotaWindow(name="tokens", remaining=0.2, resets_in_s=30.0, length_s=60.0)
    assert windows["7d"] == QuotaWindow(name="7d", remaining=0.6, resets_in_s=100_000.0, length_s=604_800.0)
    later = {window.name: window for window in quota(learned, "a", 40.0)}
    assert (later["tokens"].remaining, later["tokens"].resets_in_s) == (1.0, 0.0)
    assert quota(learned, "b", 5.0) == ()
