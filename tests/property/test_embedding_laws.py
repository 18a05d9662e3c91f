"""Laws of embeddings: vectors survive the way to base64 and back, and every conversation ends in an answer or a
failure, whatever the provider says."""

import struct

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniroute.dialects.simple.base import Got
from omniroute.dialects.simple.registry import CODECS
from omniroute.dialects.simple.vectors import is_packed, packed, unpacked
from omniroute.ir.failure import Failure
from tests.support.conversing import asked, text_question

EMBEDDERS = [codec for name, codec in CODECS.items() if "embeddings" in name]
NUMBERS = st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), max_size=20)
NAMES = ("data", "embedding", "embeddings", "values", "usage", "error", "index", "message", "prompt_eval_count")
VALUES = st.recursive(
    st.none() | st.integers(-5, 5) | st.floats(allow_nan=False) | st.sampled_from(["", "AAAAAA==", "AACAPw=="]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=12,
)
REPLIES = st.builds(
    Got,
    status=st.sampled_from([200, 200, 200, 201, 302, 400, 422, 429, 500]),
    body=VALUES.map(msgspec.json.encode),
) | st.builds(Got, status=st.sampled_from([200, 400]), body=st.binary(max_size=12))


@given(NUMBERS)
def test_a_vector_survives_the_way_to_base64_and_back(numbers: list[float]) -> None:
    there = packed(msgspec.Raw(msgspec.json.encode(numbers)))
    assert is_packed(there)
    assert msgspec.json.decode(unpacked(there), type=list[float]) == numbers
    assert struct.unpack(f"<{len(numbers)}f", struct.pack(f"<{len(numbers)}f", *numbers)) == tuple(numbers)


@pytest.mark.parametrize("codec", EMBEDDERS, ids=lambda codec: codec.name)
@given(reply=REPLIES, wish=st.sampled_from([None, "float", "base64"]))
def test_a_conversation_ends_whatever_the_provider_says(codec, reply: Got, wish: str | None) -> None:
    held = asked(codec, text_question(input="a", encoding_format=wish), reply)
    assert len(held.sends) <= 2
    if isinstance(held.result, Failure):
        assert 400 <= held.result.status <= 599
        return
    for item in held.json["data"]:
        assert isinstance(item["embedding"], str if wish == "base64" else list)
