"""The order of events that a client may rely on: one state machine for each dialect's streams.

The vendors' types say what an event may hold; only these say when it may come. Each function reads one whole
recorded stream, raises AssertionError that names the event and the rule, and gives back what was said.
"""

from dataclasses import dataclass, field
from typing import Literal

import msgspec

from tests.support.frames import Frame, frames


@dataclass
class ToldCall:
    call_id: str
    name: str
    arguments: str = ""


@dataclass
class Told:
    """What a stream said, put together. `ended` is `ok` after a proper end, `failed` after an error event."""

    ended: Literal["ok", "failed"] = "ok"
    text: str = ""
    reasoning: str = ""
    signatures: list[str] = field(default_factory=list)
    calls: list[ToldCall] = field(default_factory=list)
    finish: str | None = None
    usage: dict | None = None
    error: dict | None = None
    events: int = 0


def openai_chat(raw: bytes, *, include_usage: bool = False) -> Told:
    """A Chat Completions stream with one choice."""
    machine = _OpenAi(include_usage)
    told = frames(raw)
    for position, frame in enumerate(told):
        _at(position, frame, machine.take)
    machine.end()
    return machine.told


def anthropic(raw: bytes) -> Told:
    """A Messages stream."""
    machine = _Anthropic()
    for position, frame in enumerate(frames(raw)):
        _at(position, frame, machine.take)
    machine.end()
    return machine.told


def _at(position: int, frame: Frame, take) -> None:
    try:
        take(frame)
    except AssertionError as broken:
        raise AssertionError(f"event {position} {frame.data[:200]!r}: {broken}") from None


def _rule(holds: object, rule: str) -> None:
    if not holds:
        raise AssertionError(rule)


class _OpenAi:
    def __init__(self, include_usage: bool) -> None:
        self.told = Told()
        self._include_usage = include_usage
        self._identity: tuple[object, object, object] | None = None
        self._role_seen = False
        self._done = False

    def take(self, frame: Frame) -> None:
        _rule(not self._done, "nothing may follow [DONE]")
        _rule(frame.event is None, "chat chunks carry no event line")
        if frame.data == "[DONE]":
            self._take_done()
            return
        _rule(self.told.error is None, "only [DONE] may follow an error")
        chunk = msgspec.json.decode(frame.data)
        _rule(isinstance(chunk, dict), "a chunk is an object")
        self.told.events += 1
        if chunk.get("error") is not None:
            _rule(set(chunk) == {"error"}, "an error chunk holds nothing but the error")
            _rule(isinstance(chunk["error"].get("message"), str), "an error has a message")
            self.told.ended, self.told.error = "failed", chunk["error"]
            return
        self._take_chunk(chunk)

    def end(self) -> None:
        _rule(self._done, "the stream ends without [DONE]")

    def _take_done(self) -> None:
        self._done = True
        if self.told.error is not None:
            return
        _rule(self.told.finish is not None, "[DONE] before a finish_reason")
        _rule(not self._include_usage or self.told.usage is not None, "include_usage was asked for, no usage came")

    def _take_chunk(self, chunk: dict) -> None:
        identity = (chunk.get("id"), chunk.get("created"), chunk.get("model"))
        _rule(all(identity), "id, created and model are in every chunk")
        _rule(self._identity in (None, identity), f"id, created or model changed: {self._identity} -> {identity}")
        self._identity = identity
        if not chunk["choices"]:
            self._take_usage(chunk)
            return
        _rule(len(chunk["choices"]) == 1 and chunk["choices"][0]["index"] == 0, "the one choice has index 0")
        _rule(self.told.finish is None, "a choice after its finish_reason")
        choice = chunk["choices"][0]
        self._take_delta(choice["delta"])
        finish = choice.get("finish_reason")
        if finish is not None:
            self._take_finish(finish)
        if chunk.get("usage") is not None:
            _rule(not self._include_usage, "with include_usage, usage is null but in the last chunk")
            _rule(finish is not None, "usage before the finish_reason")
            self.told.usage = chunk["usage"]

    def _take_usage(self, chunk: dict) -> None:
        _rule(self._include_usage, "a chunk without choices, but include_usage was not asked for")
        _rule(self.told.finish is not None, "the usage chunk comes after the finish_reason")
        _rule(self.told.usage is None, "a second usage chunk")
        _rule(chunk.get("usage") is not None, "a chunk without choices carries usage")
        self.told.usage = chunk["usage"]

    def _take_delta(self, delta: dict) -> None:
        if not self._role_seen:
            _rule(delta.get("role") == "assistant", "the first delta names the role")
            self._role_seen = True
        else:
            _rule(delta.get("role") is None, "the role is named once")
        reasoning, content = delta.get("reasoning_content"), delta.get("content")
        _rule(not (reasoning and content), "reasoning and content in one delta")
        self.told.reasoning += reasoning or ""
        self.told.text += content or ""
        for call in delta.get("tool_calls") or []:
            self._take_call(call)

    def _take_call(self, call: dict) -> None:
        index, function = call["index"], call.get("function") or {}
        if index == len(self.told.calls):
            _rule(call.get("id"), "a new tool call has an id")
            _rule(call.get("type") == "function", "a new tool call has the type function")
            _rule(function.get("name"), "a new tool call has a name")
            _rule(call["id"] not in [known.call_id for known in self.told.calls], "a tool call id used twice")
            self.told.calls.append(ToldCall(call["id"], function["name"]))
        else:
            _rule(0 <= index < len(self.told.calls), f"tool call index {index} leaves a gap")
            _rule(call.get("id") is None, "the id comes only with a call's first delta")
            _rule(call.get("type") is None, "the type comes only with a call's first delta")
            _rule(function.get("name") is None, "the name comes only with a call's first delta")
        self.told.calls[index].arguments += function.get("arguments") or ""

    def _take_finish(self, finish: str) -> None:
        self.told.finish = finish
        if finish in ("length", "content_filter"):
            return
        _rule(
            (finish == "tool_calls") == bool(self.told.calls),
            f"finish {finish!r} with {len(self.told.calls)} calls",
        )
        for call in self.told.calls:
            _parses(call)


_DELTAS = {
    "text": {"text_delta", "citations_delta"},
    "thinking": {"thinking_delta", "signature_delta"},
    "redacted_thinking": set(),
    "tool_use": {"input_json_delta"},
    "server_tool_use": {"input_json_delta"},
}


class _Anthropic:
    def __init__(self) -> None:
        self.told = Told()
        self._phase: Literal["new", "open", "delta", "stopped", "failed"] = "new"
        self._blocks = 0
        self._block: str | None = None
        self._deltas = 0
        self._signed = False
        self._call: ToldCall | None = None

    def take(self, frame: Frame) -> None:
        _rule(self._phase not in ("stopped", "failed"), "nothing may follow the terminal event")
        event = msgspec.json.decode(frame.data)
        kind = event["type"]
        _rule(frame.event == kind, f"the event line {frame.event!r} names the type {kind!r}")
        self.told.events += 1
        match kind:
            case "ping":
                return
            case "error":
                _rule(isinstance(event["error"].get("type"), str), "an error has a type")
                _rule(isinstance(event["error"].get("message"), str), "an error has a message")
                self.told.ended, self.told.error, self._phase = "failed", event["error"], "failed"
            case "message_start":
                self._start(event["message"])
            case "content_block_start":
                self._open(event["index"], event["content_block"])
            case "content_block_delta":
                self._delta(event["index"], event["delta"])
            case "content_block_stop":
                self._close(event["index"])
            case "message_delta":
                self._finish(event)
            case "message_stop":
                _rule(self._phase == "delta", "message_stop comes right after message_delta")
                self._phase = "stopped"
            case _:
                raise AssertionError(f"unknown event {kind!r}")

    def end(self) -> None:
        _rule(self._phase in ("stopped", "failed"), "the stream ends without message_stop or error")

    def _start(self, message: dict) -> None:
        _rule(self._phase == "new", "message_start comes once and first")
        _rule(message["id"].startswith("msg_"), "a message id starts with msg_")
        _rule(message["content"] == [], "a message starts empty")
        _rule(message.get("stop_reason") is None, "a message starts without a stop_reason")
        _rule(isinstance(message["usage"].get("input_tokens"), int), "message_start counts the input")
        self.told.usage = {key: value for key, value in message["usage"].items() if value is not None}
        self._phase = "open"

    def _open(self, index: int, block: dict) -> None:
        _rule(self._phase == "open", "blocks come between message_start and message_delta")
        _rule(self._block is None, f"block {index} opens while another one is open")
        _rule(index == self._blocks, f"block indices are dense: expected {self._blocks}")
        self._block, self._deltas, self._signed, self._call = block["type"], 0, False, None
        match block["type"]:
            case "text":
                _rule(block["text"] == "", "a text block opens empty")
            case "thinking":
                _rule(block["thinking"] == "", "a thinking block opens empty")
                _rule(block["signature"] == "", "a thinking block opens without a signature")
            case "tool_use" | "server_tool_use":
                _rule(block["input"] == {}, "a tool block opens with an empty input")
                _rule(block["id"] and block["name"], "a tool block has an id and a name")
                _rule(block["id"] not in [call.call_id for call in self.told.calls], "a tool id used twice")
                self._call = ToldCall(block["id"], block["name"])
                if block["type"] == "tool_use":
                    self.told.calls.append(self._call)

    def _delta(self, index: int, delta: dict) -> None:
        _rule(self._block is not None and index == self._blocks, f"a delta for block {index}, which is not open")
        kind = delta["type"]
        allowed = _DELTAS.get(self._block or "", set())
        _rule(kind in allowed, f"{kind} does not fit a {self._block} block")
        _rule(not self._signed, "nothing may follow a signature in its block")
        self._deltas += 1
        match kind:
            case "text_delta":
                self.told.text += delta["text"]
            case "thinking_delta":
                self.told.reasoning += delta["thinking"]
            case "signature_delta":
                self._signed = True
                self.told.signatures.append(delta["signature"])
            case "input_json_delta":
                assert self._call is not None
                self._call.arguments += delta["partial_json"]

    def _close(self, index: int) -> None:
        _rule(self._block is not None and index == self._blocks, f"block {index} closes but is not open")
        _rule(self._deltas or self._block not in ("text", "thinking"), f"an empty {self._block} block")
        self._blocks, self._block = self._blocks + 1, None

    def _finish(self, event: dict) -> None:
        _rule(self._phase == "open", "message_delta comes once, after message_start")
        _rule(self._block is None, "message_delta while a block is open")
        self.told.finish = event["delta"].get("stop_reason")
        _rule(self.told.finish is not None, "message_delta names the stop_reason")
        _rule(isinstance(event["usage"].get("output_tokens"), int), "message_delta counts the output")
        self.told.usage = (self.told.usage or {}) | {
            key: value for key, value in event["usage"].items() if value is not None
        }
        if self.told.finish not in ("max_tokens", "model_context_window_exceeded", "refusal", "pause_turn"):
            called = bool(self.told.calls)
            _rule(
                (self.told.finish == "tool_use") == called, f"{self.told.finish} with {len(self.told.calls)} calls"
            )
            for call in self.told.calls:
                _parses(call)
        self._phase = "delta"


def _parses(call: ToldCall) -> None:
    try:
        value = msgspec.json.decode(call.arguments or "{}")
    except msgspec.DecodeError as problem:
        raise AssertionError(
            f"the arguments of {call.name!r} do not parse: {problem}: {call.arguments!r}"
        ) from None
    _rule(isinstance(value, dict), f"the arguments of {call.name!r} are not an object: {call.arguments!r}")
