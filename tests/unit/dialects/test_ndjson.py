"""Newline-delimited JSON: the framing of Ollama's streams."""

import pytest

from omniroute.dialects.ndjson import Line, LineFramer
from omniroute.errors import UpstreamError


def lines_of(*chunks: bytes) -> list[Line]:
    framer = LineFramer()
    found = [line for chunk in chunks for line in framer.feed(chunk)]
    return found + framer.close()


@pytest.mark.parametrize(
    ("chunks", "lines"),
    [
        ((b'{"a":1}\n{"b":2}\n',), [(b'{"a":1}', b'{"a":1}\n'), (b'{"b":2}', b'{"b":2}\n')]),
        ((b'{"a":', b"1}", b"\n"), [(b'{"a":1}', b'{"a":1}\n')]),
        ((b'{"a":1}\r\n',), [(b'{"a":1}', b'{"a":1}\r\n')]),
        ((b'{"a":1}',), [(b'{"a":1}', b'{"a":1}\n')]),
        ((b"\n\n",), [(b"", b"\n"), (b"", b"\n")]),
        ((b"\xef\xbb", b"\xbf{}\n"), [(b"{}", b"{}\n")]),
        ((b"\xef\xbb\xbf{}",), [(b"{}", b"{}\n")]),
        ((b'"\xf0\x9f', b'\x98\x80"\n'), [(b'"\xf0\x9f\x98\x80"', b'"\xf0\x9f\x98\x80"\n')]),
        ((b"   ",), []),
    ],
)
def test_lines_are_cut_wherever_the_chunks_end(
    chunks: tuple[bytes, ...], lines: list[tuple[bytes, bytes]]
) -> None:
    assert lines_of(*chunks) == lines


def test_a_line_that_never_ends_is_the_providers_fault() -> None:
    framer = LineFramer(max_line_bytes=10)
    framer.feed(b"0123456789\n01234")
    framer.feed(b"56789")
    with pytest.raises(UpstreamError, match="more than 10 bytes") as caught:
        framer.feed(b"x")
    assert caught.value.kind == "protocol"
