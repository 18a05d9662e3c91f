"""Hypothesis strategies for what Cohere's chat API answers: whole answers, and the same as a stream."""

from typing import Any

import msgspec
from hypothesis import strategies as st

from tests.property.representation import json_objects, names, words

Json = dict[str, Any]

_counts = st.integers(0, 10**6)
_citations: st.SearchStrategy[Json] = st.builds(
    lambda start, text: {
        "start": start,
        "end": start + 1,
        "text": text,
        "content_index": 0,
        "type": "TEXT_CONTENT",
    },
    st.integers(0, 9),
    words,
)
_calls: st.SearchStrategy[Json] = st.builds(
    lambda number, name, arguments: {
        "id": f"{name}_{number}",
        "type": "function",
        "function": {"name": name, "arguments": msgspec.json.encode(arguments).decode()},
    },
    st.integers(0, 10**6),
    names,
    json_objects,
)
usages: st.SearchStrategy[Json] = st.fixed_dictionaries(
    {
        "billed_units": st.fixed_dictionaries({"input_tokens": _counts, "output_tokens": _counts}),
        "tokens": st.fixed_dictionaries({"input_tokens": _counts, "output_tokens": _counts}),
    },
    optional={"cached_tokens": _counts},
)
finish_reasons = st.sampled_from(["COMPLETE", "STOP_SEQUENCE", "MAX_TOKENS", "TOOL_CALL", "ERROR", "TIMEOUT", "X"])


@st.composite
def answers(draw: st.DrawFn) -> Json:
    """Either a text with citations or thinking and a text; perhaps a plan and calls."""
    texts = draw(st.lists(words, max_size=1))
    content: list[Json] = [{"type": "text", "text": text} for text in texts]
    message: Json = {"role": "assistant"}
    if content and draw(st.booleans()):
        message["citations"] = draw(st.lists(_citations, min_size=1, max_size=2))
    elif draw(st.booleans()):
        content.insert(0, {"type": "thinking", "thinking": draw(words)})
    if content:
        message["content"] = content
    calls = draw(st.lists(_calls, max_size=2, unique_by=lambda call: call["id"]))
    if calls:
        message["tool_calls"] = calls
        if draw(st.booleans()):
            message["tool_plan"] = draw(words)
    return {"id": "c0", "finish_reason": draw(finish_reasons), "message": message, "usage": draw(usages)}


@st.composite
def streamed(draw: st.DrawFn, answer: Json) -> list[bytes]:
    """The frames in which `answer` would come as a stream."""
    message = answer["message"]
    frames = [_frame({"type": "message-start", "id": answer["id"], "delta": {"message": {"role": "assistant"}}})]
    for i, block in enumerate(message.get("content", [])):
        kind = block["type"]
        frames.append(_content("content-start", i, {"type": kind, kind: ""}))
        frames += [_content("content-delta", i, {kind: piece}) for piece in _cut(draw, block[kind])]
        cited = [] if kind != "text" else message.get("citations", [])
        late = draw(st.booleans())
        end = _frame({"type": "content-end", "index": i})
        citations = [
            frame
            for n, citation in enumerate(cited)
            for frame in (
                _frame({"type": "citation-start", "index": n, "delta": {"message": {"citations": citation}}}),
                _frame({"type": "citation-end", "index": n}),
            )
        ]
        frames += [end, *citations] if late else [*citations, end]
    for piece in _cut(draw, message.get("tool_plan", "")):
        frames.append(_frame({"type": "tool-plan-delta", "delta": {"message": {"tool_plan": piece}}}))
    for n, call in enumerate(message.get("tool_calls", [])):
        start = {**call, "function": {"name": call["function"]["name"], "arguments": ""}}
        frames.append(_frame({"type": "tool-call-start", "index": n, "delta": {"message": {"tool_calls": start}}}))
        for piece in _cut(draw, call["function"]["arguments"]):
            delta = {"message": {"tool_calls": {"function": {"arguments": piece}}}}
            frames.append(_frame({"type": "tool-call-delta", "index": n, "delta": delta}))
        frames.append(_frame({"type": "tool-call-end", "index": n}))
    delta = {"finish_reason": answer["finish_reason"], "usage": answer["usage"]}
    frames.append(_frame({"type": "message-end", "delta": delta}))
    return frames


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    """A stream as it may really come: with unknown events and lines that are no JSON."""
    frames = draw(streamed(draw(answers())))
    if draw(st.booleans()):
        frames.insert(draw(st.integers(0, len(frames))), _frame({"type": "debug", "prompt": "x"}))
    if draw(st.booleans()):
        frames.insert(draw(st.integers(0, len(frames))), b"data: not json\n\n")
    if draw(st.integers(0, 3)) == 0:
        frames.insert(draw(st.integers(0, len(frames))), _frame({"message": "internal error"}))
    return b"".join(frames)


def _frame(data: Json) -> bytes:
    return f"event: {data.get('type', 'error')}\n".encode() + b"data: " + msgspec.json.encode(data) + b"\n\n"


def _content(kind: str, index: int, content: Json) -> bytes:
    return _frame({"type": kind, "index": index, "delta": {"message": {"content": content}}})


def _cut(draw: st.DrawFn, text: str) -> list[str]:
    at = draw(st.integers(0, len(text)))
    return [piece for piece in (text[:at], text[at:]) if piece]
