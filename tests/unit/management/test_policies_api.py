"""Policies over HTTP: what is stored, what is refused, what the snapshot gets; and unlocking an address."""

import pytest

from omniroute.routing.policy import Actions, Conditions, Policy
from omniroute.storage.repos import sessions
from omniroute.storage.repos.sessions import FailureRow
from tests.unit.management.house import House

PATH = "/api/policies"
NO_CLAUDE = {"name": "no claude", "type": "access", "actions": {"block_model": ["claude-*"]}}


def test_a_policy_is_made_changed_listed_and_removed(house: House) -> None:
    admin = house.admin()
    made = admin.post(PATH, json=NO_CLAUDE | {"conditions": {"model_pattern": "*"}})
    assert made.status_code == 201
    policy_id = made.json()["id"]
    assert house.live.current.policies == (
        Policy(
            id=policy_id,
            name="no claude",
            type="access",
            conditions=Conditions(model_pattern="*"),
            actions=Actions(block_model=("claude-*",)),
        ),
    )
    changed = admin.post(PATH, json=NO_CLAUDE | {"id": policy_id, "enabled": False})
    assert (changed.status_code, changed.json()["enabled"]) == (200, False)
    assert house.live.current.policies == ()
    assert [one["id"] for one in admin.get(PATH).json()["policies"]] == [policy_id]
    assert admin.delete(f"{PATH}?id={policy_id}").json() == {"success": True}
    assert admin.get(PATH).json()["policies"] == []
    assert admin.delete(f"{PATH}?id={policy_id}").status_code == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"name": "x"}, 400),
        ({"name": "x", "type": "access"}, 400),
        ({"name": "x", "type": "access", "actions": {"max_tokens": 5}}, 400),
        ({"name": "x", "type": "budget", "actions": {"max_tokens": 0}}, 400),
        ({"name": "x", "type": "budget", "actions": {"max_tokens": 5, "block_model": ["x"]}}, 400),
        ({"name": "x", "type": "routing", "actions": {"prefer_provider": ["nobody"]}}, 400),
        (NO_CLAUDE | {"id": "../up"}, 400),
        (NO_CLAUDE | {"conditions": {"combo": "none"}}, 404),
        (NO_CLAUDE | {"conditions": {"api_key_id": "none"}}, 404),
        (NO_CLAUDE | {"conditions": {"hour": 5}}, 400),
    ],
)
def test_what_makes_no_sense_is_refused(house: House, body: dict[str, object], status: int) -> None:
    assert house.admin().post(PATH, json=body).status_code == status


def test_an_address_that_is_locked_out_is_shown_and_let_in_again(house: House) -> None:
    now = house.services.now_ms()
    row = FailureRow(peer="203.0.113.7", count=5, locked_until=now + 60_000, updated_at=now)
    house.writer.write_quietly(lambda connection: sessions.put_failures(connection, row))
    admin = house.admin()
    assert admin.get(PATH).json()["lockedIdentifiers"] == [
        {"identifier": "203.0.113.7", "lockedUntil": now + 60_000, "remainingMs": 60_000}
    ]
    unlocked = admin.post(PATH, json={"action": "unlock", "identifier": "203.0.113.7"})
    assert unlocked.json() == {"success": True, "action": "unlocked", "identifier": "203.0.113.7"}
    assert admin.get(PATH).json()["lockedIdentifiers"] == []
    assert admin.post(PATH, json={"action": "unlock", "identifier": "203.0.113.7"}).status_code == 404
