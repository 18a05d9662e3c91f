"""Latency by provider, as the management API tells it."""

import pytest

from tests.unit.management.house import House


def test_the_summary_has_quantiles_by_provider_and_of_all(house: House) -> None:
    latency, now = house.counters.latency, house.clock.monotonic()
    latency.record("up", now, total=7, first_event=5, gateway=1)
    latency.record("down", now, total=3, first_event=2, gateway=0)
    house.counters.requests["openai_chat", "up", "ok"] = 3
    house.counters.requests["openai_chat", "up", "server"] = 1
    said = house.admin().get("/api/telemetry/summary").json()
    assert said["providers"] == {
        "down": {"count": 1, "avg": 3, "p50": 3, "p95": 3, "p99": 3},
        "up": {"count": 1, "avg": 7, "p50": 7, "p95": 7, "p99": 7},
    }
    assert (said["count"], said["p50"], said["p99"]) == (2, 3, 7)
    assert said["phaseBreakdown"]["firstEvent"]["p99"] == 5
    assert said["phaseBreakdown"]["gateway"]["p99"] == 1
    assert (said["totalRequests"], said["errorRate"]) == (4, 0.25)


def test_what_is_older_than_the_window_is_not_in_it(house: House) -> None:
    house.counters.latency.record("up", house.clock.monotonic(), total=7, first_event=5, gateway=1)
    house.clock.at += 3600
    assert house.admin().get("/api/telemetry/summary").json()["providers"] == {}
    longer = house.admin().get("/api/telemetry/summary?windowMs=86400000").json()
    assert longer["providers"]["up"]["count"] == 1


@pytest.mark.parametrize("window", ["999", "0", "-5", "604800001", "soon"])
def test_a_window_that_is_none_is_refused(house: House, window: str) -> None:
    assert house.admin().get(f"/api/telemetry/summary?windowMs={window}").status_code == 400
