"""Answers and streams that broke other gateways: the cases T40 to T69 of the data-plane specification, section 11.

T40 is #716 and T47 #1017 in `tests/unit/test_regressions.py`; T55, T56 and T58 are with Gemini, T59 with Ollama;
T51 to T53 and T60 are cells of `tests/golden/test_faults.py`; T45 is a quirk of its own (`think_tags`).
"""

import msgspec
import pytest

from omniroute.dialects.registry import dialect
from omniroute.ir.events import Failed
from tests.golden import facts
from tests.property.anthropic_bodies import event
from tests.support.upstream import anthropic, gemini, ollama, openai_chat, openai_responses
from tests.support.upstream.answer import Answer, Call, Say, Think, Tokens
from tests.support.upstream.fitting import Asked
from tests.unit.regressions.crossing import (
    CLIENTS,
    DONE,
    Json,
    chunk,
    heard,
    heard_whole,
    streamed,
    tokens,
    tool,
)

SERVERS = {
    "openai_chat": openai_chat,
    "openai_responses": openai_responses,
    "anthropic": anthropic,
    "gemini": gemini,
    "ollama": ollama,
}
ASKED = Asked(model="m", stream=True, text="", include_usage=True)
USAGE = {
    "prompt_tokens": 5,
    "completion_tokens": 7,
    "total_tokens": 12,
    "prompt_tokens_details": {"cached_tokens": 2},
    "completion_tokens_details": {"reasoning_tokens": 1},
}
OTHERS = tuple(client for client in CLIENTS if client != "openai_chat")


def claudes(*blocks: tuple[Json, list[Json]], first: Json | None = None, last: Json | None = None) -> list[bytes]:
    """A Messages stream with these blocks and their deltas; usage in its first and its last event."""
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": []}
    message |= {
        "stop_reason": None,
        "stop_sequence": None,
        "usage": first or {"input_tokens": 3, "output_tokens": 1},
    }
    frames = [event({"type": "message_start", "message": message})]
    for index, (block, deltas) in enumerate(blocks):
        frames.append(event({"type": "content_block_start", "index": index, "content_block": block}))
        frames += [event({"type": "content_block_delta", "index": index, "delta": delta}) for delta in deltas]
        frames.append(event({"type": "content_block_stop", "index": index}))
    ending = {"stop_reason": "end_turn", "stop_sequence": None}
    frames.append(event({"type": "message_delta", "delta": ending, "usage": last or {"output_tokens": 9}}))
    return [*frames, event({"type": "message_stop"})]


def spoken(words: str) -> tuple[Json, list[Json]]:
    return {"type": "text", "text": ""}, [{"type": "text_delta", "text": words}]


@pytest.mark.parametrize("client", OTHERS)
def test_t41_another_id_at_the_same_index_is_another_call(client: str) -> None:
    one = heard(
        "openai_chat",
        client,
        tool(0, call_id="c1", name="f", arguments='{"a":1}'),
        tool(0, call_id="c2", name="g", arguments='{"b":2}'),
        chunk({}, "tool_calls"),
        DONE,
    )
    assert [(call.name, facts.canonical(call.arguments)) for call in one.calls] == [
        ("f", '{"a":1}'),
        ("g", '{"b":2}'),
    ]


@pytest.mark.parametrize("client", OTHERS)
def test_t42_a_second_finish_is_no_second_end(client: str) -> None:
    one = heard("openai_chat", client, chunk({"content": "hi"}), chunk({}, "stop"), chunk({}, "stop"), DONE)
    assert (one.text, one.error) == ("hi", None)


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("upstream", SERVERS)
def test_t43_thinking_text_and_calls_come_one_after_the_other(upstream: str, client: str) -> None:
    answer = Answer(parts=(Think("th"), Say("hi"), Call("f", '{"a":1}', "call_1")))
    one = heard(upstream, client, *SERVERS[upstream].events(ASKED, answer, 1))
    assert (one.reasoning, one.text, [call.name for call in one.calls]) == ("th", "hi", ["f"])


@pytest.mark.parametrize("client", OTHERS)
def test_t44_reasoning_and_content_in_one_delta_are_both_kept(client: str) -> None:
    one = heard(
        "openai_chat", client, chunk({"reasoning_content": "th", "content": "hi"}), chunk({}, "stop"), DONE
    )
    assert (one.reasoning, one.text) == ("th", "hi")


@pytest.mark.parametrize("client", OTHERS)
def test_t46_usage_after_the_finish_reaches_every_client(client: str) -> None:
    one = heard("openai_chat", client, chunk({"content": "hi"}), chunk({}, "stop"), chunk(None, usage=USAGE), DONE)
    told = tokens(client, one)
    assert told["output"] == 7
    assert told["input"] + told.get("cache_read", 0) == 5


@pytest.mark.parametrize("client", CLIENTS)
def test_t48_a_zero_at_the_end_does_not_wipe_out_the_input(client: str) -> None:
    first = {"input_tokens": 3, "cache_read_input_tokens": 4, "output_tokens": 1}
    last = {"input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 9}
    told = tokens(client, heard("anthropic", client, *claudes(spoken("hi"), first=first, last=last)))
    assert told["input"] + told.get("cache_read", 0) == 7
    assert told["output"] == 9


@pytest.mark.parametrize("upstream", ["openai_chat", "openai_responses", "anthropic"])
@pytest.mark.parametrize("client", CLIENTS)
def test_t49_keepalive_events_are_passed_over(upstream: str, client: str) -> None:
    frames = SERVERS[upstream].events(ASKED, Answer(parts=(Say("hello"),)), 1)
    noise = (b"event: keepalive\ndata: {}\n\n", b": keepalive\n\n", b"data: null\n\n", b"event: ping\n\n")
    noisy = [piece for frame in frames for piece in (*noise, frame)]
    assert heard(upstream, client, *noisy).text == "hello"


@pytest.mark.parametrize("upstream", SERVERS)
@pytest.mark.parametrize("client", CLIENTS)
def test_t50_a_stream_whose_last_line_has_no_end_is_whole(upstream: str, client: str) -> None:
    raw = b"".join(SERVERS[upstream].events(ASKED, Answer(parts=(Say("hello"),)), 1)).rstrip(b"\r\n")
    one = heard(upstream, client, raw)
    assert (one.text, one.error) == ("hello", None)


@pytest.mark.parametrize("client", CLIENTS)
def test_t50_a_chat_stream_without_done_is_whole(client: str) -> None:
    one = heard("openai_chat", client, chunk({"role": "assistant", "content": "hi"}), chunk({}, "stop"))
    assert (one.text, one.error) == ("hi", None)


def test_t54_a_failed_response_names_its_status() -> None:
    failed = openai_responses.error_event(ASKED, 1, 0, "rate_limit", "slow down")
    events = dialect("openai_responses").stream_decoder().feed(failed)
    failure = next(one.failure for one in events if isinstance(one, Failed))
    assert (failure.status, failure.kind) == (429, "rate_limit")
    late = openai_responses.error_event(ASKED, 1, 2, "rate_limit", "slow down")
    events = dialect("openai_responses").stream_decoder().feed(late)
    assert next(one.failure.status for one in events if isinstance(one, Failed)) == 429


@pytest.mark.parametrize("client", OTHERS)
def test_t65_an_answer_with_calls_ended_for_them(client: str) -> None:
    one = heard("openai_chat", client, tool(0, call_id="c1", name="f", arguments="{}"), chunk({}, "stop"), DONE)
    assert one.finish == {"anthropic": "tool_use", "gemini": "STOP", "ollama": "stop"}.get(client, "completed")
    assert [call.name for call in one.calls] == ["f"]


def test_t65_the_same_for_chat_clients_of_other_dialects() -> None:
    called = Answer(parts=(Call("f", "{}"),), finish="stop")
    for upstream in ("anthropic", "gemini", "ollama", "openai_responses"):
        server = SERVERS[upstream]
        assert heard(upstream, "openai_chat", *server.events(ASKED, called, 1)).finish == "tool_calls"
        assert heard_whole(upstream, "openai_chat", server.whole(ASKED, called, 1)).finish == "tool_calls"


@pytest.mark.parametrize("upstream", SERVERS)
@pytest.mark.parametrize("client", CLIENTS)
def test_t67_characters_survive_any_cut_of_the_bytes(upstream: str, client: str) -> None:
    words = "naïve 🦉 日本"
    raw = b"".join(SERVERS[upstream].events(ASKED, Answer(parts=(Say(words, pieces=1),)), 1))
    one = heard(upstream, client, *(raw[at : at + 1] for at in range(len(raw))))
    assert one.text == words


@pytest.mark.parametrize("upstream", SERVERS)
def test_t68_two_streams_share_nothing(upstream: str) -> None:
    codec, server = dialect(upstream), SERVERS[upstream]
    left, right = codec.stream_decoder(), codec.stream_decoder()
    one = server.events(ASKED, Answer(parts=(Say("left"), Call("f", "{}"))), 1)
    other = server.events(ASKED, Answer(parts=(Say("right"),)), 2)
    mixed: tuple[list, list] = ([], [])
    for place in range(max(len(one), len(other))):
        mixed[0].extend(left.feed(one[place]) if place < len(one) else [])
        mixed[1].extend(right.feed(other[place]) if place < len(other) else [])
    alone = codec.stream_decoder()
    assert mixed[1] == [found for frame in other for found in alone.feed(frame)]


@pytest.mark.parametrize("client", OTHERS)
def test_t69_usage_in_other_words_is_usage(client: str) -> None:
    answer = openai_chat.whole(ASKED, Answer(parts=(Say("hi"),)), 1)
    answer["usage"] = {"input_tokens": 5, "output_tokens": 7}
    told = tokens(client, heard_whole("openai_chat", client, answer))
    assert (told["input"], told["output"]) == (5, 7)


def test_8331_nothing_is_added_to_what_was_used() -> None:
    """2,000 tokens "for safety" were added to the numbers that clients see."""
    spent = Answer(parts=(Say("hi"),), tokens=Tokens(fresh=2, cache_read=0, cache_write=0, output=1, reasoning=0))
    for upstream, server in SERVERS.items():
        for client in CLIENTS:
            told = tokens(client, heard(upstream, client, *server.events(ASKED, spent, 1)))
            assert {name: count for name, count in told.items() if count} == {"input": 2, "output": 1}


@pytest.mark.parametrize("client", CLIENTS)
def test_no_stream_is_ever_without_its_end(client: str) -> None:
    """Codex and others "reconnect" for ever over a stream that just stops (CPA#1407, CPA#4904, ollama PR18332)."""
    for upstream, server in SERVERS.items():
        frames = server.events(ASKED, Answer(parts=(Say("one two three", pieces=5), Call("f", '{"a":1}'))), 1)
        for cut in range(len(frames)):
            raw = streamed(upstream, client, frames[:cut])
            assert raw, (upstream, cut)
            one = heard(upstream, client, *frames[:cut])
            finished = one.error is None
            assert not finished or cut >= len(frames) - 2, (upstream, cut, msgspec.json.encode(one))
