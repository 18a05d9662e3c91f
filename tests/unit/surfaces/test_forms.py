"""Forms as clients send them, well and badly."""

import pytest

from omniroute.dialects.simple.base import Upload
from omniroute.errors import InvalidRequest
from omniroute.surfaces.forms import in_form

TYPE = "multipart/form-data; boundary=XX"


def part(head: str, data: bytes = b"m") -> bytes:
    return f"--XX\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() + data + b"\r\n"


MODEL = part('name="model"', b" up/whisper-1 ")
FILE = part('name="file"; filename="a.mp3"', b"ID3\r\n")
END = b"--XX--\r\n"


def test_a_form_is_fields_and_files() -> None:
    body = MODEL + part('name="t[]"', b"word") + part('name="t[]"', b"segment") + FILE + END
    asked = in_form(body, TYPE)
    assert asked.model == "up/whisper-1"
    assert asked.fields == {"model": " up/whisper-1 ", "t[]": ["word", "segment"]}
    assert asked.uploads == (Upload(field="file", filename="a.mp3", content_type="", data=b"ID3\r\n"),)
    assert (asked.stream, asked.content_type) == (False, TYPE)


@pytest.mark.parametrize(("said", "streams"), [(b"true", True), (b"True", True), (b"false", False)])
def test_a_form_can_ask_for_a_stream(said: bytes, streams: bool) -> None:
    assert in_form(MODEL + part('name="stream"', said) + END, TYPE).stream is streams


@pytest.mark.parametrize(
    "content_type", ["", "application/json", "multipart/form-data", "multipart/mixed; boundary=XX"]
)
def test_what_is_no_form_is_refused(content_type: str) -> None:
    with pytest.raises(InvalidRequest, match="Invalid multipart form data: the content type must be"):
        in_form(MODEL + END, content_type)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        MODEL,
        MODEL[:20],
        b"--XX\r\n\r\nx\r\n" + END,
        part('name="model"', b"\xff") + END,
        part('name="model"', b"x" * (1024 * 1024 + 1)) + END,
        part('name="a"') * 200 + END,
    ],
)
def test_a_broken_form_is_refused_in_one_line(body: bytes) -> None:
    with pytest.raises(InvalidRequest, match=r"^Invalid multipart form data: [^\n]+$"):
        in_form(body, TYPE)


@pytest.mark.parametrize("body", [FILE + END, part('name="model"', b"  ") + END, part('name="model"') * 2 + END])
def test_a_form_names_one_model(body: bytes) -> None:
    with pytest.raises(InvalidRequest, match="Missing model"):
        in_form(body, TYPE)
