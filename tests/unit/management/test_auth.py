"""The first password, logging in and out, and the login guard, over HTTP."""

from pathlib import Path

import pytest

from tests.unit.management.house import PASSWORD, House, housed

DAY_S = 24 * 3600


def test_a_fresh_gateway_says_that_it_needs_a_password(house: House) -> None:
    client = house.client()
    assert client.get("/api/settings/require-login").json() == {
        "requireLogin": True,
        "hasPassword": False,
        "setupComplete": False,
    }
    assert client.get("/api/auth/status").json() == {"authenticated": False, "needsSetup": True}
    answer = client.get("/api/providers")
    assert answer.status_code == 401
    assert answer.json()["needsSetup"] is True
    assert answer.json()["error"]["code"] == "setup_required"
    login = client.post("/api/auth/login", json={"password": PASSWORD})
    assert (login.status_code, login.json()["needsSetup"]) == (403, True)


def test_the_link_sets_the_first_password_and_logs_in(house: House) -> None:
    client = house.client()
    token = house.setup_tokens.issue()
    assert client.post("/api/auth/setup", json={"token": token, "password": PASSWORD}).json() == {"success": True}
    assert client.get("/api/providers").status_code == 200
    again = client.post("/api/auth/setup", json={"token": token, "password": PASSWORD})
    assert (again.status_code, again.json()["error"]["code"]) == (409, "already_set_up")
    assert "auth.setup" in house.actions()


def test_a_weak_password_does_not_spend_the_link(house: House) -> None:
    client = house.client()
    token = house.setup_tokens.issue()
    weak = client.post("/api/auth/setup", json={"token": token, "password": "changeme"})
    assert (weak.status_code, weak.json()["error"]["code"]) == (400, "weak_password")
    assert client.post("/api/auth/setup", json={"token": token, "password": PASSWORD}).status_code == 200


@pytest.mark.parametrize(
    ("peer", "host", "headers"),
    [
        ("203.0.113.7", "localhost:20128", {}),
        ("203.0.113.7", "localhost:20128", {"x_forwarded_for": "127.0.0.1"}),
        ("203.0.113.7", "127.0.0.1:20128", {"x_real_ip": "127.0.0.1", "forwarded": "for=127.0.0.1"}),
        ("10.0.0.2", "10.0.0.1:20128", {}),
    ],
)
def test_claims_do_not_make_a_caller_local(house: House, peer: str, host: str, headers: dict[str, str]) -> None:
    client = house.client(peer=peer, host=host, **headers)
    body = {"token": house.setup_tokens.issue(), "password": PASSWORD}
    assert client.post("/api/auth/setup", json=body).status_code == 403
    assert client.put("/api/settings/require-login", json={"password": PASSWORD}).status_code == 401


@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_without_the_link_nobody_sets_a_password(house: House, method: str) -> None:
    client = house.client()
    assert client.post("/api/auth/setup", json={"token": "guess", "password": PASSWORD}).status_code == 401
    body = {"password": PASSWORD, "currentPassword": ""}
    assert client.request(method, "/api/settings/require-login", json=body).status_code == 401
    assert not house.services.administrator.has_password()


def test_the_initial_password_works_until_it_is_stored(tmp_path: Path) -> None:
    with housed(tmp_path, initial_password="initial one") as house:
        client = house.client()
        assert client.get("/api/auth/status").json()["needsSetup"] is False
        assert client.post("/api/auth/login", json={"password": "initial on"}).status_code == 401
        assert client.post("/api/auth/login", json={"password": "initial one"}).status_code == 200
        change = {"password": PASSWORD, "currentPassword": "initial one"}
        assert client.put("/api/settings/require-login", json=change).status_code == 200
        assert house.client().post("/api/auth/login", json={"password": "initial one"}).status_code == 401
        assert house.client().post("/api/auth/login", json={"password": PASSWORD}).status_code == 200
    assert b"initial one" not in (tmp_path / "omniroute.db").read_bytes()


def test_five_wrong_passwords_lock_the_address_out(house: House) -> None:
    house.set_up()
    client = house.client(peer="203.0.113.7", x_forwarded_for="198.51.100.1")
    for attempt in range(5):
        client.headers["x-forwarded-for"] = f"198.51.100.{attempt}"
        assert client.post("/api/auth/login", json={"password": "wrong"}).status_code == 401
    locked = client.post("/api/auth/login", json={"password": PASSWORD})
    assert locked.status_code == 429
    assert locked.headers["retry-after"] == "900"
    assert house.client(peer="203.0.113.8").post("/api/auth/login", json={"password": PASSWORD}).status_code == 200
    house.clock.at += 899
    assert client.post("/api/auth/login", json={"password": PASSWORD}).status_code == 429
    house.clock.at += 1
    assert client.post("/api/auth/login", json={"password": PASSWORD}).status_code == 200
    assert house.actions().count("auth.login.failed") == 5
    assert house.actions().count("auth.login.locked") == 2


def test_a_right_password_forgives_the_wrong_ones(house: House) -> None:
    house.set_up()
    client = house.client()
    for _ in range(3):
        for _ in range(4):
            assert client.post("/api/auth/login", json={"password": "wrong"}).status_code == 401
        assert client.post("/api/auth/login", json={"password": PASSWORD}).status_code == 200


def test_the_lock_survives_a_restart(tmp_path: Path) -> None:
    with housed(tmp_path) as house:
        house.set_up()
        for _ in range(5):
            house.client().post("/api/auth/login", json={"password": "wrong"})
    with housed(tmp_path) as house:
        assert house.client().post("/api/auth/login", json={"password": PASSWORD}).status_code == 429


def test_a_trusted_proxy_names_the_address_that_is_locked_out(tmp_path: Path) -> None:
    with housed(tmp_path, trusted_proxies=("10.0.0.1",)) as house:
        house.set_up()

        def answer(forwarded: str, password: str) -> int:
            client = house.client(peer="10.0.0.1", x_forwarded_for=forwarded)
            return client.post("/api/auth/login", json={"password": password}).status_code

        for _ in range(5):
            assert answer("203.0.113.7", "wrong") == 401
        assert answer("1.2.3.4, 203.0.113.7", PASSWORD) == 429
        assert answer("203.0.113.8", PASSWORD) == 200


@pytest.mark.parametrize(
    ("scheme", "settings", "headers", "secure"),
    [
        ("http", {}, {}, False),
        ("https", {}, {}, True),
        ("http", {"cookie_secure": True}, {}, True),
        ("http", {}, {"x_forwarded_proto": "https"}, False),
        ("http", {"trusted_proxies": ("127.0.0.1",)}, {"x_forwarded_proto": "https"}, True),
    ],
)
def test_the_cookie_has_the_right_flags(
    tmp_path: Path, scheme: str, settings: dict[str, object], headers: dict[str, str], secure: bool
) -> None:
    with housed(tmp_path, **settings) as house:
        house.set_up()
        answer = house.client(scheme=scheme, **headers).post("/api/auth/login", json={"password": PASSWORD})
        flags = {part.strip().lower() for part in answer.headers["set-cookie"].split(";")[1:]}
        expected = {"httponly", "path=/", "samesite=lax", f"max-age={30 * DAY_S}"}
        assert flags == (expected | {"secure"} if secure else expected)


def test_logging_out_ends_the_session_itself(house: House) -> None:
    client = house.admin()
    stolen = house.client(cookie=f"auth_token={client.cookies['auth_token']}")
    assert stolen.get("/api/keys").status_code == 200
    assert client.post("/api/auth/logout").json() == {"success": True}
    assert client.get("/api/keys").status_code == 401
    assert stolen.get("/api/keys").status_code == 401
    assert house.client().post("/api/auth/logout").status_code == 200


def test_changing_the_password_ends_every_other_session(house: House) -> None:
    one, other = house.admin(), house.admin()
    change = {"password": "another good one", "currentPassword": PASSWORD}
    assert one.put("/api/settings/require-login", json=change).status_code == 200
    assert one.get("/api/keys").status_code == 200
    assert other.get("/api/keys").status_code == 401
    assert house.client().post("/api/auth/login", json={"password": PASSWORD}).status_code == 401
    assert "auth.password.changed" in house.actions()


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "nothing_to_update"),
        ({"password": "another good one"}, 400, "current_password_missing"),
        ({"password": "another good one", "currentPassword": "wrong"}, 401, "invalid_password"),
        ({"password": "short", "currentPassword": PASSWORD}, 400, "weak_password"),
        ({"requireLogin": False}, 400, "login_required"),
        ({"requireLogin": True}, 200, None),
        ({"other": 1}, 400, "validation_error"),
    ],
)
def test_a_change_of_password_is_checked(
    house: House, body: dict[str, object], status: int, code: str | None
) -> None:
    answer = house.admin().put("/api/settings/require-login", json=body)
    assert answer.status_code == status
    assert answer.json().get("error", {}).get("code") == code


def test_a_session_outlives_a_restart_and_slides_only_near_its_end(tmp_path: Path) -> None:
    with housed(tmp_path) as house:
        cookie = house.admin().cookies["auth_token"]
        start = house.clock.at
    with housed(tmp_path) as house:
        client = house.client(cookie=f"auth_token={cookie}")
        house.clock.at = start + 23 * DAY_S
        assert "set-cookie" not in client.get("/api/keys").headers
        house.clock.at = start + 23 * DAY_S + 1
        assert client.get("/api/keys").headers["set-cookie"].startswith(f"auth_token={cookie};")
        house.clock.at = start + 40 * DAY_S
        assert client.get("/api/keys").status_code == 200
        house.clock.at = start + 54 * DAY_S
        assert client.get("/api/keys").status_code == 401


@pytest.mark.parametrize(
    ("headers", "content", "status"),
    [
        ({"origin": "https://evil.example"}, b"{}", 403),
        ({"origin": "null"}, b"{}", 403),
        ({"sec-fetch-site": "cross-site"}, b"{}", 403),
        ({"sec-fetch-site": "same-site"}, b"{}", 403),
        ({"content-type": "text/plain"}, b"{}", 415),
        ({"content-type": "application/x-www-form-urlencoded"}, b"name=x", 415),
        ({"origin": "http://localhost:20128", "sec-fetch-site": "same-origin"}, b'{"name":"x"}', 201),
        ({}, b'{"name":"x"}', 201),
    ],
)
def test_a_page_of_another_site_cannot_use_the_cookie(
    house: House, headers: dict[str, str], content: bytes, status: int
) -> None:
    sent = {"content-type": "application/json", **headers}
    assert house.admin().post("/api/keys", content=content, headers=sent).status_code == status


def test_a_page_of_another_site_cannot_log_in_either(house: House) -> None:
    house.set_up()
    client = house.client(origin="https://evil.example")
    assert client.post("/api/auth/login", json={"password": PASSWORD}).status_code == 403


def test_the_command_line_prints_a_new_link(house: House) -> None:
    old = house.setup_tokens.issue()
    local = house.client(authorization=f"Bearer {house.cli_token}")
    answer = local.post("/api/auth/setup-link").json()
    assert answer["url"].startswith("http://localhost:20128/setup#token=")
    assert not house.setup_tokens.is_valid(old)
    token = answer["url"].rpartition("=")[2]
    assert house.client().post("/api/auth/setup", json={"token": token, "password": PASSWORD}).status_code == 200
    assert local.post("/api/auth/setup-link").status_code == 409
    manager = house.client(authorization=f"Bearer {house.key('manage')}")
    assert manager.post("/api/auth/setup-link").status_code == 403


def test_a_host_that_is_not_ours_is_misdirected(house: House) -> None:
    answer = house.client(host="evil.example").get("/api/auth/status")
    assert answer.status_code == 421
    assert answer.json()["error"]["type"] == "misdirected_request"
