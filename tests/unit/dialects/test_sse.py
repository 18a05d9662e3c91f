"""Server-sent events: the framing that every streaming dialect stands on."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniroute.dialects.sse import Frame, Framer, data_frame, event_frame
from omniroute.errors import UpstreamError
from tests.property.representation import chunkings


def frames_of(*chunks: bytes) -> list[Frame]:
    framer = Framer()
    found = [frame for chunk in chunks for frame in framer.feed(chunk)]
    return found + framer.close()


@pytest.mark.parametrize(
    ("wire", "event", "data"),
    [
        (b'data: {"a":1}\n\n', b"", b'{"a":1}'),
        (b'data:{"a":1}\n\n', b"", b'{"a":1}'),
        (b'data: {"a":1}\r\n\r\n', b"", b'{"a":1}'),
        (b'data: {"a":1}\r\r', b"", b'{"a":1}'),
        (b"event: ping\ndata: {}\n\n", b"ping", b"{}"),
        (b"event:  ping \ndata:  {} \n\n", b"ping", b" {} "),
        (b"event: ping\ndata:{}\n\n", b"ping", b"{}"),
        (b"event: ping\ndata: a\ndata: b\n\n", b"ping", b"a\nb"),
        (b"event: ping\n: note\ndata: a\n\n", b"ping", b"a"),
        (b"event: ping\ndata: a\revent: pong\n\n", b"pong", b"a"),
        (b"event: ping\ndata: a", b"ping", b"a"),
        (b"event: ping\ndata: a\n", b"ping", b"a"),
        (b"event: ping\n\n", b"ping", b""),
        (b"event:ping\r\ndata:{}\r\n\r\n", b"ping", b"{}"),
        (b"data: a\ndata: b\n\n", b"", b"a\nb"),
        (b"data:  two spaces\n\n", b"", b" two spaces"),
        (b"id: 7\nretry: 10\ndata: x\n\n", b"", b"x"),
        (b": a comment\ndata: x\n\n", b"", b"x"),
        (b": only a comment\n\n", b"", b""),
        (b"data\n\n", b"", b""),
        (b"\xef\xbb\xbfdata: x\n\n", b"", b"x"),
        (b"data: x", b"", b"x"),
        (b"data: x\n", b"", b"x"),
    ],
)
def test_a_frame_is_read_whatever_its_line_ends(wire: bytes, event: bytes, data: bytes) -> None:
    frames = frames_of(wire)
    assert [(frame.event, frame.data) for frame in frames] == [(event, data)]


def test_frames_keep_their_bytes() -> None:
    wire = b": hi\n\ndata: 1\n\nevent: x\ndata: 2\n\ndata: [DONE]\n\n"
    assert b"".join(frame.raw for frame in frames_of(wire)) == wire


def test_a_torn_tail_waits_for_its_end() -> None:
    framer = Framer()
    assert framer.feed(b"data: 1\n\ndata: 2") == [Frame(b"", b"1", b"data: 1\n\n")]
    assert framer.feed(b"\n") == []
    assert framer.feed(b"\n") == [Frame(b"", b"2", b"data: 2\n\n")]
    assert framer.close() == []


def test_a_stream_of_blank_lines_ends_in_nothing() -> None:
    framer = Framer()
    framer.feed(b"\n")
    assert framer.close() == []


def test_an_endless_frame_is_the_providers_fault() -> None:
    framer = Framer(max_frame_bytes=100)
    framer.feed(b"data: " + b"x" * 90)
    with pytest.raises(UpstreamError, match="more than 100 bytes") as caught:
        framer.feed(b"x" * 90)
    assert caught.value.kind == "protocol"


def test_the_encoders_write_what_the_framer_reads() -> None:
    wire = data_frame(b'{"a":1}') + event_frame(b"done", b"{}")
    frames = [(frame.event, frame.data) for frame in frames_of(wire)]
    assert frames == [(b"", b'{"a":1}'), (b"done", b"{}")]


payloads = st.text(alphabet=st.characters(codec="utf-8"), max_size=8).map(msgspec.json.encode)
line_ends = st.sampled_from([b"\n", b"\r\n", b"\r"])


@given(st.data(), line_ends)
def test_any_chunking_gives_the_same_frames(data: st.DataObject, line_end: bytes) -> None:
    blocks = data.draw(
        st.lists(
            st.tuples(st.sampled_from([b"", b": note", b"event: x"]), st.lists(payloads, max_size=2)), max_size=5
        )
    )
    wire = b"".join(
        b"".join(line + line_end for line in [head, *(b"data: " + body for body in bodies)] if line) + line_end
        for head, bodies in blocks
    )
    chunks = data.draw(chunkings(wire))
    assert [(frame.event, frame.data) for frame in frames_of(*chunks) if frame.data] == [
        (frame.event, frame.data) for frame in frames_of(wire) if frame.data
    ]
    assert wire.startswith(b"".join(frame.raw for frame in frames_of(*chunks)))


@given(st.data())
def test_a_character_may_be_torn_anywhere(data: st.DataObject) -> None:
    payload = data.draw(payloads)
    chunks = data.draw(chunkings(data_frame(payload)))
    assert [frame.data for frame in frames_of(*chunks)] == [payload]
