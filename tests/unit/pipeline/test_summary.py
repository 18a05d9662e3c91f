"""The summary of a conversation: what is asked for, and what is told of whatever comes back."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniroute.ir.json import RawJson
from omniroute.ir.parts import Text, ToolCall, ToolResult
from omniroute.ir.request import GenerateRequest, Turn
from omniroute.pipeline.summary import preface, question

TURNS = (
    Turn(role="user", parts=(Text(text="find it"),)),
    Turn(role="assistant", parts=(ToolCall(call_id="1", name="look", arguments=RawJson('{"at":1}')),)),
    Turn(role="tool", parts=(ToolResult(call_id="1", content=(Text(text="here"),)),)),
)


def answer(text: str) -> bytes:
    return msgspec.json.encode({"choices": [{"message": {"role": "assistant", "content": text}}]})


def test_the_last_messages_are_told_as_text() -> None:
    asked = msgspec.json.decode(question("m", GenerateRequest(model="x", turns=TURNS, dialect="openai_chat"), 2))
    assert asked["model"] == "m"
    assert asked["messages"][1]["content"] == 'assistant: (calls look with {"at":1})\n\ntool: (result: here)'
    assert asked["stream"] is False


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            '{"summary": "s", "taskProgress": "half", "activeEntities": ["f.py", 7]}',
            "What happened: s\nProgress: half\nIn use: f.py",
        ),
        ('```json\n{"summary": "s"}\n```', "What happened: s"),
        ("just words", "just words"),
        ('{"other": 1}', '{"other": 1}'),
        ("{broken", "{broken"),
    ],
)
def test_an_object_is_told_in_parts_and_anything_else_as_it_is(text: str, told: str) -> None:
    said = preface(answer(text))
    assert said is not None
    assert said.endswith(f":\n\n{told}")


@pytest.mark.parametrize("body", [b"{}", b'{"choices":[]}', answer("  "), b'{"choices":[{"message":{}}]}', b"[]"])
def test_an_answer_that_says_nothing_is_none(body: bytes) -> None:
    assert preface(body) is None


@given(text=st.text(min_size=1, max_size=200).filter(str.strip), times=st.integers(1, 50))
def test_whatever_a_model_says_the_preface_stays_short(text: str, times: int) -> None:
    said = preface(answer(text * times))
    assert said is not None
    assert len(said) < 2_200
