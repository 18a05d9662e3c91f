"""JSON bodies of questions, read before anything is known about who will answer them."""

import msgspec
import pytest

from omniroute.errors import InvalidRequest
from omniroute.surfaces.simple import in_json, reading


def test_a_body_is_kept_as_it_came() -> None:
    body = b'{ "model": "up/m", "input": ["a"], "odd": [1e2] }'
    asked = in_json(body)
    assert asked.raw == body
    assert (asked.model, asked.stream) == ("up/m", False)
    assert asked.fields == {"model": "up/m", "input": ["a"], "odd": [100.0]}


def test_a_stream_is_asked_for_in_the_usual_ways() -> None:
    assert in_json(b'{"model":"m","stream":true}').stream
    switched = in_json(b'{"model":"m","streaming":true}')
    assert switched.stream
    assert msgspec.json.decode(switched.raw) == switched.fields == {"model": "m", "stream": True}


@pytest.mark.parametrize("body", [b'{"input":"a"}', b'{"input":"a","model":null}'])
def test_an_operation_may_have_a_model_that_needs_no_name(body: bytes) -> None:
    asked = in_json(body, "omni")
    assert asked.model == "omni"
    assert msgspec.json.decode(asked.raw) == {"input": "a", "model": "omni"}
    assert in_json(b'{"input":"a","model":"mine"}', "omni").model == "mine"
    with pytest.raises(InvalidRequest, match="Missing model"):
        in_json(body)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b'{"model":"m","input":' + b"[" * 5000])
@pytest.mark.parametrize("model", [None, "omni"])
def test_what_is_no_object_is_refused_in_words(body: bytes, model: str | None) -> None:
    with pytest.raises(InvalidRequest, match="Invalid JSON body"):
        in_json(body, model)


def test_a_lone_surrogate_is_mended() -> None:
    assert in_json(rb'{"model":"m","input":"a\ud83d"}').fields["input"] == "a\ufffd"


def test_a_form_is_refused_where_json_is_wanted() -> None:
    with pytest.raises(InvalidRequest, match="it is a form"):
        reading()(b"--x", "multipart/form-data; boundary=x")
