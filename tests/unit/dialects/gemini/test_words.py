"""Chunks of words and counts alone are read in a shorter way, which must not be heard in the events."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from omniroute.dialects.gemini.frames import frame
from omniroute.dialects.gemini.stream_decoder import GeminiStreamDecoder
from omniroute.dialects.gemini.words import words_alone
from omniroute.ir.events import Event
from omniroute.ir.json import JsonObject

PARTS = st.fixed_dictionaries(
    {"text": st.text(max_size=5)}, optional={"thought": st.booleans(), "thoughtSignature": st.just("seal")}
)
COUNTS = st.fixed_dictionaries(
    {},
    optional={name: st.integers(0, 9) for name in ("promptTokenCount", "candidatesTokenCount", "totalTokenCount")},
)
CHUNKS = st.builds(
    lambda parts, about, more: {"candidates": [{"content": {"parts": parts}, "index": 0, **about}], **more},
    st.lists(PARTS, max_size=2),
    st.fixed_dictionaries({}, optional={"finishReason": st.just("STOP"), "safetyRatings": st.just([1])}),
    st.fixed_dictionaries({}, optional={"usageMetadata": COUNTS | st.none(), "modelVersion": st.just("m")}),
)


def events_of(payloads: list[bytes]) -> list[Event]:
    decoder = GeminiStreamDecoder()
    return [event for payload in payloads for event in decoder.feed(frame(payload))]


def looked_at_closely(chunk: JsonObject) -> bytes:
    """The only one of a list says the same, and the short way does not know it."""
    return msgspec.json.encode([chunk])


@given(st.lists(CHUNKS, max_size=5))
def test_the_short_way_and_the_long_way_tell_the_same(chunks: list[JsonObject]) -> None:
    begun = [b'{"candidates":[{"content":{"parts":[{"text":"So"}]}}],"responseId":"r"}']
    short = events_of(begun + [msgspec.json.encode(chunk) for chunk in chunks])
    assert short == events_of(begun + [looked_at_closely(chunk) for chunk in chunks])


def test_usual_chunks_of_words_go_the_short_way() -> None:
    usual = b'{"candidates":[{"content":{"parts":[{"text":"so"}],"role":"model"},"index":0}],"usageMetadata":'
    usual += b'{"promptTokenCount":9},"modelVersion":"m","responseId":"r"}'
    words = words_alone(usual)
    assert words is not None
    assert (words.text, words.usage_metadata) == ("so", {"promptTokenCount": 9})
    assert words_alone(usual.replace(b'"index":0', b'"index":0,"finishReason":"STOP"')) is None
