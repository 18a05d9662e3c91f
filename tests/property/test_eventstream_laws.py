"""Laws of Amazon's binary event streams: any chunking is the same, and no broken byte goes unseen."""

import contextlib
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniroute.dialects.eventstream import MAX_MESSAGE_BYTES, MessageFramer
from omniroute.errors import UpstreamError
from tests.property.representation import chunkings
from tests.support.eventstream import message

_headers = st.dictionaries(st.text("abc:-", min_size=1, max_size=6), st.text(max_size=6), max_size=3)
_messages = st.lists(st.tuples(_headers, st.binary(max_size=20)), max_size=4)


@given(st.data(), _messages)
def test_any_chunking_gives_the_messages_that_were_written(
    data: st.DataObject, messages: list[tuple[dict[str, str], bytes]]
) -> None:
    wire = b"".join(message(headers, payload) for headers, payload in messages)
    framer = MessageFramer()
    found = [one for chunk in data.draw(chunkings(wire)) for one in framer.feed(chunk)]
    assert [(one.headers, one.payload) for one in found] == messages
    assert not framer.torn


@given(st.data(), _headers, st.binary(max_size=20))
def test_a_flipped_bit_is_never_taken_for_a_message(
    data: st.DataObject, headers: dict[str, str], payload: bytes
) -> None:
    wire = bytearray(message(headers, payload))
    at = data.draw(st.integers(0, len(wire) * 8 - 1))
    wire[at // 8] ^= 1 << at % 8
    framer = MessageFramer()
    with pytest.raises(UpstreamError) as caught:
        framer.feed(bytes(wire))
    assert caught.value.kind == "protocol"


@given(st.binary(max_size=60))
def test_garbage_gives_no_message(raw: bytes) -> None:
    framer = MessageFramer()
    with contextlib.suppress(UpstreamError):
        assert framer.feed(raw) == []


def test_a_message_that_announces_too_much_is_refused_before_it_comes() -> None:
    prelude = (MAX_MESSAGE_BYTES + 1).to_bytes(4) + (0).to_bytes(4)
    with pytest.raises(UpstreamError, match="announces"):
        MessageFramer().feed(prelude + zlib.crc32(prelude).to_bytes(4))


def test_messages_of_the_published_encoding_are_read() -> None:
    """The empty message of Amazon's own test vectors, and one that botocore 1.44.5 reads the same way."""
    assert MessageFramer().feed(bytes.fromhex("000000100000000005c248eb7d98c8ff")) == [({}, b"")]
    stop = bytes.fromhex(
        "0000007a00000051ca2c46650d3a6d6573736167652d747970650700056576656e740b3a6576656e742d7479706507000b6d6573"
        "7361676553746f700d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e7b2273746f70526561736f"
        "6e223a22656e645f7475726e227d3dc33bfa"
    )
    (found,) = MessageFramer().feed(stop)
    assert found.word(":event-type") == "messageStop"
    assert found.payload == b'{"stopReason":"end_turn"}'


def test_every_type_of_header_is_read() -> None:
    block = (
        b"\x01a\x00\x01b\x01\x01c\x02\xff\x01d\x03\x01\x00\x01e\x04\xff\xff\xff\xfe\x01f\x05" + (7).to_bytes(8)
        + b"\x01g\x06\x00\x02hi\x01h\x07\x00\x02hi\x01i\x08" + (9).to_bytes(8) + b"\x01j\x09" + bytes(16)
    )  # fmt: skip
    prelude = (16 + len(block)).to_bytes(4) + len(block).to_bytes(4)
    whole = prelude + zlib.crc32(prelude).to_bytes(4) + block
    (found,) = MessageFramer().feed(whole + zlib.crc32(whole).to_bytes(4))
    assert found.headers == {
        "a": True, "b": False, "c": -1, "d": 256, "e": -2, "f": 7, "g": b"hi", "h": "hi", "i": 9, "j": "00" * 16,
    }  # fmt: skip
