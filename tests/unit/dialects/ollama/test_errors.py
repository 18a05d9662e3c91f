"""Failures in the Ollama dialect, both ways."""

import pytest

from omniroute.dialects.ollama.dialect import Ollama
from omniroute.ir.failure import Failure, FailureKind
from tests.support import order_ollama

OLLAMA = Ollama()


@pytest.mark.parametrize(
    ("status", "body", "kind", "message"),
    [
        (
            400,
            b'{"error":"\\"x\\" does not support thinking"}',
            "invalid_request",
            '"x" does not support thinking',
        ),
        (401, b'{"error":"unauthorized","signin_url":"u"}', "authentication", "unauthorized"),
        (404, b'{"error":"model \'x\' not found"}', "not_found", "model 'x' not found"),
        (429, b'{"error":{"message":"slow down","code":"c"}}', "rate_limit", "slow down"),
        (500, b'{"error":"first\\nsecond"}', "server", "first"),
        (500, b"Internal Server Error", "server", "Internal Server Error"),
        (502, b"<html>nginx</html>", "server", "the provider answered with status 502"),
        (503, b'{"error":"server busy"}', "overloaded", "server busy"),
        (504, b"", "timeout", "the provider answered with status 504"),
        (418, b'{"message":"teapot"}', "invalid_request", "teapot"),
        (418, b"{}", "invalid_request", "the provider answered with status 418"),
    ],
)
def test_a_failure_is_read_from_any_body(status: int, body: bytes, kind: FailureKind, message: str) -> None:
    failure = OLLAMA.decode_failure(status, {}, body)
    assert (failure.kind, failure.status, failure.message) == (kind, status, message)


@pytest.mark.parametrize(("status", "told"), [(400, 400), (402, 402), (429, 429), (529, 529), (0, 502)])
def test_a_client_gets_the_status_and_a_string(status: int, told: int) -> None:
    failure = Failure(kind="server", status=status, message="no")
    reply = OLLAMA.encode_failure(failure, "req_1")
    assert (reply.status, reply.body, reply.content_type) == (told, b'{"error":"no"}', "application/json")
    assert order_ollama.error(OLLAMA.encode_stream_failure(failure, "req_1").removesuffix(b"\n")) == "no"
