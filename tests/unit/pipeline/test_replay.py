"""Seals that the client's dialect cannot carry come back to the provider that made them, and to nobody else."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from omniroute.ir.parts import AnyPart, Reasoning, Text, ToolCall
from omniroute.ir.request import GenerateRequest, Turn
from omniroute.pipeline.seals import Origin, Seals, kept, restored
from omniroute.upstream.scripted import Answer
from tests.unit.pipeline.stage import Exchange, Stage, stage

JSON = {"content-type": "application/json"}
SSE = {"content-type": "text/event-stream"}
CODECS = {
    "claude": "anthropic",
    "other": "anthropic",
    "gem": "gemini",
    "open": "openai_responses",
    "up": "openai_chat",
}
ACCOUNTS = dict.fromkeys(CODECS, 1)
TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}]
USER = {"role": "user", "content": "What is the weather in Oslo?"}

THOUGHT = {"type": "thinking", "thinking": "Oslo, so I ask.", "signature": "c2ln"}
CLAUDE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [
        THOUGHT,
        {"type": "text", "text": "I ask."},
        {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {}},
    ],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": {"input_tokens": 1, "output_tokens": 1},
}
SAID = {
    "type": "message",
    "role": "assistant",
    "content": [{"type": "output_text", "text": "ok", "annotations": []}],
}
OPEN = {
    "id": "resp_1",
    "object": "response",
    "status": "completed",
    "model": "m",
    "output": [
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "Oslo"}],
            "encrypted_content": "ZW5j",
        },
        {"type": "function_call", "id": "fc_1", "call_id": "toolu_1", "name": "weather", "arguments": "{}"},
    ],
    "usage": {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2},
}
GEM = {
    "responseId": "r1",
    "modelVersion": "m",
    "candidates": [
        {
            "content": {
                "role": "model",
                "parts": [
                    {"functionCall": {"id": "toolu_1", "name": "weather", "args": {}}, "thoughtSignature": "Z2Vt"}
                ],
            },
            "finishReason": "STOP",
            "index": 0,
        }
    ],
    "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2},
}
DONE = CLAUDE | {"content": [{"type": "text", "text": "rain"}], "stop_reason": "end_turn"}


def whole(body: dict) -> Answer:
    return Answer(headers=JSON, chunks=(msgspec.json.encode(body),))


def streamed(message: dict) -> Answer:
    """An Anthropic stream of `message`, a delta for each block."""
    head = message | {"content": [], "stop_reason": None}
    events: list[dict] = [{"type": "message_start", "message": head}]
    for index, block in enumerate(message["content"]):
        start, delta = dict(block), [{"type": "input_json_delta", "partial_json": "{}"}]
        if block["type"] == "thinking":
            start |= {"thinking": "", "signature": ""}
            delta = [
                {"type": "thinking_delta", "thinking": block["thinking"]},
                {"type": "signature_delta", "signature": block["signature"]},
            ]
        elif block["type"] == "text":
            start, delta = {"type": "text", "text": ""}, [{"type": "text_delta", "text": block["text"]}]
        events.append({"type": "content_block_start", "index": index, "content_block": start})
        events += [{"type": "content_block_delta", "index": index, "delta": one} for one in delta]
        events.append({"type": "content_block_stop", "index": index})
    end = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    events += [{"type": "message_delta", "delta": end, "usage": {"output_tokens": 1}}, {"type": "message_stop"}]
    frames = [b"event: %b\ndata: %b\n\n" % (one["type"].encode(), msgspec.json.encode(one)) for one in events]
    return Answer(headers=SSE, chunks=tuple(frames))


def chat(model: str, *messages: dict, **more: object) -> dict:
    return {"model": model, "messages": [USER, *messages], "tools": TOOLS, **more}


def called(call_id: str = "toolu_1", content: str | None = "I ask.", **more: object) -> tuple[dict, dict]:
    """The second turn of a chat client: the call it was given, and what came of it."""
    function = {"name": "weather", "arguments": "{}"}
    call = {"id": call_id, "type": "function", "function": function}
    asked = {"role": "assistant", "content": content, "tool_calls": [call], **more}
    return asked, {"role": "tool", "tool_call_id": call_id, "content": "rain"}


async def second_body(on: Stage, first: dict, second: dict, **headers: str) -> dict:
    await on.ask(Exchange(first))
    await on.ask(Exchange(second, headers=headers))
    return msgspec.json.decode(on.transport.requests[-1].body)


@pytest.mark.parametrize("stream", [False, True])
async def test_signed_thinking_stands_again_before_what_was_said_and_called(stream: bool) -> None:
    first = streamed(CLAUDE) if stream else whole(CLAUDE)
    on = stage(first, whole(DONE), accounts=ACCOUNTS, codecs=CODECS)
    sent = await second_body(on, chat("claude/m", stream=stream), chat("claude/m", *called()))
    assert sent["messages"][1]["content"] == CLAUDE["content"]


async def test_the_thought_that_the_client_kept_without_its_seal_is_not_said_twice() -> None:
    on = stage(whole(CLAUDE), whole(DONE), accounts=ACCOUNTS, codecs=CODECS)
    again = called(reasoning_content="Oslo, so I ask.")
    sent = await second_body(on, chat("claude/m"), chat("claude/m", *again))
    assert sent["messages"][1]["content"] == CLAUDE["content"]


async def test_geminis_signature_goes_back_on_the_call_that_it_belongs_to() -> None:
    on = stage(whole(GEM), whole(GEM), accounts=ACCOUNTS, codecs=CODECS)
    sent = await second_body(on, chat("gem/m"), chat("gem/m", *called(content=None)))
    parts = [part for content in sent["contents"] for part in content["parts"]]
    assert [part["thoughtSignature"] for part in parts if "functionCall" in part] == ["Z2Vt"]


async def test_encrypted_reasoning_goes_back_before_its_call() -> None:
    on = stage(whole(OPEN), whole(OPEN), accounts=ACCOUNTS, codecs=CODECS)
    sent = await second_body(on, chat("open/m"), chat("open/m", *called(content=None)))
    kinds = [item["type"] for item in sent["input"]]
    assert kinds == ["message", "reasoning", "function_call", "function_call_output"]
    assert sent["input"][1]["encrypted_content"] == "ZW5j"


async def test_a_client_of_the_responses_api_gets_no_foreign_seal_and_its_provider_has_it_again() -> None:
    on = stage(whole(CLAUDE), whole(DONE), accounts=ACCOUNTS, codecs=CODECS)
    tools = [{"type": "function", "name": "weather", "parameters": {"type": "object", "properties": {}}}]
    body = {"model": "claude/m", "input": [USER], "tools": tools}
    first = await on.ask(Exchange(body), "openai_responses")
    assert b"c2ln" not in first.received
    result = {"type": "function_call_output", "call_id": "toolu_1", "output": "rain"}
    await on.ask(Exchange(body | {"input": [USER, *first.json["output"], result]}), "openai_responses")
    sent = msgspec.json.decode(on.transport.requests[-1].body)
    assert sent["messages"][1]["content"] == CLAUDE["content"]


@pytest.mark.parametrize("model", ["other/m", "claude/n", "gem/m", "open/m", "up/m"])
async def test_nobody_else_ever_sees_a_seal(model: str) -> None:
    on = stage(whole(CLAUDE), whole(DONE), accounts=ACCOUNTS, codecs=CODECS)
    sent = await second_body(on, chat("claude/m"), chat(model, *called()))
    assert "c2ln" not in msgspec.json.encode(sent).decode()


async def test_it_is_forgotten_after_an_hour_without_use() -> None:
    on = stage(whole(CLAUDE), *[whole(DONE)] * 3, accounts=ACCOUNTS, codecs=CODECS)
    await on.ask(Exchange(chat("claude/m")))
    for wait, there in ((3000.0, True), (3000.0, True), (3700.0, False)):
        on.clock.time += wait
        await on.ask(Exchange(chat("claude/m", *called())))
        assert (b"c2ln" in on.transport.requests[-1].body) is there


async def test_an_unknown_call_gets_no_seal() -> None:
    on = stage(whole(CLAUDE), whole(DONE), accounts=ACCOUNTS, codecs=CODECS)
    sent = await second_body(on, chat("claude/m"), chat("claude/m", *called("toolu_2")))
    assert "c2ln" not in msgspec.json.encode(sent).decode()


ORIGIN = Origin("anthropic", "claude", "m", "")


def of_call(call_id: str, thought: str) -> list[Reasoning | ToolCall]:
    """An answer with one sealed thought and one call."""
    sealed = Reasoning(text=thought, seal="s", origin="anthropic")
    return [sealed, ToolCall(call_id=call_id, name="f", origin="anthropic")]


def test_owners_do_not_see_each_others() -> None:
    seals = Seals()
    seals.remember("key-1", kept(of_call("a", "t"), ORIGIN), 0.0)
    assert seals.find("key-1", "a", ORIGIN, 1.0) is not None
    assert seals.find("key-2", "a", ORIGIN, 1.0) is None


def test_the_memory_is_bounded_by_calls_and_by_characters_and_forgets_what_was_unused_for_longest() -> None:
    few, small = Seals(most_calls=2), Seals(most_characters=25)
    for seals in (few, small):
        for name in ("a", "b"):
            seals.remember("k", kept(of_call(name, "t" * 9), ORIGIN), 0.0)
        assert seals.find("k", "a", ORIGIN, 1.0) is not None
        seals.remember("k", kept(of_call("c", "t" * 9), ORIGIN), 2.0)
        assert [seals.find("k", name, ORIGIN, 3.0) is not None for name in "abc"] == [True, False, True]
        assert len(seals) == 2


def test_only_what_was_sealed_by_the_provider_itself_is_kept() -> None:
    parts = [
        Reasoning(text="open"),
        Reasoning(text="foreign", seal="s", origin="gemini"),
        Text(text="t"),
        ToolCall(call_id="a", name="f", seal="s", origin="gemini"),
        ToolCall(call_id="b", name="f"),
    ]
    assert kept(parts, ORIGIN) == {}


said = st.builds(Text, text=st.text("ab", min_size=1, max_size=3))
sealed = st.builds(Reasoning, text=st.text("xy", max_size=3), seal=st.just("s"), origin=st.just("anthropic"))
calling = st.builds(ToolCall, call_id=st.just(""), name=st.just("f"), origin=st.just("anthropic"))


@st.composite
def answers(draw: st.DrawFn) -> tuple[AnyPart, ...]:
    """Thoughts, texts and calls in any order, a call last; ids are dense, some calls are sealed too."""
    parts: list[AnyPart] = [*draw(st.lists(said | sealed | calling, max_size=8)), draw(calling)]
    seals = iter(draw(st.lists(st.none() | st.just("c"), min_size=9, max_size=9)))
    return tuple(
        replace(part, call_id=f"call_{index}", seal=next(seals)) if isinstance(part, ToolCall) else part
        for index, part in enumerate(parts)
    )


def as_kept_by_a_client(part: AnyPart) -> AnyPart:
    return replace(part, seal=None, origin=None)


@given(answers(), st.booleans())
def test_what_a_client_without_seals_sends_back_becomes_the_answer_again(
    answer: tuple[AnyPart, ...], keeps_thoughts: bool
) -> None:
    sent = [as_kept_by_a_client(part) for part in answer if keeps_thoughts or not isinstance(part, Reasoning)]
    request = GenerateRequest(model="m", turns=(Turn(role="assistant", parts=tuple(sent)),))
    found = kept(answer, ORIGIN)
    (turn,) = restored(request, found.get).turns
    assert [_bare(part) for part in turn.parts if not _lost(part)] == [_bare(part) for part in answer]


def _lost(part: AnyPart) -> bool:
    """A thought of a client before a call of which nothing is known."""
    return isinstance(part, Reasoning) and part.seal is None


def _bare(part: AnyPart) -> AnyPart:
    return part if part.seal is not None else replace(part, origin=None)


@given(answers())
def test_of_calls_that_nobody_knows_nothing_changes(answer: tuple[AnyPart, ...]) -> None:
    request = GenerateRequest(model="m", turns=(Turn(role="assistant", parts=answer),))
    assert restored(request, lambda _: None) is request
