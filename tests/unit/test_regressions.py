"""Bugs that users of gateways reported in public, each as one test named by its symptom.

The numbers are those of the reference project's issue tracker; the sentences say what went wrong there.
"""

from typing import Any

import msgspec

from omniroute.dialects.registry import dialect
from omniroute.ir.target import Target
from tests.support import order, strict
from tests.unit.dialects import test_cross_pairs as pairs
from tests.unit.dialects.anthropic import claude_code


def test_1072_a_tool_choice_object_reaches_claude_as_type_tool() -> None:
    """OpenAI's `{"type": "function", ...}` was passed on, and Anthropic answered 400."""
    body, _ = pairs.to_claude(tools=[pairs.CHAT_TOOL], tool_choice={"type": "function", "function": {"name": "f"}})
    assert body["tool_choice"] == {"type": "tool", "name": "f"}
    assert '"function"' not in msgspec.json.encode(body).decode()


def test_716_a_call_whose_id_is_repeated_is_opened_once() -> None:
    """A provider repeated id and name on every delta, and the client saw one tool call per delta."""
    events = pairs.as_claude(
        *(pairs.tool(0, call_id="c1", name="f", arguments=piece) for piece in ("{", '"a":1', "}")),
        pairs.chunk({}, "tool_calls"),
        pairs.DONE,
    )
    assert pairs.blocks(events) == ["tool_use"]


def test_1017_cached_input_counts_as_input() -> None:
    """A request of 113,616 tokens, nearly all of them cached, was shown as 3."""
    told = pairs.as_chat(
        *pairs.claude_stream({"input_tokens": 3, "cache_read_input_tokens": 113613}, {"output_tokens": 9})
    )
    assert told.usage is not None
    assert told.usage["prompt_tokens"] == 113616


def test_708_cache_marks_of_the_client_are_left_alone() -> None:
    """Markers of Claude Code were replaced by the gateway's own, and prompt caching stopped working."""
    body: dict[str, Any] = claude_code.body()
    codec = dialect("anthropic")
    sent = codec.encode_request(
        codec.decode_request(body), Target(provider="p", model=body["model"], dialect="anthropic")
    )
    assert msgspec.json.decode(sent.body) == body
    assert sent.losses == ()


def test_291_an_empty_name_is_not_sent() -> None:
    """Clients send `name: ""` on messages, and providers answer 400."""
    body, losses = pairs.to_claude(pairs.said("hi", name=""))
    assert "name" not in body["messages"][0]
    assert losses == ()
    codec = dialect("openai_chat")
    request = codec.decode_request({"model": "m", "messages": [pairs.said("hi", name="")]})
    sent = codec.encode_request(request, Target(provider="p", model="m", dialect="openai_chat"))
    assert msgspec.json.decode(sent.body)["messages"] == [{"role": "user", "content": "hi"}]


def test_1654_stream_options_never_reach_claude() -> None:
    """`stream_options` was passed on, and Anthropic answered 400."""
    body, _ = pairs.to_claude(stream=True, stream_options={"include_usage": True})
    assert "stream_options" not in body


def test_605_a_tool_keeps_its_name_through_a_stream() -> None:
    """A tool named Bash came back as proxy_Bash, which no client knows."""
    events = pairs.as_claude(
        pairs.tool(0, call_id="c1", name="Bash", arguments="{}"), pairs.chunk({}, "tool_calls"), pairs.DONE
    )
    assert pairs.of_type(events, "content_block_start")[0]["content_block"]["name"] == "Bash"


def test_35_a_stream_that_dies_tells_each_client_in_its_own_words() -> None:
    """An OpenAI error chunk inside a Messages stream is skipped by the SDK: the cut answer looked complete."""
    events = pairs.as_claude(pairs.chunk({"content": "half an ans"}))
    assert events[-1]["type"] == "error"
    told = pairs.as_chat(*pairs.claude_stream({"input_tokens": 3}, {})[:8])
    assert told.ended == "failed"


def test_866_an_empty_answer_is_still_a_message() -> None:
    """A coding agent crashed on a message without any block."""
    events = pairs.as_claude(
        pairs.chunk({"role": "assistant", "content": ""}), pairs.chunk({}, "stop"), pairs.DONE
    )
    raw = b"".join(pairs.event(one) for one in events)
    assert order.anthropic(raw).text == "(empty response)"
    strict.message_stream(raw)
