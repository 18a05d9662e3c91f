"""A question for a number of tokens is a request without what only an answer needs."""

from typing import Any

import msgspec
import pytest

from omniroute.dialects.anthropic.counting import AnthropicCounting
from omniroute.dialects.counting import Count
from omniroute.errors import InvalidRequest
from omniroute.ir.target import Target

COUNTING = AnthropicCounting()
HELLO = [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]


def written(body: dict[str, Any]) -> dict[str, Any]:
    request = COUNTING.decode_question(body, "m")
    target = Target(provider="p", model="claude-x", dialect="anthropic")
    return msgspec.json.decode(COUNTING.encode_question(request, target))


def test_what_is_counted_is_sent_and_nothing_else() -> None:
    counted = {"messages": HELLO, "system": [{"type": "text", "text": "s"}], "thinking": {"type": "adaptive"}}
    own = {"mcp_servers": [{"name": "x"}]}
    answers = {"max_tokens": 5, "stream": True, "temperature": 1, "metadata": {"user_id": "u"}, "top_p": 0.5}
    assert written({**counted, **own, **answers}) == {"model": "claude-x", **counted, **own}


@pytest.mark.parametrize("messages", [None, [], "hi", {}])
def test_a_question_without_messages_is_refused(messages: Any) -> None:
    with pytest.raises(InvalidRequest, match="messages"):
        COUNTING.decode_question({"messages": messages}, "m")


def test_the_model_may_be_left_out() -> None:
    assert COUNTING.decode_question({"messages": HELLO}, "").turns


def test_an_answer_says_where_it_comes_from() -> None:
    answers = [
        COUNTING.encode_answer(Count(tokens=3)),
        COUNTING.encode_answer(Count(tokens=3, provider="p", model="m")),
        COUNTING.encode_answer(Count(tokens=3, provider="p", model="m", said={"input_tokens": 3, "x": 1})),
    ]
    own = {"model": "m", "provider": "p", "source": "provider"}
    assert list(map(msgspec.json.decode, answers)) == [
        {"input_tokens": 3, "source": "estimated"},
        {"input_tokens": 3, **own},
        {"input_tokens": 3, "x": 1, **own},
    ]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'{"input_tokens":"3"}', b"\xff"])
def test_what_is_no_count_is_none(body: bytes) -> None:
    assert COUNTING.decode_answer(body) is None


def test_a_count_is_read() -> None:
    assert COUNTING.decode_answer(b'{"input_tokens":3}') == Count(tokens=3, said={"input_tokens": 3})
