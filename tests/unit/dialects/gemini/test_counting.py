"""Contents alone and a whole request in `generateContentRequest` are the same question."""

from typing import Any

import msgspec
import pytest

from omniroute.dialects.counting import Count
from omniroute.dialects.gemini.counting import GeminiCounting
from omniroute.errors import InvalidRequest
from omniroute.ir.target import Target

COUNTING = GeminiCounting()
CONTENTS = [{"role": "user", "parts": [{"text": "hi"}]}]
WHOLE = {
    "contents": CONTENTS,
    "systemInstruction": {"parts": [{"text": "s"}]},
    "tools": [{"functionDeclarations": [{"name": "f"}]}],
}


@pytest.mark.parametrize(
    ("body", "counted"),
    [
        ({"contents": CONTENTS}, {"contents": CONTENTS}),
        ({"generateContentRequest": {"model": "models/up/x", **WHOLE}}, WHOLE),
        ({"generate_content_request": {"model": "models/up/x", **WHOLE}}, WHOLE),
    ],
)
def test_the_question_is_put_in_one_way(body: dict[str, Any], counted: dict[str, Any]) -> None:
    request = COUNTING.decode_question(body, "up/x")
    target = Target(provider="p", model="gemini x", dialect="gemini")
    assert COUNTING.path(target) == "/models/gemini%20x:countTokens"
    assert msgspec.json.decode(COUNTING.encode_question(request, target)) == {
        "generateContentRequest": {"model": "models/gemini x", **counted}
    }


@pytest.mark.parametrize("body", [{}, {"contents": []}, {"generateContentRequest": {"contents": []}}])
def test_a_question_without_contents_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest, match="contents"):
        COUNTING.decode_question(body, "m")


def test_an_answer_is_the_providers_own_or_a_number() -> None:
    said = {"totalTokens": 3, "cachedContentTokenCount": 1}
    assert COUNTING.decode_answer(msgspec.json.encode(said)) == Count(tokens=3, said=said)
    assert msgspec.json.decode(COUNTING.encode_answer(Count(tokens=3, provider="p", said=said))) == said
    assert COUNTING.encode_answer(Count(tokens=3)) == b'{"totalTokens":3}'


@pytest.mark.parametrize("body", [b"", b"{", b"{}", b'{"totalTokens":"x"}'])
def test_what_is_no_count_is_none(body: bytes) -> None:
    assert COUNTING.decode_answer(body) is None
