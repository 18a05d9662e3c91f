"""Failures in the chat dialect, both ways."""

from typing import Any

import msgspec
import pytest

from omniroute.dialects.openai_chat.dialect import OpenAIChat
from omniroute.ir.failure import Failure, FailureKind

CHAT = OpenAIChat()


@pytest.mark.parametrize(
    ("status", "body", "kind", "message", "code"),
    [
        (
            400,
            b'{"error":{"message":"too long","type":"invalid_request_error","code":"context_length_exceeded"}}',
            "invalid_request",
            "too long",
            "context_length_exceeded",
        ),
        (401, b'{"error":{"message":"bad key"}}', "authentication", "bad key", None),
        (402, b'{"error":"no credits"}', "payment", "no credits", None),
        (403, b'{"detail":"forbidden"}', "permission", "forbidden", None),
        (404, b'{"message":"no such model","code":404}', "not_found", "no such model", None),
        (408, b"", "timeout", "the provider answered with status 408", None),
        (
            422,
            b'{"detail":[{"msg":"field required"},{"msg":"extra"}]}',
            "invalid_request",
            "field required; extra",
            None,
        ),
        (429, b'[{"error":{"message":"quota","status":"RESOURCE_EXHAUSTED"}}]', "rate_limit", "quota", None),
        (500, b"Internal Server Error", "server", "Internal Server Error", None),
        (502, b"<html><body>nginx</body></html>", "server", "the provider answered with status 502", None),
        (503, b'{"error":{"message":"first line\\n  at stack.js:1"}}', "overloaded", "first line", None),
        (504, b"\xff\xfe", "timeout", "\ufffd\ufffd", None),
        (529, b"{}", "overloaded", "the provider answered with status 529", None),
    ],
)
def test_a_failure_is_read_from_any_body(
    status: int, body: bytes, kind: FailureKind, message: str, code: str | None
) -> None:
    failure = CHAT.decode_failure(status, {}, body)
    assert (failure.kind, failure.status, failure.message, failure.code) == (kind, status, message, code)


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        (
            Failure(kind="invalid_request", status=400, message="no"),
            {"type": "invalid_request_error", "code": "bad_request"},
        ),
        (
            Failure(kind="authentication", status=401, message="no"),
            {"type": "authentication_error", "code": "invalid_api_key"},
        ),
        (Failure(kind="payment", status=402, message="no"), {"type": "billing_error", "code": "payment_required"}),
        (
            Failure(kind="not_found", status=404, message="no", code="model_not_found"),
            {"type": "invalid_request_error", "code": "model_not_found"},
        ),
        (
            Failure(kind="rate_limit", status=429, message="no", raw={"param": "p"}),
            {"type": "rate_limit_error", "code": "rate_limit_exceeded", "param": "p"},
        ),
        (
            Failure(kind="overloaded", status=529, message="no"),
            {"type": "server_error", "code": "internal_server_error"},
        ),
        (Failure(kind="invalid_request", status=418, message="no"), {"type": "invalid_request_error", "code": ""}),
        (
            Failure(kind="invalid_request", status=400, message="no", code="unsupported_feature"),
            {"type": "invalid_request_error", "code": "unsupported_feature"},
        ),
    ],
)
def test_a_client_gets_the_type_and_code_of_the_table(failure: Failure, error: dict[str, Any]) -> None:
    reply = CHAT.encode_failure(failure, "req_1")
    assert reply.status == failure.status
    assert msgspec.json.decode(reply.body) == {"error": {"message": "no", "param": None, **error}}


def test_a_stream_ends_in_the_error_and_done() -> None:
    raw = CHAT.encode_stream_failure(Failure(kind="server", status=502, message="gone"), "req_1")
    assert raw.endswith(b"}\n\ndata: [DONE]\n\n")
    assert msgspec.json.decode(raw.split(b"\n\n")[0][6:])["error"]["message"] == "gone"


@pytest.mark.parametrize(
    ("message", "told"),
    [("no\nTraceback: a.py", "no"), ("\n", "the provider reported an error without words")],
)
def test_only_the_first_line_of_a_failure_reaches_a_client(message: str, told: str) -> None:
    failure = Failure(kind="server", status=500, message=message)
    assert msgspec.json.decode(CHAT.encode_failure(failure, "req_1").body)["error"]["message"] == told
