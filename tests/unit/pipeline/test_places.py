"""Seals for clients whose dialect gives calls no ids: by the place of the call in the conversation."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniroute.ir.json import RawJson
from omniroute.ir.parts import AnyPart, Reasoning, Text, ToolCall, ToolResult
from omniroute.ir.request import Turn
from omniroute.pipeline.places import end_of, place, places
from omniroute.upstream.scripted import Answer
from tests.unit.pipeline.stage import Exchange, Stage, stage

JSON = {"content-type": "application/json"}
CODECS = {"claude": "anthropic", "other": "anthropic", "gem": "gemini"}
TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}]
USER = {"role": "user", "content": "Weather?"}
RESULT = {"role": "tool", "tool_name": "weather", "content": "rain"}


def whole(body: dict) -> Answer:
    return Answer(headers=JSON, chunks=(msgspec.json.encode(body),))


def claude(signature: str, call_id: str) -> Answer:
    content = [
        {"type": "thinking", "thinking": "Hm.", "signature": signature},
        {"type": "tool_use", "id": call_id, "name": "weather", "input": {}},
    ]
    body = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": content}
    return whole(
        body | {"stop_reason": "tool_use", "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1}}
    )


def gemini(*signatures: str) -> Answer:
    parts = [
        {"functionCall": {"name": "weather", "args": {}}, "thoughtSignature": signature}
        for signature in signatures
    ]
    return whole({"candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP"}]})


def played(*script: Answer) -> Stage:
    return stage(*script, accounts=dict.fromkeys(CODECS, 1), codecs=CODECS)


async def ask(on: Stage, model: str, *messages: dict, system: str = "Now: 1") -> dict:
    told = {"role": "system", "content": system}
    body = {"model": model, "messages": [told, USER, *messages], "tools": TOOLS, "stream": False, "think": True}
    exchange = await on.ask(Exchange(body), "ollama")
    assert exchange.status == 200, exchange.received
    message = exchange.json["message"]
    calls = [{"function": call["function"]} for call in message.get("tool_calls", ())]
    return {"role": "assistant", "content": message["content"], "tool_calls": calls}


def sent(on: Stage) -> Any:
    return msgspec.json.decode(on.transport.requests[-1].body)


async def test_two_calls_that_look_alike_get_each_their_own_seal() -> None:
    on = played(claude("Zmlyc3Q=", "toolu_1"), claude("c2Vjb25k", "toolu_2"), claude("dGhpcmQ=", "toolu_3"))
    first = await ask(on, "claude/m")
    second = await ask(on, "claude/m", first, RESULT, system="Now: 2")
    await ask(on, "claude/m", first, RESULT, second, RESULT, system="Now: 3")
    thoughts = [
        block["signature"]
        for message in sent(on)["messages"]
        if isinstance(message["content"], list)
        for block in message["content"]
        if block["type"] == "thinking"
    ]
    assert thoughts == ["Zmlyc3Q=", "c2Vjb25k"]


async def test_a_signature_of_gemini_comes_back_to_it() -> None:
    on = played(gemini("Zmlyc3Q="), gemini("dGhpcmQ="))
    first = await ask(on, "gem/m")
    await ask(on, "gem/m", first, RESULT)
    parts = [part for content in sent(on)["contents"] for part in content["parts"] if "functionCall" in part]
    assert [part["thoughtSignature"] for part in parts] == ["Zmlyc3Q="]


@pytest.mark.parametrize("question", ["Weather!", ""])
async def test_a_conversation_that_began_otherwise_gets_none(question: str) -> None:
    on = played(claude("Zmlyc3Q=", "toolu_1"), claude("c2Vjb25k", "toolu_2"))
    first = await ask(on, "claude/m")
    body = {"model": "claude/m", "tools": TOOLS, "stream": False, "think": True}
    body["messages"] = [{"role": "user", "content": question or "x"}, first, RESULT]
    await on.ask(Exchange(body), "ollama")
    assert b"Zmlyc3Q=" not in on.transport.requests[-1].body


async def test_another_provider_of_the_same_dialect_gets_none() -> None:
    on = played(claude("Zmlyc3Q=", "toolu_1"), claude("c2Vjb25k", "toolu_2"))
    first = await ask(on, "claude/m")
    await ask(on, "other/m", first, RESULT)
    assert b"Zmlyc3Q=" not in on.transport.requests[-1].body


TEXTS = st.text("ab", max_size=2)
CALLS = st.builds(
    ToolCall,
    call_id=st.just("x"),
    name=st.sampled_from("fg"),
    arguments=st.sampled_from([RawJson("{}"), RawJson("[]")]),
)
PARTS: st.SearchStrategy[AnyPart] = st.one_of(
    st.builds(Text, text=TEXTS),
    st.builds(Reasoning, text=TEXTS),
    CALLS,
    st.builds(ToolResult, call_id=st.just("x"), content=st.tuples(st.builds(Text, text=TEXTS))),
)
TURNS = st.lists(
    st.builds(
        Turn,
        role=st.sampled_from(["system", "user", "assistant", "tool"]),
        parts=st.lists(PARTS, max_size=3).map(tuple),
    ),
    max_size=6,
).map(lambda turns: _numbered(tuple(turns)))


def _numbered(turns: tuple[Turn, ...]) -> tuple[Turn, ...]:
    """Every call with an id of its own."""
    numbers = iter(range(100))
    return tuple(
        msgspec.structs.replace(
            turn,
            parts=tuple(
                msgspec.structs.replace(part, call_id=f"call_{next(numbers)}")
                if isinstance(part, ToolCall)
                else part
                for part in turn.parts
            ),
        )
        for turn in turns
    )


@given(TURNS, TURNS)
def test_a_longer_conversation_has_the_places_of_the_shorter_one(
    before: tuple[Turn, ...], after: tuple[Turn, ...]
) -> None:
    whole = _numbered((*before, *after))
    assert places(before).items() <= places(whole).items()


@given(TURNS)
def test_no_two_calls_share_a_place(turns: tuple[Turn, ...]) -> None:
    # Turns in which nothing was said make no difference; between two turns with calls there is the first of them.
    found = places(turns)
    assert len(set(found.values())) == len(found)


@given(TURNS, st.lists(CALLS, min_size=1, max_size=3))
def test_an_answers_calls_are_found_again_when_it_is_sent_back(
    turns: tuple[Turn, ...], calls: list[ToolCall]
) -> None:
    answered = tuple(msgspec.structs.replace(call, call_id=f"mine_{n}") for n, call in enumerate(calls))
    found = places((*turns, Turn(role="assistant", parts=(Reasoning(text="hm"), *answered))))
    assert [found[call.call_id] for call in answered] == [place(end_of(turns), n) for n in range(len(calls))]


@given(TURNS, TEXTS)
def test_instructions_and_thoughts_change_no_place(turns: tuple[Turn, ...], text: str) -> None:
    thinking = tuple(
        msgspec.structs.replace(turn, parts=(Reasoning(text=text), *turn.parts))
        if turn.role == "assistant"
        else turn
        for turn in turns
    )
    told = Turn(role="system", parts=(Text(text=text),))
    assert places((told, *thinking)) == places(turns)
