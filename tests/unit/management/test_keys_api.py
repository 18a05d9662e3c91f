"""Client keys over HTTP."""

import pytest

from omniroute.access.keys import digest, mint, well_formed
from tests.unit.management.house import House


def test_a_key_is_shown_once_and_stored_as_a_digest(house: House) -> None:
    admin = house.admin()
    created = admin.post("/api/keys", json={"name": "laptop"})
    assert created.status_code == 201
    text, key_id = created.json()["key"], created.json()["id"]
    assert well_formed(text)
    shown = admin.get(f"/api/keys/{key_id}").json()
    assert shown["key"] == text[:12] + "****"
    listed = admin.get("/api/keys").json()
    assert listed == {"keys": [shown], "total": 1, "allowKeyReveal": False}
    assert text.encode() not in house.database.file.read_bytes()
    assert house.find_grant(text) is not None
    reveal = admin.get(f"/api/keys/{key_id}/reveal")
    assert (reveal.status_code, reveal.json()["error"]["code"]) == (403, "reveal_impossible")


def test_a_new_key_has_what_it_was_given(house: House) -> None:
    body = {
        "name": " ci ",
        "scopes": ["manage"],
        "allowedModels": ["openai/*"],
        "allowedConnections": ["c1"],
        "noLog": True,
        "expiresAt": "2030-01-31T12:00:00+02:00",
        "accessSchedule": None,
        "maxSessions": 0,
        "autoResolve": False,
    }
    created = house.admin().post("/api/keys", json=body).json()
    assert {name: created[name] for name in body if name != "accessSchedule"} == {
        "name": "ci",
        "scopes": ["manage"],
        "allowedModels": ["openai/*"],
        "allowedConnections": ["c1"],
        "noLog": True,
        "expiresAt": "2030-01-31T10:00:00.000Z",
        "maxSessions": 0,
        "autoResolve": False,
    }


def test_a_key_can_be_strict_for_all_its_requests(house: House) -> None:
    admin = house.admin()
    created = admin.post("/api/keys", json={"name": "careful", "strict": True}).json()
    assert created["strict"] is True
    path = f"/api/keys/{created['id']}"
    assert admin.patch(path, json={"name": "renamed"}).json()["strict"] is True
    assert admin.patch(path, json={"strict": False}).json()["strict"] is False
    assert admin.post("/api/keys", json={"name": "usual"}).json()["strict"] is False


def test_a_patch_sets_only_what_it_names(house: House) -> None:
    admin = house.admin()
    before = admin.post(
        "/api/keys", json={"name": "k", "allowedModels": ["a/*"], "expiresAt": "2030-01-01"}
    ).json()
    house.clock.at += 1
    path = f"/api/keys/{before['id']}"
    after = admin.patch(path, json={"name": "renamed", "isActive": False}).json()
    assert after["message"] == "API key settings updated successfully"
    changed = {name for name, value in before.items() if name != "key" and after[name] != value}
    assert changed == {"name", "isActive", "updatedAt"}
    assert admin.patch(path, json={"expiresAt": None, "allowedModels": []}).json()["expiresAt"] is None
    assert admin.patch(path, json={"isActive": None}).json()["isActive"] is False
    assert admin.patch(path, json={"isBanned": True}).json()["isBanned"] is True
    assert house.actions()[-4:] == ["apiKey.deactivate", "apiKey.update", "apiKey.update", "apiKey.ban"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": "   "},
        {"name": "x" * 201},
        {"name": 5},
        {"name": "k", "unknown": 1},
        {"name": "k", "expiresAt": "tomorrow"},
        {"name": "k", "expiresAt": 1_900_000_000},
        {"name": "k", "scopes": "manage"},
        {"name": "k", "scopes": ["x"] * 17},
        {"name": "k", "allowedModels": [""]},
        {"name": "k", "isActive": "yes"},
        {"name": "k", "accessSchedule": {"enabled": True}},
        {"name": "k", "accessSchedule": {"from": "9:00", "until": "17:00", "days": [1]}},
        {"name": "k", "accessSchedule": {"from": "09:00", "until": "17:00", "days": [7]}},
        {"name": "k", "accessSchedule": {"from": "09:00", "until": "17:00", "days": [1], "tz": "Mars/Olympus"}},
        {"name": "k", "rateLimits": [{"limit": 1, "window": 0}]},
        {"name": "k", "maxSessions": -1},
        {"name": "k", "autoResolve": True},
    ],
)
def test_what_cannot_be_kept_is_refused_not_ignored(house: House, body: dict[str, object]) -> None:
    admin = house.admin()
    answer = admin.post("/api/keys", json=body)
    assert answer.status_code == 400
    assert admin.get("/api/keys").json()["total"] == 0


def test_a_regenerated_key_kills_the_old_text_at_once(house: House) -> None:
    admin = house.admin()
    created = admin.post("/api/keys", json={"name": "k", "scopes": ["manage"]}).json()
    renewed = admin.post(f"/api/keys/{created['id']}/regenerate").json()
    assert renewed["id"] == created["id"]
    assert house.find_grant(created["key"]) is None
    grant = house.find_grant(renewed["key"])
    assert grant is not None
    assert grant.scopes == ("manage",)


def test_a_deleted_key_is_gone(house: House) -> None:
    admin = house.admin()
    created = admin.post("/api/keys", json={"name": "k"}).json()
    assert admin.delete(f"/api/keys/{created['id']}").json() == {"message": "Key deleted successfully"}
    assert house.find_grant(created["key"]) is None
    assert admin.delete(f"/api/keys/{created['id']}").status_code == 404


def test_pages_of_keys(house: House) -> None:
    admin = house.admin()
    for number in range(5):
        house.clock.at += 1
        admin.post("/api/keys", json={"name": f"k{number}"})
    page = admin.get("/api/keys", params={"limit": 2, "offset": 2}).json()
    assert [key["name"] for key in page["keys"]] == ["k2", "k3"]
    assert page["total"] == 5
    for bad in ({"limit": 0}, {"limit": -1}, {"offset": -1}, {"limit": "x"}, {"limit": 1001}):
        assert admin.get("/api/keys", params=bad).status_code == 400


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_an_unknown_key_is_404(house: House, method: str) -> None:
    body = {"name": "x"} if method == "PATCH" else None
    answer = house.admin().request(method, "/api/keys/nobody", json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "key_not_found")


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"isActive": False}, 403),
        ({"isBanned": True}, 403),
        ({"expiresAt": "2020-01-01T00:00:00Z"}, 403),
        ({"scopes": []}, 403),
        ({"scopes": ["other"]}, 403),
        ({}, 200),
    ],
)
def test_a_managing_key_must_be_in_good_standing(house: House, change: dict[str, object], status: int) -> None:
    admin = house.admin()
    created = admin.post("/api/keys", json={"name": "k", "scopes": ["manage"]}).json()
    if change:
        assert admin.patch(f"/api/keys/{created['id']}", json=change).status_code == 200
    manager = house.client(authorization=f"Bearer {created['key']}")
    assert manager.get("/api/keys").status_code == status


def test_what_a_managing_key_does_is_written_down_under_its_id(house: House) -> None:
    text = house.key("manage")
    house.client(authorization=f"Bearer {text}").post("/api/keys", json={"name": "made by a key"})
    row = house.audited()[-1]
    grant = house.find_grant(text)
    assert grant is not None
    assert (row.actor, row.action, row.detail["address"]) == (f"key:{grant.key_id}", "apiKey.create", "127.0.0.1")
    assert row.request_id is not None
    assert row.request_id.startswith("req_")


def test_a_key_that_fits_the_form_but_was_never_issued_is_401(house: House) -> None:
    house.set_up()
    stranger = mint(b"s" * 32).text
    assert house.client(authorization=f"Bearer {stranger}").get("/api/keys").status_code == 401
    assert digest(b"p", stranger) != digest(b"q", stranger)


def test_a_schedule_is_kept_shown_and_taken_away_again(house: House) -> None:
    admin = house.admin()
    schedule = {"enabled": True, "from": "22:00", "until": "06:00", "days": [5, 6], "tz": "Europe/Berlin"}
    made = admin.post("/api/keys", json={"name": "night", "accessSchedule": schedule, "tags": ["team"]}).json()
    assert (made["accessSchedule"], made["tags"]) == (schedule, ["team"])
    (grant,) = house.live.current.grants.values()
    assert grant.schedule is not None
    assert (grant.schedule.start, grant.schedule.until, grant.tags) == (22 * 60, 6 * 60, ("team",))
    path = f"/api/keys/{made['id']}"
    assert admin.patch(path, json={"accessSchedule": {**schedule, "enabled": False}}).status_code == 200
    assert [one.schedule for one in house.live.current.grants.values()] == [None]
    assert admin.patch(path, json={"accessSchedule": None}).json()["accessSchedule"] is None
