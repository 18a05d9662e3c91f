"""What is worth keeping, and how it is written down."""

import pytest

from omniroute.caching.kept import LIMIT_BYTES, Kept, fit, packed, unpacked
from omniroute.ir.parts import Text
from omniroute.ir.result import Finish, FinishReason, GenerateResponse


def response(text: str = "hello", reason: FinishReason = "stop") -> GenerateResponse:
    parts = (Text(text=text),) if text else ()
    return GenerateResponse(id="1", model="m", parts=parts, finish=Finish(reason=reason))


def kept(text: str) -> Kept:
    return Kept(response=response(text), provider="p", model="m", dialect="d", at=1.0)


@pytest.mark.parametrize("reason", ["stop", "stop_sequence", "tool_calls"])
def test_what_the_model_ended_is_fit(reason: FinishReason) -> None:
    assert fit(response(reason=reason))


@pytest.mark.parametrize("reason", ["length", "context", "filter", "pause", "other"])
def test_what_was_cut_short_is_not(reason: FinishReason) -> None:
    assert not fit(response(reason=reason))


def test_an_answer_without_content_is_not() -> None:
    assert not fit(response(""))


def test_a_very_long_answer_is_not_kept() -> None:
    assert packed(kept("x" * LIMIT_BYTES)) is None


def test_text_that_cannot_be_written_is_not_kept() -> None:
    assert packed(kept("half a pair: \ud83d")) is None


@pytest.mark.parametrize("data", [b"", b"{}", b'{"response":{}}', b"\xff"])
def test_what_another_version_wrote_is_nothing(data: bytes) -> None:
    assert unpacked(data) is None
