"""What limits accounts and keys at the moment, over HTTP."""

import pytest

from omniroute.access.grant import RateLimit
from omniroute.accounts.bounds import bounds_of
from omniroute.accounts.provider_data import gap_s, per_minute
from omniroute.ir.failure import Failure
from omniroute.ir.json import JsonObject
from omniroute.ir.target import Target
from omniroute.routing.bounds import Limits
from omniroute.routing.candidate import Account, Candidate
from omniroute.routing.classify import classify
from omniroute.traffic.gate import Entry
from omniroute.traffic.line import Wish
from tests.unit.management.house import House

HEADERS = {
    "x-ratelimit-limit-requests": "100",
    "x-ratelimit-remaining-requests": "40",
    "x-ratelimit-reset-requests": "30s",
}


def connected(house: House) -> str:
    """The id of a connection that takes two requests at a time."""
    body = {"provider": "openai", "apiKey": "sk-1", "name": "one", "maxConcurrent": 2}
    said = house.admin().post("/api/providers", json=body)
    assert said.status_code == 201, said.text
    return str(said.json()["connection"]["id"])


def account(house: House, connection_id: str) -> Account:
    connection = house.live.current.by_id[connection_id]
    return Account(
        id=connection.id,
        provider="openai",
        version=connection.version,
        bounds=bounds_of(connection, house.live.current.limits.providers.get("openai")),
    )


def taken(house: House, one: Account, tokens: int = 0) -> Entry:
    """A request is under way there."""
    entry = house.accounts.line.enter(one, Wish("k", tokens))
    assert isinstance(entry, Entry)
    return entry


def test_places_learned_limits_and_rests_of_a_connection_are_shown(house: House) -> None:
    one = account(house, connected(house))
    taken(house, one)
    house.accounts.learned.hear(one.id, HEADERS, at=house.clock.now(), now=house.clock.monotonic())
    failure = Failure(kind="rate_limit", status=429, message="slow down", retry_after=60.0)
    candidate = Candidate(target=Target(provider="openai", model="m", dialect="openai_chat"), account=one)
    house.resting.failed(candidate, classify(failure), failure, house.clock.monotonic())
    said = house.admin().get("/api/rate-limits")
    assert said.status_code == 200, said.text
    shown = next(found for found in said.json()["connections"] if found["connectionId"] == one.id)
    assert shown == {
        "connectionId": one.id,
        "provider": "openai",
        "name": "one",
        "active": True,
        "maxConcurrent": 2,
        "executing": 1,
        "queued": 0,
        "limits": [
            {
                "what": "requests",
                "limit": 100.0,
                "remaining": 40.0,
                "resetAt": "2027-01-15T08:00:30.000Z",
                "source": "headers",
            }
        ],
        "rateLimitProtection": False,
        "minute": [],
        "minTimeBetweenRequestsMs": None,
        "predictedWaitMs": 0,
        "blockedUntil": "2027-01-15T08:01:00.000Z",
        "reason": "slow down",
    }
    assert said.json()["overview"] == {"waiting": 0, "executing": 1, "queued": 0, "blocked": 1}
    house.clock.at += 61
    later = house.admin().get("/api/rate-limits").json()["connections"]
    shown = next(found for found in later if found["connectionId"] == one.id)
    assert (shown["blockedUntil"], shown["limits"][0]["remaining"]) == (None, 100.0)


def test_the_configuration_has_the_queue_and_what_was_learned(house: House) -> None:
    one = account(house, connected(house))
    house.accounts.learned.hear(one.id, HEADERS, at=house.clock.now(), now=house.clock.monotonic())
    said = house.admin().get("/api/rate-limit").json()
    assert said["defaults"] == {"queueLength": 20, "maxWaitMs": 30000}
    assert list(said["learnedLimits"]) == [f"openai:{one.id}"]
    assert said["perKeyDefaults"] == []
    assert said["providers"] == {}


def changed(house: House, **body: object) -> JsonObject:
    said = house.admin().patch("/api/rate-limit", json=body)
    assert said.status_code == 200, said.text
    return said.json()


def test_limits_of_a_provider_are_set_member_by_member_and_taken_away(house: House) -> None:
    connected(house)
    everything = {
        "requestsPerMinute": 60,
        "tokensPerMinute": 10_000,
        "concurrentRequests": 4,
        "minTimeBetweenRequestsMs": 250,
    }
    assert changed(house, providers={"openai": everything})["providers"] == {"openai": everything}
    (bound,) = [
        one for one in account(house, next(iter(house.live.current.by_id))).bounds if one.whose == "provider"
    ]
    assert (bound.places, bound.per_minute, bound.gap_s) == (4, (("requests", 60), ("tokens", 10_000)), 0.25)
    fewer = changed(house, providers={"openai": {"requestsPerMinute": 30, "concurrentRequests": None}})
    assert fewer["providers"] == {"openai": {**everything, "requestsPerMinute": 30, "concurrentRequests": None}}
    assert house.admin().get("/api/rate-limit").json() == fewer
    assert changed(house, providers={"openai": None})["providers"] == {}
    assert house.live.current.limits.providers == {}


def test_how_a_provider_stands_is_shown_with_who_said_so(house: House) -> None:
    first = connected(house)
    changed(house, providers={"openai": {"requestsPerMinute": 2, "minTimeBetweenRequestsMs": 100}})
    one = account(house, first)
    taken(house, one)
    house.clock.at += 0.1
    taken(house, one).leave()
    said = house.admin().get("/api/rate-limits").json()
    (shown,) = said["providers"]
    assert shown.pop("minute")[0] == {
        "limit": 2,
        "window": 60,
        "unit": "requests",
        "remaining": pytest.approx(0.1 / 30, abs=1e-6),
        "resetAt": "2027-01-15T08:01:00.000Z",
        "source": "operator",
    }
    assert shown == {
        "provider": "openai",
        "concurrentRequests": None,
        "executing": 0,
        "queued": 0,
        "minTimeBetweenRequestsMs": 100,
    }
    (connection,) = [found for found in said["connections"] if found["connectionId"] == first]
    assert connection["predictedWaitMs"] == 29_900


def test_the_line_is_as_long_and_patient_as_it_is_set(house: House) -> None:
    said = changed(house, defaults={"queueLength": 3, "maxWaitMs": 1500})
    assert said["defaults"] == {"queueLength": 3, "maxWaitMs": 1500}
    queue = house.live.current.limits.queue
    assert (queue.length, queue.max_wait_s) == (3, 1.5)
    assert house.admin().get("/api/resilience").json()["requestQueue"]["maxWaitMs"] == 1500


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"providers": {"nobody": {"requestsPerMinute": 1}}},
        {"providers": {"openai": {"requestsPerMinute": 0}}},
        {"providers": {"openai": {"tokensPerMinute": "many"}}},
        {"providers": {"openai": {"concurrentRequests": -1}}},
        {"providers": {"openai": {"minTimeBetweenRequestsMs": 3_600_001}}},
        {"providers": {"openai": {"requests": 1}}},
        {"defaults": {"maxWaitMs": -1}},
        {"defaults": {"queueLength": 1.5}},
    ],
)
def test_limits_of_providers_that_make_no_sense_are_refused_and_change_nothing(
    house: House, body: JsonObject
) -> None:
    said = house.admin().patch("/api/rate-limit", json=body)
    assert said.status_code == 400, said.text
    assert house.live.current.limits == Limits()


def test_limits_of_a_key_are_stored_hold_in_the_snapshot_and_show_what_is_left(house: House) -> None:
    admin = house.admin()
    limits = [{"limit": 60, "window": 60}, {"limit": 1000, "window": 3600, "unit": "tokens"}]
    created = admin.post("/api/keys", json={"name": "ci", "rateLimits": limits, "maxSessions": 3})
    assert created.status_code == 201, created.text
    key_id = created.json()["id"]
    assert created.json()["rateLimits"] == [{**limits[0], "unit": "requests"}, limits[1]]
    (grant,) = house.live.current.grants.values()
    assert (grant.max_sessions, grant.rate_limits) == (
        3,
        (RateLimit(limit=60, window_s=60), RateLimit(limit=1000, window_s=3600, unit="tokens")),
    )
    house.allowance.buckets.reserve(key_id, grant.rate_limits, 100, house.clock.monotonic())
    (shown,) = admin.get("/api/rate-limits").json()["keys"]
    assert [level["remaining"] for level in shown["limits"]] == [59.0, 900.0]
    assert shown["limits"][0]["resetAt"] == "2027-01-15T08:00:01.000Z"
    cleared = admin.patch(f"/api/keys/{key_id}", json={"rateLimits": None, "maxSessions": 0}).json()
    assert (cleared["rateLimits"], cleared["maxSessions"]) == (None, 0)
    (grant,) = house.live.current.grants.values()
    assert (grant.rate_limits, grant.max_sessions) == ((), 0)
    assert admin.get("/api/rate-limits").json()["keys"] == []


def test_limits_that_make_no_sense_are_refused(house: House) -> None:
    admin = house.admin()
    for limits in (
        [{"limit": 0, "window": 60}],
        [{"limit": 1, "window": 0}],
        [{"limit": 1}],
        [{"limit": "1", "window": 60}],
        [{"limit": 1, "window": 60, "unit": "euros"}],
        [{"limit": 1, "window": 60}] * 51,
    ):
        assert admin.post("/api/keys", json={"name": "k", "rateLimits": limits}).status_code == 400
    assert admin.post("/api/keys", json={"name": "k", "maxSessions": -1}).status_code == 400


def test_conversations_are_listed_by_key(house: House) -> None:
    now = house.clock.now()
    session = house.allowance.sessions.touch("k", "ext:a", now)
    assert session is not None
    session.connection_id = "c"
    house.clock.at += 5
    house.allowance.sessions.touch("k", "ext:b", house.clock.now())
    said = house.admin().get("/api/sessions").json()
    assert (said["count"], said["byApiKey"]) == (2, {"k": 2})
    assert said["sessions"][1] == {
        "sessionId": "ext:a",
        "keyId": "k",
        "createdAt": round(now * 1000),
        "lastActive": round(now * 1000),
        "requestCount": 1,
        "connectionId": "c",
        "ageMs": 5000,
    }


def test_protection_is_switched_on_and_holds_in_the_snapshot(house: House) -> None:
    connection_id = connected(house)
    admin = house.admin()
    assert admin.post("/api/rate-limits", json={"connectionId": connection_id, "enabled": True}).json() == {
        "success": True,
        "connectionId": connection_id,
        "enabled": True,
    }
    parameters = house.live.current.by_id[connection_id].parameters
    assert per_minute(parameters) == (("requests", 100),)
    shown = next(
        one for one in admin.get("/api/rate-limits").json()["connections"] if one["connectionId"] == connection_id
    )
    assert shown["rateLimitProtection"] is True
    assert shown["minute"] == [
        {
            "limit": 100,
            "window": 60,
            "unit": "requests",
            "remaining": 100.0,
            "resetAt": None,
            "source": "operator",
        }
    ]
    admin.post("/api/rate-limits", json={"connectionId": connection_id, "enabled": False})
    assert per_minute(house.live.current.by_id[connection_id].parameters) == ()


def test_an_unknown_connection_cannot_be_protected(house: House) -> None:
    assert (
        house.admin().post("/api/rate-limits", json={"connectionId": "none", "enabled": True}).status_code == 404
    )


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({}, ()),
        ({"requestsPerMinute": 5}, (("requests", 5),)),
        ({"requestsPerMinute": 5, "tokensPerMinute": 1000}, (("requests", 5), ("tokens", 1000))),
        ({"rateLimitProtection": True}, (("requests", 100),)),
        ({"rateLimitProtection": True, "tokensPerMinute": 7}, (("tokens", 7),)),
        ({"rateLimitProtection": False, "requestsPerMinute": 5}, ()),
    ],
)
def test_an_account_takes_what_its_operator_lets_it(data: JsonObject, expected: object) -> None:
    assert per_minute(data) == expected


@pytest.mark.parametrize("value", [0, -1, 1.5, "ten", True, 10**10])
def test_a_limit_is_a_whole_number(house: House, value: object) -> None:
    connection_id = connected(house)
    body = {"providerSpecificData": {"requestsPerMinute": value}}
    assert house.admin().put(f"/api/providers/{connection_id}", json=body).status_code == 400


@pytest.mark.parametrize("value", [0, -5, 0.5, "1s", True, 3_600_001])
def test_a_gap_is_a_whole_number_of_milliseconds(house: House, value: object) -> None:
    connection_id = connected(house)
    body = {"providerSpecificData": {"minTimeBetweenRequestsMs": value}}
    assert house.admin().put(f"/api/providers/{connection_id}", json=body).status_code == 400


def test_a_connection_keeps_its_gap_unless_its_protection_is_off(house: House) -> None:
    connection_id = connected(house)
    body = {"providerSpecificData": {"minTimeBetweenRequestsMs": 200}}
    assert house.admin().put(f"/api/providers/{connection_id}", json=body).status_code == 200
    assert gap_s(house.live.current.by_id[connection_id].parameters) == 0.2
    house.admin().post("/api/rate-limits", json={"connectionId": connection_id, "enabled": False})
    assert gap_s(house.live.current.by_id[connection_id].parameters) == 0.0
