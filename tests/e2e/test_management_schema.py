"""The management API keeps to its own OpenAPI description, whatever it is sent by somebody who is logged in."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)
from tests.unit.management.house import House, housed

_CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    path: Path = tmp_path_factory.mktemp("schema")
    with housed(path) as built:
        yield built


@pytest.fixture(scope="module")
def cookie(house: House) -> str:
    return f"auth_token={house.admin().cookies['auth_token']}"


@pytest.fixture(scope="module")
def description(house: House, cookie: str) -> schemathesis.BaseSchema:
    headers = {"cookie": cookie, "host": "localhost:20128"}
    schema = schemathesis.openapi.from_asgi("/api/openapi.json", house.app, headers=headers)
    # Logging out would end the session that all the others need.
    return schema.exclude(path="/api/auth/logout")


schema = schemathesis.pytest.from_fixture("description")


@schema.parametrize()
@settings(
    max_examples=15,
    derandomize=True,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_one_that_the_description_promises(case: schemathesis.Case, cookie: str) -> None:
    headers = {"cookie": cookie, "host": "localhost:20128"}
    case.validate_response(case.call(headers=headers), checks=_CHECKS)
