"""The envelope: a body opened as far as routing needs, and patched without touching anything else."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniroute.dialects.envelope import Address, open_envelope
from omniroute.errors import InvalidRequest
from tests.property.representation import json_values, words

BODY = b'{ "model" : "openai/gpt-4o","temperature":1e2,"messages": [ {"role":"user"} ], "big": 123456789012345678}'


def test_an_envelope_knows_the_model_and_leaves_the_rest_alone() -> None:
    envelope = open_envelope(BODY)
    assert (envelope.model, envelope.stream, envelope.include_usage) == ("openai/gpt-4o", None, False)
    assert envelope.value("temperature") == 100
    assert envelope.value("absent") is None
    assert envelope.body is BODY
    assert envelope.patched({}) is BODY
    assert not envelope.repaired


def test_a_patch_changes_only_the_named_members() -> None:
    patched = open_envelope(BODY).patched({"model": b'"gpt-4o"', "temperature": None, "user": b'"u"'})
    assert patched == b'{"model":"gpt-4o","messages":[ {"role":"user"} ],"big":123456789012345678,"user":"u"}'


@given(st.dictionaries(words, json_values, max_size=4), st.dictionaries(words, json_values, max_size=2))
def test_every_member_that_is_not_named_keeps_its_bytes_and_its_place(
    members: dict[str, Any], changes: dict[str, Any]
) -> None:
    before = {
        "model": "m",
        **{name: value for name, value in members.items() if name != "stream"},
        "z": [1.0, 1e300],
    }
    changes.pop("model", None)
    body = msgspec.json.encode(before)
    patched = open_envelope(body).patched({name: msgspec.json.encode(value) for name, value in changes.items()})
    raw_before = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    raw_after = msgspec.json.decode(patched, type=dict[str, msgspec.Raw])
    assert list(raw_after) == list({**before, **changes})
    for name, value in raw_before.items():
        if name not in changes:
            assert bytes(raw_after[name]) == bytes(value)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "empty"),
        (b"  ", "empty"),
        (b"{", "Invalid JSON body"),
        (b'{"model":"m"} x', "trailing characters"),
        (b"[]", "must be an object"),
        (b"null", "must be an object"),
        (b'"model"', "must be an object"),
        (b'\xef\xbb\xbf{"model":"m"}', "byte order mark"),
        ('{"model":"m"}'.encode("utf-16"), "byte order mark"),
        (b'{"model":"m","temperature":NaN}', "NaN"),
        (b'{"model":"m","x":[-Infinity]}', "NaN"),
        (b'{"model":"m","x":"\xff"}', "not UTF-8"),
        (b'{"model":"m","x":"\xed\xa0\xbd"}', "not UTF-8"),
        (b'{"model":"m","x":' + b"[" * 2000 + b"]" * 2000 + b"}", "nested too deeply"),
        (b"{}", "Missing model"),
        (b'{"model":null}', "Missing model"),
        (b'{"model":" "}', "Missing model"),
        (b'{"model":7}', "must be a string, not 7"),
        (b'{"model":"a\\u0007b"}', "Invalid model format"),
        (b'{"model":"../etc/passwd"}', "Invalid model format"),
        (b'{"model":"a/..\\\\b"}', "Invalid model format"),
        (b'{"model":"m","stream":"yes"}', "'yes'"),
    ],
)
def test_a_body_that_cannot_be_used_says_why(body: bytes, message: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        open_envelope(body)
    assert caught.value.status == 400
    assert message in caught.value.message
    assert "\n" not in caught.value.message


def test_half_an_emoji_is_repaired_and_said_so() -> None:
    envelope = open_envelope(rb'{"model":"m","messages":[{"content":"cut \ud83d"}],"ok":"\ud83d\ude00"}')
    assert envelope.repaired
    assert envelope.decoded()["messages"] == [{"content": "cut \ufffd"}]
    assert rb'"\ud83d\ude00"' in envelope.body


@pytest.mark.parametrize(
    ("members", "stream", "corrections"),
    [
        ({"stream": True}, True, {}),
        ({"stream": False}, False, {}),
        ({"stream": None}, None, {}),
        ({"streaming": True}, True, {"streaming": None, "stream": b"true"}),
        ({"streaming": False}, False, {"streaming": None, "stream": b"false"}),
        ({"non_stream": True}, False, {"non_stream": None, "stream": b"false"}),
        ({"disable_stream": True}, False, {"disable_stream": None, "stream": b"false"}),
        ({"disable_streaming": True}, False, {"disable_streaming": None, "stream": b"false"}),
        ({"disable_stream": False}, None, {"disable_stream": None}),
        ({"stream": True, "non_stream": True}, True, {"non_stream": None}),
        (
            {"streaming": True, "non_stream": True},
            False,
            {"streaming": None, "non_stream": None, "stream": b"false"},
        ),
    ],
)
def test_stream_switches_of_many_clients_become_one(
    members: dict[str, Any], stream: bool | None, corrections: dict[str, bytes | None]
) -> None:
    envelope = open_envelope(msgspec.json.encode({"model": "m", **members}))
    assert (envelope.stream, envelope.corrections) == (stream, corrections)


@pytest.mark.parametrize(
    ("options", "asked"),
    [({"include_usage": True}, True), ({"include_usage": False}, False), (None, False), ("x", False)],
)
def test_an_envelope_knows_whether_usage_was_asked_for(options: Any, asked: bool) -> None:
    assert open_envelope(msgspec.json.encode({"model": "m", "stream_options": options})).include_usage is asked


def test_an_address_says_what_the_body_does_not() -> None:
    body = b'{"contents": [], "generation_config" : {} }'
    envelope = open_envelope(body, Address("up/org/model", stream=True))
    assert (envelope.model, envelope.stream, envelope.corrections) == ("up/org/model", True, {})
    assert envelope.patched(envelope.corrections) is body
    assert envelope.decoded() == {"contents": [], "generation_config": {}, "model": "up/org/model", "stream": True}


def test_a_body_that_repeats_its_address_is_corrected() -> None:
    envelope = open_envelope(b'{"model": 7, "contents": [], "stream": "no"}', Address("m", stream=False))
    assert (envelope.model, envelope.stream) == ("m", False)
    assert envelope.patched(envelope.corrections) == b'{"contents":[]}'


def test_an_address_that_leads_elsewhere_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="Invalid model format"):
        open_envelope(b"{}", Address("../files/secret", stream=False))
