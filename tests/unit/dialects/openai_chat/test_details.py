"""`reasoning_details`: seals of chat providers are kept, given to clients who can hold them, and replayed."""

import msgspec

from omniroute.dialects.base import Context
from omniroute.dialects.openai_chat.details import details_of
from omniroute.dialects.registry import DIALECTS
from omniroute.ir.events import Event
from omniroute.ir.fold import fold
from omniroute.ir.parts import Reasoning, Text
from omniroute.ir.request import GenerateRequest, Turn
from omniroute.ir.result import GenerateResponse
from omniroute.ir.target import Target

CHAT = DIALECTS["openai_chat"]
CONTEXT = Context(request_id="req_1", token="t0ken", created=1, model="m")
SIGNED = {"type": "reasoning.text", "index": 0, "text": "why", "signature": "s1g", "format": "anthropic-claude-v1"}
HIDDEN = {"type": "reasoning.encrypted", "index": 1, "data": "c2VjcmV0", "id": "rs_1"}
TARGET = Target(provider="or", model="m", dialect="openai_chat", quirks=("replay_reasoning_details",))


def streamed(*deltas: dict) -> tuple[list[Event], GenerateResponse]:
    decoder = CHAT.stream_decoder()
    events: list[Event] = []
    for delta in deltas:
        chunk = {"id": "chatcmpl-1", "model": "m", "choices": [{"index": 0, "delta": delta}]}
        events += decoder.feed(b"data: " + msgspec.json.encode(chunk) + b"\n\n")
    end = {"id": "chatcmpl-1", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    events += decoder.feed(b"data: " + msgspec.json.encode(end) + b"\n\ndata: [DONE]\n\n") + decoder.close()
    answer = fold(events)
    assert isinstance(answer, GenerateResponse)
    return events, answer


def pieces() -> tuple[dict, ...]:
    """The same as OpenRouter sends it: text in pieces, the signature behind them, then the answer."""
    one = {"type": "reasoning.text", "index": 0, "format": "anthropic-claude-v1"}
    return (
        {"reasoning": "wh", "reasoning_details": [{**one, "text": "wh"}]},
        {"reasoning": "y", "reasoning_details": [{**one, "text": "y"}]},
        {"content": "", "reasoning_details": [{**one, "signature": "s1g"}]},
        {"content": "because"},
    )


def test_the_entries_of_an_answer_are_its_seal() -> None:
    message = {
        "role": "assistant",
        "content": "because",
        "reasoning": "why",
        "reasoning_details": [SIGNED, HIDDEN],
    }
    body = {
        "id": "chatcmpl-1",
        "model": "m",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
    }
    answer = CHAT.decode_response(msgspec.json.encode(body))
    assert isinstance(answer, GenerateResponse)
    thought = answer.parts[0]
    assert isinstance(thought, Reasoning)
    assert thought.text == "why"
    assert details_of(thought.seal or "") == [SIGNED, HIDDEN]


def test_the_pieces_of_a_stream_are_the_same_seal() -> None:
    _, answer = streamed(*pieces())
    thought, text = answer.parts
    assert isinstance(thought, Reasoning)
    assert (thought.text, details_of(thought.seal or "")) == ("why", [SIGNED])
    assert text == Text(text="because")


def test_hidden_thinking_without_a_word_is_a_seal_too() -> None:
    call = {"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    _, answer = streamed({"reasoning_details": [HIDDEN], "tool_calls": [call]})
    thought = answer.parts[0]
    assert isinstance(thought, Reasoning)
    assert (thought.text, details_of(thought.seal or "")) == ("", [HIDDEN])


def test_a_chat_client_gets_the_entries_again_when_the_stream_has_to_be_written_anew() -> None:
    events, _ = streamed(*pieces())
    encoder = CHAT.stream_encoder(CONTEXT)
    written = b"".join(encoder.send(event) for event in events) + encoder.close()
    frames = [msgspec.json.decode(line[6:]) for line in written.splitlines() if line.startswith(b"data: {")]
    deltas = [choice["delta"] for frame in frames for choice in frame["choices"]]
    assert [delta["reasoning_details"] for delta in deltas if "reasoning_details" in delta] == [[SIGNED]]


def test_a_provider_that_wants_its_seals_back_gets_them_and_no_other_does() -> None:
    _, answer = streamed(*pieces())
    turns = (
        Turn(role="user", parts=(Text(text="hi"),)),
        Turn(role="assistant", parts=answer.parts),
        Turn(role="user", parts=(Text(text="and?"),)),
    )
    request = GenerateRequest(model="m", turns=turns, dialect="anthropic")
    body = msgspec.json.decode(CHAT.encode_request(request, TARGET).body)
    assert body["messages"][1] == {"role": "assistant", "content": "because", "reasoning_details": [SIGNED]}
    plain = CHAT.encode_request(request, msgspec.structs.replace(TARGET, quirks=()))
    assert "reasoning_details" not in msgspec.json.decode(plain.body)["messages"][1]
    assert [loss.what for loss in plain.losses] == ["reasoning"]


def test_a_foreign_seal_is_never_written_as_one_of_ours() -> None:
    foreign = Reasoning(text="why", seal='[{"type":"reasoning.text","signature":"x"}]', origin="anthropic")
    turns = (
        Turn(role="user", parts=(Text(text="hi"),)),
        Turn(role="assistant", parts=(foreign, Text(text="because")), origin="anthropic"),
    )
    encoded = CHAT.encode_request(GenerateRequest(model="m", turns=turns, dialect="anthropic"), TARGET)
    assert "reasoning_details" not in msgspec.json.decode(encoded.body)["messages"][1]
