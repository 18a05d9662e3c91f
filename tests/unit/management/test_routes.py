"""Every route of the management API against everybody who may come by."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import APIRouter
from starlette.testclient import TestClient

from omniroute.access.routes import Route
from omniroute.management.router import routes
from tests.unit.management.house import House, housed

PUBLIC = {
    ("POST", "/api/auth/login"),
    ("POST", "/api/auth/logout"),
    ("POST", "/api/auth/setup"),
    ("GET", "/api/auth/status"),
    ("GET", "/api/settings/require-login"),
    ("GET", "/api/monitoring/health"),
}
SESSION_ONLY = {("PUT", "/api/settings/require-login"), ("POST", "/api/settings/require-login")}
ROLES = (
    "anonymous",
    "cookie",
    "plain key",
    "manage key",
    "cli",
    "cli from elsewhere",
    "cli through a proxy",
    "forged",
)


@pytest.fixture(scope="module")
def full_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    path: Path = tmp_path_factory.mktemp("routes")
    with housed(path) as built:
        yield built


@pytest.fixture(scope="module")
def clients(full_house: House) -> dict[str, TestClient]:
    house = full_house
    cli = f"Bearer {house.cli_token}"
    return {
        "anonymous": house.client(),
        "cookie": house.admin(),
        "plain key": house.client(authorization=f"Bearer {house.key()}"),
        "manage key": house.client(authorization=f"Bearer {house.key('manage')}"),
        "cli": house.client(authorization=cli),
        "cli from elsewhere": house.client(peer="203.0.113.7", authorization=cli),
        "cli through a proxy": house.client(authorization=cli, x_forwarded_for="203.0.113.7"),
        "forged": house.client(authorization="Bearer sk-omni-nonsense", cookie="auth_token=nonsense"),
    }


def expected(route: Route, role: str) -> int | None:
    """The refusal that a role meets at a route; None where it is let in."""
    if role == "plain key":
        return 403
    if route.auth == "public":
        return None
    if role in ("anonymous", "cli from elsewhere", "cli through a proxy", "forged"):
        return 401
    if route.auth == "session" and role != "cookie":
        return 403
    return None


def test_every_route_says_who_may_call_it(full_house: House) -> None:
    table = routes(full_house.app)
    assert {(route.method, route.path) for route in table if route.auth == "public"} == PUBLIC
    assert {(route.method, route.path) for route in table if route.auth == "session"} == SESSION_ONLY
    assert {route.auth for route in table} == {"public", "session", "manage"}
    assert all(route.path.startswith("/api/") for route in table)
    assert len({(route.method, route.path) for route in table}) == len(table)


@pytest.mark.parametrize("role", ROLES)
def test_the_table_of_routes_and_roles(full_house: House, clients: dict[str, TestClient], role: str) -> None:
    client = clients[role]
    for route in routes(full_house.app):
        if (route.method, route.path) == ("POST", "/api/auth/logout"):
            continue  # it would log the role out; test_auth has it
        path = route.path.replace("{", "").replace("}", "")
        # Bad JSON: whoever is not let in must hear that first, and not learn what the body should have been.
        answer = client.request(route.method, path, content=b"{", headers={"content-type": "application/json"})
        refusal = expected(route, role)
        if refusal is not None:
            assert answer.status_code == refusal, (role, route, answer.text)
            assert set(answer.json()) <= {"error", "requestId"}
        else:
            assert answer.status_code not in (401, 500), (role, route, answer.text)
            if answer.status_code == 403:
                assert answer.json()["error"]["code"] in ("reveal_impossible", "cli_required"), (role, route)


def test_before_the_first_password_everything_asks_for_it(house: House) -> None:
    client = house.client()
    for route in routes(house.app):
        if route.auth == "public":
            continue
        answer = client.request(route.method, route.path.replace("{", "").replace("}", ""))
        assert (answer.status_code, answer.json().get("needsSetup")) == (401, True), route
    local = house.client(authorization=f"Bearer {house.cli_token}")
    assert local.get("/api/keys").status_code == 200


def test_a_route_without_a_class_is_noticed(house: House) -> None:
    stray = APIRouter()

    @stray.get("/api/stray")
    def stray_route() -> str:
        return "hello"

    house.app.router.routes.extend(stray.routes)
    with pytest.raises(TypeError, match="does not say who may call it"):
        routes(house.app)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/nothing", 404),
        ("GET", "/api/initialize", 404),
        ("GET", "/api/auth/login/x", 404),
        ("GET", "/api/auth/statusx", 404),
        ("GET", "/api/Keys", 404),
        ("GET", "/api/keys/", 404),
        ("PATCH", "/api/providers", 405),
        ("GET", "/api/auth/login", 405),
    ],
)
def test_paths_are_matched_exactly(house: House, method: str, path: str, status: int) -> None:
    answer = house.admin().request(method, path)
    assert answer.status_code == status
    assert set(answer.json()) == {"error", "requestId"}


def test_every_answer_carries_its_request_id_and_may_not_be_stored(house: House) -> None:
    for answer in (house.client().get("/api/keys"), house.admin().get("/api/keys")):
        assert answer.headers["x-request-id"].startswith("req_")
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in answer.headers
    refused = house.client().get("/api/keys")
    assert refused.json()["requestId"] == refused.headers["x-request-id"]


def test_a_body_beyond_the_limit_is_413_declared_or_not(house: House) -> None:
    admin = house.admin()
    headers = {"content-type": "application/json"}
    whole = admin.post("/api/keys", content=b'{"name":"' + b"x" * 11_000_000 + b'"}', headers=headers)
    assert (whole.status_code, whole.json()["error"]["type"]) == (413, "payload_too_large")
    pieces = (b"x" * 1_000_000 for _ in range(11))
    assert admin.post("/api/keys", content=pieces, headers=headers).status_code == 413


def test_an_unforeseen_failure_says_nothing_about_itself(house: House, caplog: pytest.LogCaptureFixture) -> None:
    admin = house.admin()
    house.writer.close()  # what comes now has nowhere to be written
    answer = admin.post("/api/keys", json={"name": "k"})
    assert answer.status_code == 500
    assert answer.json()["error"] == {
        "message": "Something went wrong here; the log has the details under this request id.",
        "type": "server_error",
        "code": "internal_error",
    }
    assert answer.json()["requestId"] in caplog.text
    assert "WriterClosed" in caplog.text


def test_the_description_of_the_api_is_for_those_who_may_use_it(house: House) -> None:
    assert house.client().get("/api/openapi.json").status_code == 401
    document = house.admin().get("/api/openapi.json").json()
    described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    real = {(route.method, route.path) for route in routes(house.app) if route.path != "/api/openapi.json"}
    assert described == real
    assert "422" not in str(document["paths"])


def test_health_tells_strangers_little(house: House) -> None:
    anonymous = house.client().get("/api/monitoring/health")
    assert (anonymous.status_code, set(anonymous.json())) == (
        200,
        {"status", "version", "uptime", "providerSummary"},
    )
    full = house.admin().get("/api/monitoring/health").json()
    assert full["system"]["version"] == "9.9.9"
    assert full["setupComplete"] is True
    assert full["cryptography"] == {"status": "healthy", "provider": "aes-256-gcm"}
