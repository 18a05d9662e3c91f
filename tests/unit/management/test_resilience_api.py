"""Profiles, blocks and breakers over HTTP: what is shown, what is changed, and that the next failure obeys."""

import pytest

from omniroute.ir.failure import Failure
from omniroute.ir.target import Target
from omniroute.routing.candidate import Account, Candidate
from omniroute.routing.classify import classify
from tests.unit.management.house import House, replies

PATH = "/api/resilience"
SLOW = Failure(kind="rate_limit", status=429, message="slow down")
BROKEN = Failure(kind="server", status=500, message="broken")


def connected(house: House, provider: str = "openai") -> str:
    body = {"provider": provider, "apiKey": "sk-1", "name": "one"}
    return str(house.admin().post("/api/providers", json=body).json()["connection"]["id"])


def candidate(house: House, connection_id: str, model: str = "gpt-4o") -> Candidate:
    one = house.live.current.by_id[connection_id]
    return Candidate(
        target=Target(provider=one.provider, model=model, dialect="openai_chat"),
        account=Account(id=one.id, provider=one.provider, version=one.version),
    )


def refused(house: House, of: Candidate, failure: Failure) -> float:
    """How long `of` rests for it."""
    return house.resting.failed(of, classify(failure), failure, house.clock.monotonic())


def test_both_generations_of_the_shape_say_the_same(house: House) -> None:
    said = house.admin().get(PATH).json()
    assert said["connectionCooldown"]["apikey"] == {
        "baseCooldownMs": 3000,
        "useUpstreamRetryHints": True,
        "maxBackoffSteps": 5,
    }
    assert said["providerBreaker"]["oauth"] == {"failureThreshold": 8, "resetTimeoutMs": 60000}
    assert said["waitForCooldown"] == {"enabled": False, "maxRetries": 3, "maxRetryWaitSec": 30}
    assert said["profiles"]["local"] == {
        "transientCooldown": 2000,
        "rateLimitCooldown": 0,
        "maxBackoffLevel": 3,
        "circuitBreakerThreshold": 2,
        "circuitBreakerReset": 15000,
    }
    assert said["legacy"]["profiles"] == said["profiles"]


@pytest.mark.parametrize(
    "change",
    [
        {"connectionCooldown": {"apikey": {"baseCooldownMs": 7000}}},
        {
            "profiles": {
                "apikey": {
                    "transientCooldown": 7000,
                    "rateLimitCooldown": 0,
                    "maxBackoffLevel": 5,
                    "circuitBreakerThreshold": 12,
                    "circuitBreakerReset": 30000,
                }
            }
        },
    ],
)
def test_a_change_holds_for_the_next_failure(house: House, change: object) -> None:
    one = candidate(house, connected(house))
    assert refused(house, one, SLOW) == 3.0
    house.clock.at += 4
    said = house.admin().patch(PATH, json=change)
    assert said.status_code == 200, said.text
    assert said.json()["profiles"]["apikey"]["transientCooldown"] == 7000
    assert refused(house, one, SLOW) == 14.0  # the second in a row
    assert "settings.resilience" in house.actions()


def test_hints_are_followed_unless_they_are_switched_off(house: House) -> None:
    one, other = candidate(house, connected(house)), candidate(house, connected(house, "groq"))
    hinted = Failure(kind="rate_limit", status=429, message="slow down", retry_after=60.0)
    assert refused(house, one, hinted) == 60.0
    change = {"connectionCooldown": {"apikey": {"useUpstreamRetryHints": False}}}
    assert house.admin().patch(PATH, json=change).status_code == 200
    assert refused(house, other, hinted) == 3.0


def test_a_breaker_opens_after_as_many_failures_as_are_set_and_a_reset_closes_it(house: House) -> None:
    admin, one = house.admin(), candidate(house, connected(house))
    change = {"providerBreaker": {"apikey": {"failureThreshold": 2, "resetTimeoutMs": 9000}}}
    assert admin.patch(PATH, json=change).status_code == 200
    for _ in range(2):
        house.pulse.began(one.target, house.clock.monotonic())
        house.pulse.failed(one.target, BROKEN, house.clock.monotonic())
    (shown,) = admin.get(PATH).json()["circuitBreakers"]
    assert (shown["name"], shown["state"]) == ("openai/gpt-4o", "OPEN")
    assert 9000 <= shown["retryAfterMs"] <= 10800
    health = admin.get("/api/monitoring/health").json()
    assert health["circuitBreakers"] == {"open": 1, "halfOpen": 0, "closed": 0, "total": 1}
    assert health["providerHealth"]["openai"]["state"] == "OPEN"
    assert house.client().get("/api/monitoring/health").json().keys() <= {
        "status",
        "reason",
        "version",
        "uptime",
        "providerSummary",
    }
    assert admin.delete("/api/monitoring/health").json() == {
        "success": True,
        "message": "Reset 1 circuit breaker(s)",
        "resetCount": 1,
    }
    assert not house.pulse.failing(one.target, house.clock.monotonic())


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "nothing_to_update"),
        ({"connectionCooldown": {}}, "nothing_to_update"),
        ({"connectionCooldown": {"apikey": {"baseCooldownMs": -1}}}, "validation_error"),
        ({"connectionCooldown": {"apikey": {"maxBackoffSteps": 33}}}, "validation_error"),
        ({"providerBreaker": {"apikey": {"resetTimeoutMs": 10}}}, "validation_error"),
        ({"waitForCooldown": {"maxRetryWaitSec": 301}}, "validation_error"),
        ({"profiles": {"apikey": {"transientCooldown": 1}}}, "validation_error"),
        ({"patience": 1}, "validation_error"),
    ],
)
def test_what_cannot_be_is_refused(house: House, body: object, code: str) -> None:
    answer = house.admin().patch(PATH, json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)


def test_what_is_blocked_is_listed_with_why_and_until_when(house: House) -> None:
    admin, one = house.admin(), candidate(house, connected(house))
    missing = Failure(kind="not_found", status=404, code="model_not_found", message="no sk-abcdefghijklmnop")
    refused(house, one, missing)
    said = admin.get("/api/models/availability").json()
    assert said["unavailableCount"] == 1
    (block,) = said["models"]
    assert block | {"message": ""} == {
        "provider": "openai",
        "connectionId": one.account.id,
        "connectionName": "one",
        "model": "gpt-4o",
        "reason": "not_found",
        "message": "",
        "source": "rule",
        "terminal": False,
        "failureCount": 1,
        "unavailableSince": "2027-01-15T08:00:00.000Z",
        "until": "2027-01-15T08:10:00.000Z",
        "remainingMs": 600000,
    }
    assert "sk-abcdefghijklmnop" not in block["message"]
    (provider,) = [row for row in said["providers"] if row["provider"] == "openai"]
    assert provider["available"]  # its other models are
    house.clock.at += 601
    assert admin.get("/api/models/availability").json()["models"] == []


def test_one_model_can_be_asked_for(house: House) -> None:
    admin, one = house.admin(), candidate(house, connected(house))

    def asked(model: str) -> dict:
        return admin.post("/api/models/availability", json={"model": model}).json()

    assert asked("openai/gpt-4o")["available"] is True
    refused(house, one, SLOW)
    said = asked("openai/gpt-4o")
    assert (said["available"], said["providers"][0]["reason"], said["providers"][0]["remainingMs"]) == (
        False,
        "rate_limit",
        3000,
    )
    assert asked("nobody/nothing") == {"model": "nobody/nothing", "available": False, "providers": []}


@pytest.mark.parametrize(
    "body",
    [
        {"action": "clear", "provider": "openai"},
        {"action": "clear", "model": "openai/gpt-4o"},
        {"action": "clearCooldown", "provider": "openai", "model": "gpt-4o"},
        {"provider": "openai", "model": "gpt-4o"},
    ],
)
def test_blocks_are_lifted_by_what_they_hold(house: House, body: object) -> None:
    admin, one = house.admin(), candidate(house, connected(house))
    refused(house, one, Failure(kind="permission", status=403, message="not in your plan"))
    assert (
        admin.post("/api/models/availability", json={"action": "clear", "provider": "groq"}).json()["count"] == 0
    )
    assert admin.post("/api/models/availability", json=body).json() == {
        "success": True,
        "ok": True,
        "removed": True,
        "count": 1,
    }
    assert admin.get("/api/models/availability").json()["unavailableCount"] == 0
    assert "resilience.lift" in house.actions()


def test_delete_lifts_one_and_wants_to_know_which(house: House) -> None:
    admin, one = house.admin(), candidate(house, connected(house))
    refused(house, one, SLOW)
    path = "/api/models/availability"
    assert admin.delete(path).json()["error"]["code"] == "nothing_to_lift"
    assert admin.delete(path, params={"connectionId": "another"}).json()["count"] == 0
    assert admin.delete(path, params={"connectionId": one.account.id}).json()["count"] == 1


def test_what_only_somebody_can_end_is_ended_by_a_reset_a_good_test_or_an_edit(house: House) -> None:
    admin, connection_id = house.admin(), connected(house)
    bad_key = Failure(kind="authentication", status=401, message="bad key")

    def blocks() -> list:
        return admin.get("/api/models/availability").json()["models"]

    refused(house, candidate(house, connection_id), bad_key)
    assert [(one["terminal"], one["until"]) for one in blocks()] == [(True, None)]
    refused(house, candidate(house, connection_id), SLOW)
    assert [one["reason"] for one in blocks()] == ["auth_invalid"]
    reset = admin.post("/api/resilience/reset", json={"scope": "cooldowns", "provider": "openai"}).json()
    assert (reset["cooldowns"], blocks()) == (1, [])

    refused(house, candidate(house, connection_id), bad_key)
    house.answer = replies(401, {"error": {"message": "bad key"}})
    admin.post(f"/api/providers/{connection_id}/test")
    assert len(blocks()) == 1
    house.answer = replies(200, {"data": [{"id": "m", "object": "model"}]})
    admin.post(f"/api/providers/{connection_id}/test")
    assert blocks() == []

    refused(house, candidate(house, connection_id), bad_key)
    house.clock.at += 1
    admin.put(f"/api/providers/{connection_id}", json={"apiKey": "sk-2"})
    assert blocks() == []
