"""Thinking between tags becomes reasoning, however the tags are cut."""

import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniroute.dialects.hearing import HearingDecoder, heard_response, hooks_of
from omniroute.dialects.registry import DIALECTS
from omniroute.ir.events import Event
from omniroute.ir.fold import fold
from omniroute.ir.parts import AnyPart, Reasoning, Text, ToolCall
from omniroute.ir.result import Finish, GenerateResponse
from omniroute.ir.target import Target
from tests.property.representation import streams

CHAT = DIALECTS["openai_chat"]
TARGET = Target(provider="p", model="deepseek-r1", dialect="openai_chat")
HOOKS = hooks_of(TARGET)


def parts_of(*pieces: str, more: dict | None = None) -> tuple[AnyPart, ...]:
    """What a chat stream of these pieces of content amounts to."""
    decoder = HearingDecoder(CHAT.stream_decoder(), HOOKS)
    events: list[Event] = []
    deltas = [{"content": piece} for piece in pieces] + ([more] if more else [])
    for delta in deltas:
        chunk = {"id": "chatcmpl-1", "model": "m", "choices": [{"index": 0, "delta": delta}]}
        events += decoder.feed(b"data: " + msgspec.json.encode(chunk) + b"\n\n")
    end = {"id": "chatcmpl-1", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    events += decoder.feed(b"data: " + msgspec.json.encode(end) + b"\n\ndata: [DONE]\n\n") + decoder.close()
    answer = fold(events)
    assert isinstance(answer, GenerateResponse)
    return answer.parts


def test_think_tags_cut_by_chunk_borders_become_reasoning() -> None:
    assert parts_of("<thi", "nk>a</th", "ink>b") == (Reasoning(text="a"), Text(text="b"))


@given(st.data())
def test_no_way_of_cutting_makes_a_difference(data: st.DataObject) -> None:
    whole = data.draw(
        st.sampled_from(
            [
                "<think>a</think>b",
                "\n<thinking>\nwhy < 3?\n</thinking>\n\nb <think>c</think>",
                "<think>a",
                "<thing> b",
                "<thi",
            ]
        )
    )
    cuts = sorted(data.draw(st.sets(st.integers(0, len(whole)))))
    edges = [0, *cuts, len(whole)]
    pieces = [whole[start:end] for start, end in itertools.pairwise(edges) if start < end]
    assert parts_of(*pieces) == parts_of(whole)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("<think>\na\n</think>\n\nb", (Reasoning(text="a\n"), Text(text="b"))),
        ("<thinking>a</thinking>b", (Reasoning(text="a"), Text(text="b"))),
        ("<think>cut off", (Reasoning(text="cut off"),)),
        ("<think>a</thin", (Reasoning(text="a</thin"),)),
        ("<think></think>b", (Reasoning(text=""), Text(text="b"))),
        ("<think>a</think>", (Reasoning(text="a"),)),
        ("the tag <think>a</think> is text here", (Text(text="the tag <think>a</think> is text here"),)),
        ("<think", (Text(text="<think"),)),
        ("<b>bold</b>", (Text(text="<b>bold</b>"),)),
        (" plain", (Text(text=" plain"),)),
    ],
)
def test_only_a_tag_that_opens_the_answer_counts(text: str, parts: tuple[AnyPart, ...]) -> None:
    assert parts_of(text) == parts
    whole = GenerateResponse(id="x", model="m", parts=(Text(text=text),), finish=Finish(reason="stop"))
    assert heard_response(whole, HOOKS).parts == parts


def test_reasoning_that_was_told_apart_already_leaves_the_text_alone() -> None:
    answer = GenerateResponse(
        id="x",
        model="m",
        parts=(Reasoning(text="why"), Text(text="<think>a</think>b")),
        finish=Finish(reason="stop"),
    )
    assert heard_response(answer, HOOKS) == answer


def test_a_tool_call_behind_the_thinking_keeps_its_place() -> None:
    call = {"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    thought, called = parts_of("<think>", "a</think>", more={"tool_calls": [call]})
    assert thought == Reasoning(text="a")
    assert isinstance(called, ToolCall)
    assert (called.call_id, called.arguments) == ("c1", "{}")


@given(streams())
def test_an_answer_without_tags_folds_to_the_same(events: list[Event]) -> None:
    hook = HOOKS[0]()
    heard = [said for event in events for said in hook.hear(event)]
    assert fold(heard) == fold(events)


@pytest.mark.parametrize(
    ("model", "known"),
    [
        ("deepseek-r1", True),
        ("deepseek-ai/DeepSeek-R1-Distill-Llama-70B", True),
        ("qwq-32b", True),
        ("Qwen/Qwen3-32B", True),
        ("qwen3-coder-plus", False),
        ("gpt-4o", False),
        ("deepseek-chat", False),
    ],
)
def test_models_that_are_known_to_do_it_need_no_setting(model: str, known: bool) -> None:
    assert bool(hooks_of(Target(provider="p", model=model, dialect="openai_chat"))) is known
