"""Which dialect a body is written in."""

import msgspec
import pytest

from omniroute.dialects.envelope import open_envelope
from omniroute.dialects.reading import written_in


@pytest.mark.parametrize(
    ("path", "members", "written"),
    [
        ("openai_chat", {"messages": []}, "openai_chat"),
        ("openai_chat", {"input": "hi"}, "openai_responses"),
        ("openai_chat", {"input": "hi", "messages": []}, "openai_chat"),
        ("openai_chat", {}, "openai_chat"),
        ("anthropic", {"input": "hi"}, "anthropic"),
        ("openai_responses", {"messages": []}, "openai_responses"),
    ],
)
def test_only_a_chat_body_with_input_and_no_messages_is_something_else(
    path: str, members: dict, written: str
) -> None:
    assert written_in(path, open_envelope(msgspec.json.encode({"model": "m", **members})).fields) == written
