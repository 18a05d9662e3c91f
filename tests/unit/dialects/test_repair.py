"""Lone surrogate escapes: real clients cut strings in the middle of an emoji."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniroute.dialects.repair import with_paired_surrogates


@pytest.mark.parametrize(
    ("body", "mended"),
    [
        (rb'"\ud83d"', rb'"\ufffd"'),
        (rb'"\uDE00 alone"', rb'"\ufffd alone"'),
        (rb'"\ud83d\ude00"', rb'"\ud83d\ude00"'),
        (rb'"\ud83d\ud83d\ude00"', rb'"\ufffd\ud83d\ude00"'),
        (rb'"\ude00\ud83d"', rb'"\ufffd\ufffd"'),
        (rb'"\\ud83d"', rb'"\\ud83d"'),
        (rb'"\\\ud83d"', rb'"\\\ufffd"'),
        (rb'"caf\u00e9 \n"', rb'"caf\u00e9 \n"'),
    ],
)
def test_only_halves_of_pairs_are_replaced(body: bytes, mended: bytes) -> None:
    assert with_paired_surrogates(body) == mended


@given(st.text(alphabet=st.characters() | st.sampled_from('\ud83d\ude00\\"')))
def test_whatever_a_client_escapes_can_be_decoded_after_the_repair(text: str) -> None:
    body = json.dumps(text).encode()
    decoded = msgspec.json.decode(with_paired_surrogates(body))
    assert (
        decoded == json.loads(body).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        or "\ufffd" in decoded
    )
