"""Budgets as the API takes and shows them, in every shape that clients send."""

import pytest
from starlette.testclient import TestClient

from omniroute.ledger.budget_till import Claim, Hold
from omniroute.ledger.drain import store
from omniroute.ledger.position import Position
from omniroute.ledger.reader import Taken
from omniroute.storage.repos import budgets as repo
from tests.support.records import opened, settled
from tests.unit.management.house import House

PATH = "/api/usage/budget"


def key(admin: TestClient, name: str = "laptop", **settings: object) -> str:
    return admin.post("/api/keys", json={"name": name, **settings}).json()["id"]


def shown(admin: TestClient) -> list[dict]:
    return admin.get(PATH).json()["budgets"]


def spend(house: House, key_id: str, micro_usd: int, *, at: float, number: int = 1, **fields) -> None:
    records = (
        opened(f"r{number}", key_id=key_id, at=at),
        settled(f"r{number}", at=at, cost_micro_usd=micro_usd, **fields),
    )
    taken = Taken(records, Position(1, 1, number))
    house.writer.write_quietly(lambda connection: store(connection, taken))


def test_the_shape_of_the_reference_makes_one_budget_of_a_key(house: House) -> None:
    admin = house.admin()
    key_id = key(admin)
    made = admin.post(PATH, json={"keyId": key_id, "limit": 50.0, "period": "monthly"})
    assert made.status_code == 200
    assert (made.json()["success"], made.json()["apiKeyId"], made.json()["monthlyLimitUsd"]) == (
        True,
        key_id,
        50.0,
    )
    (one,) = shown(admin)
    assert {name: one[name] for name in ("keyId", "keyName", "limit", "period", "spent", "remaining")} == {
        "keyId": key_id,
        "keyName": "laptop",
        "limit": 50.0,
        "period": "monthly",
        "spent": 0.0,
        "remaining": 50.0,
    }
    assert (one["percentUsed"], one["warningThreshold"], one["status"]) == (0.0, 0.8, "ok")
    assert one["resetsAt"] == "2027-02-01T00:00:00.000Z"


def test_the_explicit_shape_makes_a_budget_for_each_limit_and_all_of_them_hold(house: House) -> None:
    admin = house.admin()
    key_id = key(admin)
    body = {
        "apiKeyId": key_id,
        "dailyLimitUsd": 5,
        "monthlyLimitUsd": 50,
        "warningThreshold": 0.5,
        "resetTime": "07:30",
    }
    assert admin.post(PATH, json=body).status_code == 200
    assert [(one["period"], one["limit"], one["resetTime"], one["warningThreshold"]) for one in shown(admin)] == [
        ("daily", 5.0, "07:30", 0.5),
        ("monthly", 50.0, "07:30", 0.5),
    ]
    flat = admin.get(PATH, params={"keyId": key_id}).json()
    assert (flat["dailyLimitUsd"], flat["weeklyLimitUsd"], flat["monthlyLimitUsd"]) == (5.0, None, 50.0)
    assert (flat["resetInterval"], flat["activeLimitUsd"], flat["resetTime"]) == ("daily", 5.0, "07:30")
    assert flat["budgetCheck"]["allowed"] is True
    assert flat["budget"]["dailyLimitUsd"] == 5.0


def test_an_interval_without_a_limit_of_its_own_takes_the_daily_one(house: House) -> None:
    admin = house.admin()
    key_id = key(admin)
    admin.post(PATH, json={"apiKeyId": key_id, "dailyLimitUsd": 5, "resetInterval": "weekly"})
    assert [(one["period"], one["limit"]) for one in shown(admin)] == [("weekly", 5.0)]


@pytest.mark.parametrize("scope", [("tag", "team"), ("provider", "openai"), ("global", "")])
def test_other_scopes_have_budgets_too(house: House, scope: tuple[str, str]) -> None:
    admin = house.admin()
    body = {"scope": scope[0], "subject": scope[1], "totalLimitUsd": 0.000001, "mode": "hard", "action": "warn"}
    assert admin.post(PATH, json=body).status_code == 200
    (one,) = shown(admin)
    assert (one["scope"], one["subject"], one["limit"], one["mode"], one["action"]) == (
        *scope,
        1e-06,
        "hard",
        "warn",
    )
    assert one["resetsAt"] is None


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"keyId": "nobody", "limit": 1, "period": "daily"}, 404, "key_not_found"),
        ({"scope": "provider", "subject": "nobody", "limit": 1}, 404, "provider_not_found"),
        ({"scope": "connection", "subject": "nobody", "limit": 1}, 404, "connection_not_found"),
        ({"scope": "tag", "limit": 1}, 400, "bad_budget"),
        ({"scope": "global"}, 400, "bad_budget"),
        ({"limit": 1}, 400, "bad_budget"),
        ({"scope": "global", "limit": 1, "action": "downgrade", "downgradeTo": "nothing"}, 400, "bad_budget"),
        ({"scope": "global", "limit": -1}, 400, "validation_error"),
        ({"scope": "global", "limit": 1, "resetTime": "24:00"}, 400, "validation_error"),
    ],
)
def test_what_is_no_budget_is_refused(house: House, body: dict, status: int, code: str) -> None:
    answer = house.admin().post(PATH, json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert house.live.current.budgets is None


def test_a_budget_counts_what_its_key_spent_before_it_was_made(house: House) -> None:
    admin = house.admin()
    key_id, tagged = key(admin), key(admin, "ci", tags=["team"])
    now = house.clock.now()
    spend(house, key_id, 400_000, at=now - 60)
    spend(house, key_id, 7_000_000, at=now - 40 * 86_400, number=2)
    spend(house, tagged, 25, at=now, number=3)
    admin.post(PATH, json={"keyId": key_id, "limit": 1, "period": "monthly"})
    admin.post(PATH, json={"scope": "tag", "subject": "team", "limit": 1})
    assert {one["scope"]: one["spent"] for one in shown(admin)} == {"key": 0.4, "tag": 0.000025}
    flat = admin.get(PATH, params={"apiKeyId": key_id}).json()
    assert (flat["dailyTotal"], flat["totalEntries"], flat["totalCostPeriod"]) == (0.4, 2, 0.4)


def test_a_new_limit_keeps_what_was_spent_and_another_reset_counts_anew(house: House) -> None:
    admin = house.admin()
    key_id = key(admin)
    admin.post(PATH, json={"keyId": key_id, "limit": 1, "period": "daily"})
    (one,) = house.live.current.budgets.keys[key_id]
    hold = house.allowance.spending.till.reserve([Claim(one, 600_000, True)], house.clock.now())
    assert isinstance(hold, Hold)
    assert shown(admin)[0]["reserved"] == 0.6
    hold.settle(900_000, guessed=True)
    admin.post(PATH, json={"keyId": key_id, "limit": 2, "period": "daily"})
    (changed,) = shown(admin)
    assert (changed["id"], changed["limit"], changed["spent"], changed["guessed"]) == (one.id, 2.0, 0.9, 0.9)
    admin.post(PATH, json={"keyId": key_id, "limit": 0.5, "period": "daily"})
    (over,) = shown(admin)
    assert (over["status"], over["overrun"], over["remaining"]) == ("exceeded", 0.4, 0.0)
    flat = admin.get(PATH, params={"keyId": key_id}).json()
    assert (flat["budgetCheck"]["allowed"], flat["budgetCheck"]["reason"]) == (
        False,
        "Daily budget exceeded: $0.9 / $0.5",
    )
    admin.post(PATH, json={"keyId": key_id, "limit": 0.5, "period": "daily", "resetTime": "09:00"})
    (anew,) = shown(admin)
    assert (anew["id"] != one.id, anew["spent"]) == (True, 0.0)


def test_a_limit_of_zero_ends_a_budget_and_so_does_delete(house: House) -> None:
    admin = house.admin()
    key_id = key(admin)
    admin.post(PATH, json={"keyId": key_id, "dailyLimitUsd": 1, "monthlyLimitUsd": 9})
    admin.post(PATH, json={"keyId": key_id, "dailyLimitUsd": 0})
    assert [one["period"] for one in shown(admin)] == ["monthly"]
    assert admin.delete(PATH, params={"keyId": key_id}).json() == {"success": True, "deleted": 1}
    assert shown(admin) == []
    again = admin.delete(PATH, params={"keyId": key_id})
    assert (again.status_code, again.json()["error"]["code"]) == (404, "budget_not_found")
    assert admin.delete(PATH).status_code == 400
    admin.post(PATH, json={"scope": "global", "limit": 1})
    assert admin.delete(PATH, params={"id": shown(admin)[0]["id"]}).status_code == 200
    assert house.live.current.budgets is None


def test_a_key_takes_its_budgets_with_it(house: House) -> None:
    admin = house.admin()
    key_id = key(admin)
    admin.post(PATH, json={"keyId": key_id, "limit": 1, "period": "daily"})
    admin.delete(f"/api/keys/{key_id}")
    assert shown(admin) == []
    assert house.database.read(repo.spends) == ()


def test_an_unknown_key_has_no_status(house: House) -> None:
    answer = house.admin().get(PATH, params={"keyId": "nobody"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "key_not_found")
