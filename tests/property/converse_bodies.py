"""Hypothesis strategies for what the Converse API answers: whole answers, and the same as a binary stream."""

import base64
from typing import Any

import msgspec
from hypothesis import strategies as st

from tests.property.representation import json_objects, names, texts, words
from tests.support.eventstream import event, exception

Json = dict[str, Any]

_ids = st.integers(0, 10**6).map(lambda number: f"tooluse_{number}")
_bytes = st.binary(min_size=1, max_size=12).map(lambda raw: base64.b64encode(raw).decode())
_citations: st.SearchStrategy[Json] = st.builds(
    lambda title, start: {"title": title, "location": {"documentChar": {"documentIndex": 0, "start": start}}},
    words,
    st.integers(0, 9),
)
text_blocks = words.map(lambda text: {"text": text})
cited_blocks = st.builds(
    lambda text, citations: {"citationsContent": {"content": [{"text": text}], "citations": citations}},
    words,
    st.lists(_citations, min_size=1, max_size=2),
)
tool_blocks = st.builds(
    lambda call_id, name, arguments: {"toolUse": {"toolUseId": call_id, "name": name, "input": arguments}},
    _ids,
    names,
    json_objects,
)
thinking_blocks = st.builds(
    lambda text, signature: {
        "reasoningContent": {"reasoningText": {"text": text} | ({"signature": signature} if signature else {})}
    },
    words,
    st.none() | words,
)
redacted_blocks = _bytes.map(lambda data: {"reasoningContent": {"redactedContent": data}})
image_blocks = _bytes.map(lambda data: {"image": {"format": "png", "source": {"bytes": data}}})
_blocks = st.one_of(text_blocks, cited_blocks, tool_blocks, thinking_blocks, redacted_blocks, image_blocks)
_counts = st.integers(0, 10**6)
usages: st.SearchStrategy[Json] = st.fixed_dictionaries(
    {"inputTokens": _counts, "outputTokens": _counts, "totalTokens": _counts},
    optional={"cacheReadInputTokens": _counts, "cacheWriteInputTokens": _counts},
)
stop_reasons = st.sampled_from(
    ["end_turn", "tool_use", "max_tokens", "stop_sequence", "guardrail_intervened", "content_filtered", "new_one"]
)
answers: st.SearchStrategy[Json] = st.builds(
    lambda blocks, reason, usage: {
        "output": {"message": {"role": "assistant", "content": blocks}},
        "stopReason": reason,
        "usage": usage,
        "metrics": {"latencyMs": 7},
    },
    st.lists(_blocks, max_size=4),
    stop_reasons,
    usages,
)


@st.composite
def streamed(draw: st.DrawFn, answer: Json) -> list[bytes]:
    """The messages in which `answer` would come as a stream."""
    frames = [_event("messageStart", {"role": "assistant"})]
    for index, block in enumerate(answer["output"]["message"]["content"]):
        start, deltas = _cut(draw, block)
        if start is not None:
            frames.append(_event("contentBlockStart", {"start": start, "contentBlockIndex": index}))
        for delta in deltas:
            padding = {"p": "abcd"} if draw(st.booleans()) else {}
            frames.append(_event("contentBlockDelta", {"delta": delta, "contentBlockIndex": index, **padding}))
        frames.append(_event("contentBlockStop", {"contentBlockIndex": index}))
    frames.append(_event("messageStop", {"stopReason": answer["stopReason"]}))
    frames.append(_event("metadata", {"usage": answer["usage"], "metrics": {"latencyMs": 7}}))
    return frames


@st.composite
def streams(draw: st.DrawFn) -> list[bytes]:
    """A stream as it may really come: whole, with unknown events, or ended by an exception."""
    frames = draw(streamed(draw(answers)))
    if draw(st.booleans()):
        frames.insert(draw(st.integers(0, len(frames))), _event("x_new", draw(json_objects)))
    if draw(st.booleans()):
        frames.insert(draw(st.integers(0, len(frames))), event("contentBlockDelta", b"not json"))
    if draw(st.integers(0, 3)) == 0:
        at = draw(st.integers(0, len(frames)))
        failure = exception("throttlingException", msgspec.json.encode({"message": draw(texts)}))
        frames = [*frames[:at], failure]
    return frames


def _event(kind: str, data: Json) -> bytes:
    return event(kind, msgspec.json.encode(data))


def _cut(draw: st.DrawFn, block: Json) -> tuple[Json | None, list[Json]]:
    def pieces(text: str) -> list[str]:
        at = draw(st.integers(0, len(text)))
        return [piece for piece in (text[:at], text[at:]) if piece]

    match block:
        case {"text": text}:
            return None, [{"text": piece} for piece in pieces(text)]
        case {"citationsContent": {"content": [{"text": text}], "citations": citations}}:
            return None, [{"text": text}, *({"citation": citation} for citation in citations)]
        case {"toolUse": {"toolUseId": call_id, "name": name, "input": arguments}}:
            whole = msgspec.json.encode(arguments).decode()
            start = {"toolUse": {"toolUseId": call_id, "name": name}}
            return start, [{"toolUse": {"input": piece}} for piece in pieces(whole)]
        case {"reasoningContent": {"reasoningText": told}}:
            deltas = [{"reasoningContent": {"text": piece}} for piece in pieces(told["text"])]
            sealed = [{"reasoningContent": {"signature": told["signature"]}}] if "signature" in told else []
            return None, [*deltas, *sealed]
        case {"reasoningContent": {"redactedContent": data}}:
            raw = base64.b64decode(data)
            at = draw(st.integers(0, len(raw)))
            cut = [base64.b64encode(piece).decode() for piece in (raw[:at], raw[at:]) if piece]
            return None, [{"reasoningContent": {"redactedContent": piece}} for piece in cut]
        case {"image": {"format": form, "source": source}}:
            return {"image": {"format": form}}, [{"image": {"source": source}}]
        case _:
            raise AssertionError(block)
