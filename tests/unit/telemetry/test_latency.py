from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniroute.telemetry.latency import Latency, Quantiles

DURATIONS = st.integers(0, 3_600_000)


def seen(*totals: int, provider: str = "up", at: float = 0.0) -> Latency:
    latency = Latency()
    for total in totals:
        latency.record(provider, at, total=total, first_event=0, gateway=0)
    return latency


def total(latency: Latency, provider: str = "up", *, window_s: float = 300, now: float = 0.0) -> Quantiles:
    return latency.of(window_s, now)[provider]["total"]


def test_nothing_seen_is_zero() -> None:
    assert Latency().of(300, 0.0) == {
        "": {phase: Quantiles(0, 0, 0, 0, 0) for phase in ("total", "first_event", "gateway")}
    }


def test_one_request_is_all_of_its_quantiles() -> None:
    assert total(seen(5)) == Quantiles(count=1, avg=5, p50=5, p95=5, p99=5)


def test_of_two_the_median_is_the_first() -> None:
    assert total(seen(7, 2)) == Quantiles(count=2, avg=4, p50=2, p95=7, p99=7)


def test_of_a_hundred_the_ninety_ninth_is_not_the_slowest() -> None:
    found = total(seen(*[4] * 99, 7))
    assert (found.p95, found.p99) == (4, 4)
    assert total(seen(*[4] * 98, 7, 7)).p99 == 7


@given(st.lists(DURATIONS, min_size=1, max_size=200))
def test_a_quantile_is_wrong_by_a_sixteenth_at_most(totals: list[int]) -> None:
    found = total(seen(*totals))
    assert found.count == len(totals)
    assert found.avg == round(sum(totals) / len(totals))
    ranked = sorted(totals)
    for quantile, share in ((found.p50, 0.5), (found.p95, 0.95), (found.p99, 0.99)):
        exact = ranked[ceil(len(totals) * share) - 1]
        assert quantile == pytest.approx(exact, rel=1 / 16, abs=0)


def test_providers_are_kept_apart_and_added_up() -> None:
    latency = seen(1, 1, provider="fast")
    latency.record("slow", 0.0, total=7, first_event=3, gateway=1)
    assert total(latency, "fast").count == 2
    assert latency.of(300, 0.0)["slow"]["first_event"].p50 == 3
    assert total(latency, "") == Quantiles(count=3, avg=3, p50=1, p95=7, p99=7)


@pytest.mark.parametrize(("window_s", "count"), [(1, 1), (60, 1), (61, 2), (300, 2), (7200, 2)])
def test_a_window_has_its_minutes_or_hours(window_s: float, count: int) -> None:
    latency = seen(1, at=3599.0)
    latency.record("up", 3600.0, total=1, first_event=0, gateway=0)
    assert total(latency, "", window_s=window_s, now=3601.0).count == count


def test_what_is_older_than_a_week_is_forgotten() -> None:
    latency = seen(1)
    later = 7 * 24 * 3600.0
    latency.record("up", later, total=1, first_event=0, gateway=0)
    assert total(latency, window_s=7 * 24 * 3600, now=later).count == 1
