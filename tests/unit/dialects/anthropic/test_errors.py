"""Errors of the Messages API: what a provider's failure means, and how a failure is told."""

import msgspec
import pytest

from omniroute.dialects.anthropic.errors import decode_failure, encode_failure, encode_stream_failure
from omniroute.ir.failure import Failure
from tests.support import strict


def body(word: str, message: str = "no") -> bytes:
    return msgspec.json.encode({"type": "error", "error": {"type": word, "message": message}, "request_id": "r"})


@pytest.mark.parametrize(
    ("status", "word", "kind"),
    [
        (400, "invalid_request_error", "invalid_request"),
        (401, "authentication_error", "authentication"),
        (402, "billing_error", "payment"),
        (403, "permission_error", "permission"),
        (404, "not_found_error", "not_found"),
        (413, "request_too_large", "invalid_request"),
        (422, "invalid_request_error", "invalid_request"),
        (429, "rate_limit_error", "rate_limit"),
        (500, "api_error", "server"),
        (502, "api_error", "server"),
        (503, "overloaded_error", "overloaded"),
        (504, "timeout_error", "timeout"),
        (529, "overloaded_error", "overloaded"),
    ],
)
def test_a_status_is_understood_and_told_again(status: int, word: str, kind: str) -> None:
    failure = decode_failure(status, body(word))
    assert (failure.kind, failure.status, failure.message, failure.code) == (kind, status, "no", word)
    reply = encode_failure(failure, "req_1")
    assert reply.status == status
    assert strict.anthropic_error(reply.body) == {
        "type": "error",
        "error": {"type": word, "message": "no"},
        "request_id": "req_1",
    }


def test_an_account_without_credit_is_a_matter_of_payment() -> None:
    failure = decode_failure(400, body("invalid_request_error", "Your credit balance is too low to go on."))
    assert (failure.kind, failure.status) == ("payment", 400)


@pytest.mark.parametrize("raw", [b"", b"<html>\n<h1>Bad gateway</h1>", b'"text"', b'{"error":"text"}', b"\xff"])
def test_a_body_that_is_no_error_object_never_reaches_the_client(raw: bytes) -> None:
    failure = decode_failure(502, raw)
    assert failure.message == "the provider answered with status 502"


def test_only_the_first_line_of_a_message_is_told() -> None:
    assert decode_failure(500, body("api_error", "first\n  at secret.py:1")).message == "first"


def test_a_failure_without_an_error_status_is_told_as_a_bad_gateway() -> None:
    failure = Failure(kind="empty", status=200, message="nothing came")
    assert encode_failure(failure, "r").status == 502


def test_a_failure_in_a_stream_is_an_error_event() -> None:
    failure = Failure(kind="rate_limit", status=429, message="slow down")
    assert encode_stream_failure(failure, "req_1") == (
        b'event: error\ndata: {"type":"error","error":{"type":"rate_limit_error","message":"slow down"},'
        b'"request_id":"req_1"}\n\n'
    )
