"""Bugs that users of gateways reported in public, each as one test named by its symptom.

Bare numbers are those of the reference project's issue tracker; `ll` is LiteLLM's, `bf` Bifrost's, `pk` Portkey's,
and the others are spelled out. The sentences say what went wrong there. They are pains 1, 2, 3, 10 and 16 of the
field report, section 2; the numbered cases of the data-plane specification are in `tests/unit/regressions`.
"""

from typing import Any

import msgspec
import pytest

from omniroute.dialects.registry import dialect
from omniroute.ir.target import Target
from tests.support import order, strict
from tests.support.upstream import anthropic, gemini, ollama, openai_chat, openai_responses
from tests.support.upstream.answer import Answer, Call, Say, Tokens
from tests.support.upstream.fitting import Asked
from tests.unit.dialects import test_cross_pairs as pairs
from tests.unit.dialects.anthropic import claude_code
from tests.unit.regressions.crossing import (
    CLIENTS,
    answered,
    called,
    carried,
    chat,
    chunk,
    heard,
    heard_whole,
    said,
    streamed,
    text,
    tokens,
    tool,
)

ASKED = Asked(model="m", stream=True, text="", include_usage=True)


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


def test_bf_3511_tools_of_chat_clients_are_tools_of_claudes() -> None:
    """Tools went out in OpenAI's shape, and every tool call of one release failed."""
    body = chat("anthropic", tools=[pairs.CHAT_TOOL])
    assert body["tools"] == [pairs.CLAUDE_TOOL]


@pytest.mark.parametrize("client", CLIENTS)
def test_pk_1275_two_calls_of_one_stream_keep_apart(client: str) -> None:
    """All tool calls of a stream of Claude's had the same index, and their arguments ran into each other."""
    calls = (Call("f", '{"a":1}', "c1", pieces=3), Call("g", '{"b":2}', "c2", pieces=3))
    one = heard("anthropic", client, *anthropic.events(ASKED, Answer(parts=(Say("hm"), *calls)), 1))
    assert [(call.name, call.arguments.replace(" ", "")) for call in one.calls] == [
        ("f", '{"a":1}'),
        ("g", '{"b":2}'),
    ]


@pytest.mark.parametrize("client", CLIENTS)
def test_bf_3441_calls_that_come_interleaved_are_told_one_by_one(client: str) -> None:
    """Content blocks overlapped when a provider sent the arguments of two calls in turn."""
    one = heard(
        "openai_chat",
        client,
        tool(0, call_id="c1", name="f", arguments='{"a"'),
        tool(1, call_id="c2", name="g", arguments='{"b"'),
        tool(0, arguments=":1}"),
        tool(1, arguments=":2}"),
        chunk({}, "tool_calls"),
        pairs.DONE,
    )
    assert [(call.name, call.arguments) for call in one.calls] == [("f", '{"a":1}'), ("g", '{"b":2}')]


@pytest.mark.parametrize("client", CLIENTS)
def test_9568_the_letter_case_of_a_tool_is_kept(client: str) -> None:
    """Bash came back as bash; the client refused it, the model tried again, for ever."""
    answer = Answer(parts=(Call("Bash", "{}"),))
    assert heard("openai_chat", client, *openai_chat.events(ASKED, answer, 1)).calls[0].name == "Bash"
    assert heard_whole("openai_chat", client, openai_chat.whole(ASKED, answer, 1)).calls[0].name == "Bash"


def test_618_history_keeps_the_names_of_tools() -> None:
    """Names were prefixed in the history but not in the declarations."""
    turns = (said("go"), called(("c1", "Bash", "{}")), answered("c1", "ok"))
    for upstream in ("anthropic", "openai_responses", "gemini", "ollama"):
        assert '"Bash"' in msgspec.json.encode(chat(upstream, *turns)).decode()


def test_bf_6342_signed_thinking_is_replayed_as_it_was() -> None:
    """Thinking blocks were put together anew, and Anthropic refused their signatures."""
    signed = [
        {"type": "thinking", "thinking": "hm \u00e9  ", "signature": "c2ln"},
        {"type": "redacted_thinking", "data": "b3BhcXVl"},
        {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"b": 1, "a": [1.0, None]}},
    ]
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "ok"}
    turns = [said("go"), said(signed, "assistant"), said([result])]
    body = {"model": "m", "max_tokens": 100, "messages": turns}
    assert carried("anthropic", "anthropic", body) == (body, ())


def test_cloudflare_502_gemini_gets_its_signatures_back() -> None:
    """Thought signatures were dropped from the history, and Gemini 3 answered 400."""
    call = {"functionCall": {"name": "f", "args": {}, "id": "c1"}, "thoughtSignature": "c2ln"}
    answer = {"functionResponse": {"name": "f", "id": "c1", "response": {"output": "ok"}}}
    contents = [
        {"role": "user", "parts": [{"text": "go"}]},
        {"role": "model", "parts": [{"text": "hm", "thought": True}, call]},
        {"role": "user", "parts": [answer]},
    ]
    assert carried("gemini", "gemini", {"model": "m", "contents": contents}) == ({"contents": contents}, ())


@pytest.mark.parametrize("upstream", ["openai_chat", "openai_responses", "gemini", "ollama"])
def test_uncommonroute_19_a_signature_never_goes_to_another_vendor(upstream: str) -> None:
    """After a change of model in the middle of a conversation every request was refused."""
    thought = {"type": "thinking", "thinking": "hm", "signature": "c2lnbmVk"}
    turns = [said("go"), said([thought, text("done")], "assistant"), said("on")]
    body, losses = carried("anthropic", upstream, {"model": "m", "max_tokens": 100, "messages": turns})
    assert "c2lnbmVk" not in str(body)
    assert losses


def test_2215_cache_writes_are_not_shown_as_a_prompt() -> None:
    """A prompt of two tokens was shown as 2,008."""
    spent = Tokens(fresh=2, cache_read=0, cache_write=2006, output=1, reasoning=0)
    one = heard("anthropic", "openai_chat", *anthropic.events(ASKED, Answer(parts=(Say("hi"),), tokens=spent), 1))
    assert one.usage is not None
    assert one.usage["prompt_tokens"] == 2


@pytest.mark.parametrize("client", ["anthropic", "openai_chat", "gemini"])
def test_opencrabs_1636_cached_input_is_counted_once(client: str) -> None:
    """OpenAI's input contains what was cached; it was added a second time."""
    spent = Tokens(fresh=40, cache_read=60, cache_write=0, output=9, reasoning=0)
    answer = Answer(parts=(Say("hi"),), tokens=spent)
    told = tokens(client, heard("openai_responses", client, *openai_responses.events(ASKED, answer, 1)))
    assert (told["input"], told["cache_read"]) == (40, 60)


def test_ll_36091_cached_input_survives_the_bridge() -> None:
    """Responses clients on a provider of another dialect saw no cached tokens at all."""
    spent = Tokens(fresh=40, cache_read=60, cache_write=0, output=9, reasoning=0)
    answer = Answer(parts=(Say("hi"),), tokens=spent)
    one = heard("anthropic", "openai_responses", *anthropic.events(ASKED, answer, 1))
    assert tokens("openai_responses", one)["cache_read"] == 60


@pytest.mark.parametrize("upstream", ["openai_chat", "openai_responses", "gemini", "ollama"])
def test_ll_17201_cache_marks_are_named_where_they_cannot_go(upstream: str) -> None:
    """The first mark that was found made a gateway call an API for caches that the request never asked for."""
    marked = {**text("a long text"), "cache_control": {"type": "ephemeral"}}
    asked = {"model": "m", "max_tokens": 100, "messages": [said([marked])]}
    body, losses = carried("anthropic", upstream, asked)
    assert "cache" not in str(body)
    assert [(loss.what, loss.weight) for loss in losses if "cache" in loss.path] == [("cache mark", "cost")]


def test_517_the_key_of_the_prompt_cache_is_kept() -> None:
    """Without it OpenAI's cache missed on every second request."""
    assert chat("openai_chat", prompt_cache_key="k")["prompt_cache_key"] == "k"
    assert chat("openai_responses", prompt_cache_key="k")["prompt_cache_key"] == "k"


SERVERS = {
    "openai_chat": openai_chat,
    "openai_responses": openai_responses,
    "anthropic": anthropic,
    "gemini": gemini,
    "ollama": ollama,
}
LONG_CALL = Answer(parts=(Say("Let me see."), Call("Read", '{"path":"a.txt","note":""}', "call_r", pieces=9)))


@pytest.mark.parametrize("client", ["anthropic", "openai_chat"])
@pytest.mark.parametrize("upstream", SERVERS)
def test_686_a_call_in_many_pieces_is_one_call(upstream: str, client: str) -> None:
    """Each piece of a call's arguments was told as a call of its own, without a name (#678 and #1047 too)."""
    one = heard(upstream, client, *SERVERS[upstream].events(ASKED, LONG_CALL, 1))
    (call,) = one.calls
    assert (call.name, msgspec.json.decode(call.arguments)) == ("Read", {"path": "a.txt", "note": ""})
    assert call.call_id


@pytest.mark.parametrize("upstream", SERVERS)
def test_3980_a_stream_with_calls_says_that_it_ended_for_them(upstream: str) -> None:
    """`tool_calls` became `stop` on the way from Responses, and agents stopped (#180 too)."""
    one = heard(upstream, "openai_chat", *SERVERS[upstream].events(ASKED, LONG_CALL, 1))
    assert one.finish == "tool_calls"


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("upstream", SERVERS)
def test_4959_an_empty_string_is_an_argument(upstream: str, client: str) -> None:
    """Arguments that were empty strings were dropped from streams, and calls lacked a parameter."""
    (call,) = heard(upstream, client, *SERVERS[upstream].events(ASKED, LONG_CALL, 1)).calls
    assert msgspec.json.decode(call.arguments)["note"] == ""


def test_4714_results_follow_their_calls_in_every_round_of_claude_code() -> None:
    """DeepSeek: "Messages with role 'tool' must be a response to a preceding message with 'tool_calls'"."""

    def round_of(*ids: str) -> list[dict[str, Any]]:
        uses = [{"type": "tool_use", "id": one, "name": "f", "input": {}} for one in ids]
        results = [{"type": "tool_result", "tool_use_id": one, "content": f"of {one}"} for one in ids]
        return [said([text("hm"), *uses], "assistant"), said([*results, text("<system-reminder>go on")])]

    turns = [said("go"), *round_of("t1"), *round_of("t2", "t3"), *round_of("t4")]
    body, _ = carried("anthropic", "openai_chat", {"model": "m", "max_tokens": 100, "messages": turns})
    waiting: list[str] = []
    for message in body["messages"]:
        if message["role"] == "tool":
            assert message["tool_call_id"] == waiting.pop(0)
            continue
        assert not waiting
        waiting = [call["id"] for call in message.get("tool_calls") or []]
    assert [message["role"] for message in body["messages"]].count("tool") == 4


@pytest.mark.parametrize("client", ["openai_chat", "anthropic"])
def test_724_no_signature_is_made_up_for_gemini(client: str) -> None:
    """A signature of its own making was put on every call, and Gemini answered 400."""
    use = {"type": "tool_use", "id": "c1", "name": "f", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "c1", "content": "ok"}
    messages = {
        "openai_chat": [said("go"), called(("c1", "f", "{}")), answered("c1", "ok")],
        "anthropic": [said("go"), said([use], "assistant"), said([result])],
    }
    body, _ = carried(client, "gemini", {"model": "m", "max_tokens": 100, "messages": messages[client]})
    assert "thoughtSignature" not in msgspec.json.encode(body).decode()


@pytest.mark.parametrize("upstream", SERVERS)
def test_cpa_1407_a_responses_stream_has_its_last_event(upstream: str) -> None:
    """Codex: "stream disconnected before completion: stream closed before response.completed"."""
    raw = streamed(upstream, "openai_responses", SERVERS[upstream].events(ASKED, LONG_CALL, 1))
    events = [line for line in raw.split(b"\n") if line.startswith(b"event: ")]
    assert events[-1] == b"event: response.completed"
    assert events.count(events[-1]) == 1


@pytest.mark.parametrize("client", ["openai_chat", "openai_responses", "anthropic", "gemini"])
def test_13746_cached_tokens_that_are_nested_are_cached_tokens(client: str) -> None:
    """They stood in `prompt_tokens_details` and were billed like fresh ones."""
    spent = Tokens(fresh=40, cache_read=60, cache_write=0, output=9, reasoning=0)
    answer = Answer(parts=(Say("hi"),), tokens=spent)
    for one in (
        heard("openai_chat", client, *openai_chat.events(ASKED, answer, 1)),
        heard_whole("openai_chat", client, openai_chat.whole(ASKED, answer, 1)),
    ):
        told = tokens(client, one)
        assert (told["input"], told["cache_read"]) == (40, 60)
