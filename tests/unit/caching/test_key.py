"""What makes two requests the same one, by example; the laws are in `tests/property/test_caching_laws.py`."""

import pytest

from omniroute.caching.key import Tenant, key_of
from omniroute.dialects.registry import DIALECTS
from omniroute.ir.json import JsonObject

ANYBODY = Tenant(key_id="k")
CHAT: JsonObject = {
    "model": "m",
    "messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hi"}],
    "temperature": 0,
    "max_tokens": 9,
}


def key(body: JsonObject, dialect: str = "openai_chat") -> bytes | None:
    return key_of(ANYBODY, DIALECTS[dialect].decode_request(body))


@pytest.mark.parametrize(
    "change",
    [
        {"messages": [{"role": "system", "content": "be long"}, {"role": "user", "content": "hi"}]},
        {"messages": CHAT["messages"][1:]},
        {"tools": [{"type": "function", "function": {"name": "f"}}]},
        {"tool_choice": "none"},
        {"max_tokens": 10},
        {"stop": ["x"]},
        {"seed": 1},
        {"response_format": {"type": "json_object"}},
        {"reasoning_effort": "low"},
        {"model": "n"},
        {"a_member_of_tomorrow": 1},
    ],
)
def test_what_changes_the_answer_counts(change: JsonObject) -> None:
    assert key(CHAT | change) != key(CHAT)


@pytest.mark.parametrize(
    "change",
    [
        {"stream": True},
        {"user": "u"},
        {"metadata": {"trace": "1"}},
        {"temperature": 0.0},
        {"max_tokens": None, "max_completion_tokens": 9},
    ],
)
def test_what_does_not_change_it_does_not_count(change: JsonObject) -> None:
    assert key(CHAT | change) == key(CHAT)


def test_the_dialect_does_not_count() -> None:
    messages = {
        "model": "m",
        "system": "be brief",
        "messages": CHAT["messages"][1:],
        "temperature": 0,
        "max_tokens": 9,
    }
    assert key(messages, "anthropic") == key(CHAT)


def test_unknown_members_belong_to_their_dialect() -> None:
    body = {"model": "m", "messages": CHAT["messages"][1:], "max_tokens": 9, "strange": 1}
    assert key(body, "anthropic") != key(body)
