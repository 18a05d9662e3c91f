"""The management API keeps to its own OpenAPI description, whatever it is sent by somebody who is logged in."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from tests.unit.management.house import HOST, House, housed

EXAMPLES = 10

CHECKS = [
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


def test_every_answer_is_one_that_the_description_promises(house: House) -> None:
    admin = house.admin()
    headers = {"cookie": f"auth_token={admin.cookies['auth_token']}", "host": HOST}
    node = {"name": "n", "prefix": "n", "apiType": "chat", "baseUrl": "http://10.0.0.1/v1"}
    connection = {"provider": "openai", "name": "c", "apiKey": "k"}
    real = {
        "key_id": admin.post("/api/keys", json={"name": "k"}).json()["id"],
        "node_id": admin.post("/api/provider-nodes", json=node).json()["node"]["id"],
        "connection_id": admin.post("/api/providers", json=connection).json()["connection"]["id"],
    }
    document = admin.get("/api/openapi.json").json()
    document.pop("security")  # or else credentials are made up too, and little is seen but 401
    description = schemathesis.openapi.from_dict(document)
    description.app = house.app
    asked: Counter[str] = Counter()
    answered: Counter[int] = Counter()

    def examine(operation: schemathesis.schemas.APIOperation, mode: GenerationMode) -> None:
        @settings(max_examples=EXAMPLES, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy(generation_mode=mode), exists=st.booleans())
        def holds(case: schemathesis.Case, exists: bool) -> None:
            if exists and mode is GenerationMode.POSITIVE and case.method != "DELETE":
                case.path_parameters |= {name: real[name] for name in case.path_parameters if name in real}
            answer = case.call(headers=headers)
            asked[operation.label] += 1
            answered[answer.status_code] += 1
            case.validate_response(answer, checks=CHECKS)

        holds()

    for found in description.get_all_operations():
        operation = found.ok()
        if operation.label == "POST /api/auth/logout":
            continue  # it would end the session that all the others need
        examine(operation, GenerationMode.POSITIVE)
        if operation.body or operation.query or operation.path_parameters:
            examine(operation, GenerationMode.NEGATIVE)
    assert len(asked) >= 25
    assert answered[200] > 50
    assert answered[201] > 0
    assert admin.get("/api/keys").status_code == 200
