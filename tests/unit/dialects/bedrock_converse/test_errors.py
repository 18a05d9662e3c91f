"""What a failure of Bedrock means, before and inside a stream."""

import pytest

from omniroute.dialects.bedrock_converse.dialect import BedrockConverse
from omniroute.ir.events import Failed, Finished
from omniroute.ir.failure import Failure
from tests.support.eventstream import event, exception, message

CONVERSE = BedrockConverse()


@pytest.mark.parametrize(
    ("status", "name", "kind"),
    [
        (429, "ThrottlingException:http://internal.amazon.com/coral/x/", "rate_limit"),
        (429, "ModelNotReadyException", "overloaded"),
        (503, "ServiceUnavailableException", "overloaded"),
        (403, "AccessDeniedException", "permission"),
        (403, "UnrecognizedClientException", "authentication"),
        (403, "ExpiredTokenException", "authentication"),
        (400, "com.amazon.coral.validate#ValidationException", "invalid_request"),
        (400, "ServiceQuotaExceededException", "rate_limit"),
        (408, "ModelTimeoutException", "timeout"),
        (404, "ResourceNotFoundException", "not_found"),
        (424, "ModelErrorException", "server"),
        (418, "TeapotException", "invalid_request"),
    ],
)
def test_the_name_of_an_exception_says_what_it_is(status: int, name: str, kind: str) -> None:
    failure = CONVERSE.decode_failure(status, {"x-amzn-errortype": name}, b'{"message":"why\\n  at line"}')
    assert (failure.status, failure.kind, failure.message) == (status, kind, "why")
    assert failure.code == name.partition(":")[0].rpartition("#")[2]


def test_the_name_may_stand_in_the_body() -> None:
    failure = CONVERSE.decode_failure(429, {}, b'{"__type":"x#ThrottlingException","Message":"slow"}')
    assert (failure.kind, failure.code, failure.message) == ("rate_limit", "ThrottlingException", "slow")


def _failed(frames: bytes) -> Failure:
    decoder = CONVERSE.stream_decoder()
    last = [*decoder.feed(frames), *decoder.close()][-1]
    assert isinstance(last, Failed)
    return last.failure


def test_an_exception_in_a_stream_ends_it() -> None:
    start = event("messageStart", b'{"role":"assistant"}')
    failure = _failed(start + exception("throttlingException", b'{"message":"slow down"}') + start)
    assert (failure.kind, failure.status, failure.code) == ("rate_limit", 429, "ThrottlingException")
    assert failure.message == "slow down"


def test_an_error_in_a_stream_ends_it_too() -> None:
    headers = {":message-type": "error", ":error-code": "InternalServerException", ":error-message": "broke"}
    failure = _failed(message(headers, b""))
    assert (failure.kind, failure.message) == ("server", "broke")


def test_a_stream_without_its_last_event_lost_only_its_bill() -> None:
    decoder = CONVERSE.stream_decoder()
    events = [*decoder.feed(event("messageStop", b'{"stopReason":"max_tokens"}')), *decoder.close()]
    last = events[-1]
    assert isinstance(last, Finished)
    assert last.finish.reason == "length"


def test_an_answer_that_is_a_failure_is_one() -> None:
    failure = CONVERSE.decode_response(b'{"__type":"ThrottlingException","message":"slow"}')
    assert isinstance(failure, Failure)
    assert failure.kind == "rate_limit"
