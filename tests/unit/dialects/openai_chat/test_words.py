"""Chunks of words alone are read in a shorter way, which must not be heard in the events."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from omniroute.dialects.openai_chat.stream_decoder import ChatStreamDecoder
from omniroute.dialects.openai_chat.words import words_alone
from omniroute.dialects.sse import data_frame
from omniroute.ir.events import Event
from omniroute.ir.json import JsonObject

NULL = st.none()
DELTAS = st.fixed_dictionaries(
    {},
    optional={
        "content": st.text(max_size=5) | NULL,
        "role": st.sampled_from(["assistant", "", None]),
        "refusal": NULL | st.just("no"),
        "reasoning_content": NULL | st.just("hm"),
        "tool_calls": NULL | st.just([]),
    },
)
CHUNKS = st.builds(
    lambda delta, choice, more: {"id": "1", "choices": [{"index": 0, "delta": delta, **choice}], **more},
    DELTAS,
    st.fixed_dictionaries(
        {}, optional={"logprobs": NULL | st.just({"content": []}), "finish_reason": NULL | st.just("stop")}
    ),
    st.fixed_dictionaries(
        {},
        optional={
            "usage": NULL | st.just({"prompt_tokens": 5, "completion_tokens": 2}),
            "error": NULL | st.just({"message": "broken"}) | st.just(False),
            "x": st.integers(0, 3),
        },
    ),
)


def events_of(chunks: list[JsonObject]) -> list[Event]:
    decoder = ChatStreamDecoder()
    return [event for chunk in chunks for event in decoder.feed(data_frame(msgspec.json.encode(chunk)))]


def looked_at_closely(chunk: JsonObject) -> JsonObject:
    """The same with a member that says nothing and that the short way does not know."""
    choice = chunk["choices"][0]
    return {**chunk, "choices": [{**choice, "delta": {**choice["delta"], "unheard_of": None}}]}


@given(st.lists(CHUNKS, max_size=5))
def test_the_short_way_and_the_long_way_tell_the_same(chunks: list[JsonObject]) -> None:
    begun = [{"id": "1", "choices": [{"index": 0, "delta": {"content": "So"}}]}]
    assert events_of(begun + chunks) == events_of([*begun, *map(looked_at_closely, chunks)])


def test_usual_chunks_of_words_go_the_short_way() -> None:
    usual = (
        b'{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","system_fingerprint":"f","choices":'
    )
    usual += b'[{"index":0,"delta":{"content":"so"},"logprobs":null,"finish_reason":null}],"usage":null}'
    assert words_alone(usual) == "so"
    assert words_alone(usual.replace(b"so", b"")) is None
    assert words_alone(usual.replace(b'"finish_reason":null', b'"finish_reason":"stop"')) is None
