"""Ollama's chat API by the letter: the vendor SDK's types (strict, no unknown key) and the order of lines.

The SDK's types make almost everything optional, so role, model, time and the end of an answer are checked here.
Each function raises AssertionError that names the line and the rule, and gives back what was said.
"""

import re

import msgspec
from ollama import ChatResponse
from pydantic import TypeAdapter, ValidationError

from tests.support.order import Told, ToldCall

_ANSWER = TypeAdapter(ChatResponse)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")
_TIMES = {"total_duration", "load_duration", "prompt_eval_duration", "eval_duration"}
_AT_THE_END = {*_TIMES, "done_reason", "prompt_eval_count", "eval_count"}


def answer(raw: bytes) -> Told:
    """A whole answer: exactly one object."""
    assert b"\n" not in raw, "a whole answer is one line"
    told = Told()
    line = _checked(raw)
    assert line["done"] is True, "a whole answer is done"
    _take(line, told)
    return told


def stream(raw: bytes) -> Told:
    """A stream: lines, of which the last one, and no other, is done or an error."""
    told = Told()
    assert raw.endswith(b"\n"), f"the stream ends inside a line: {raw[-80:]!r}"
    lines = raw.decode("utf-8").split("\n")[:-1]
    for position, text in enumerate(lines):
        last = position == len(lines) - 1
        try:
            _line(text.encode(), told, last)
        except AssertionError as broken:
            raise AssertionError(f"line {position} {text[:200]!r}: {broken}") from None
    return told


def error(raw: bytes) -> str:
    """A body or a line that says what went wrong."""
    value = msgspec.json.decode(raw)
    assert set(value) == {"error"}, f"an error holds `error` only: {value}"
    assert isinstance(value["error"], str), f"an error is a string: {value}"
    assert value["error"], "an error has a message"
    assert "\n" not in value["error"], f"only one line may reach a client: {value['error']!r}"
    return value["error"]


def _line(raw: bytes, told: Told, last: bool) -> None:
    told.events += 1
    if "error" in msgspec.json.decode(raw):
        assert last, "an error ends the stream"
        told.ended, told.error = "failed", {"message": error(raw)}
        return
    line = _checked(raw)
    assert line["done"] is last, "the last line, and no other, is done"
    if last:
        assert line["message"] == {"role": "assistant", "content": ""}, "the last line says nothing more"
    else:
        assert not _AT_THE_END & set(line), "counts and reason come with the last line"
        assert len(set(line["message"]) - {"role"}) <= 2, "a line holds one kind of thing"
        assert not (line["message"].get("thinking") and line["message"]["content"]), "thinking beside content"
    _take(line, told)


def _checked(raw: bytes) -> dict:
    try:
        _ANSWER.validate_json(raw, strict=True, extra="forbid")
    except ValidationError as broken:
        raise AssertionError(f"{broken} in {raw[:300]!r}") from None
    line = msgspec.json.decode(raw)
    assert isinstance(line.get("model"), str), "the model is named"
    assert line["model"], "the model has a name"
    assert _TIME.fullmatch(line.get("created_at", "")), f"no time by RFC 3339: {line.get('created_at')!r}"
    assert line["message"]["role"] == "assistant", "the role is assistant"
    assert isinstance(line["message"].get("content"), str), "content is a string, if only an empty one"
    assert isinstance(line.get("done"), bool), "done is said"
    assert ("done_reason" in line) is line["done"], "an answer that is done says why"
    for call in line["message"].get("tool_calls", ()):
        assert isinstance(call["function"]["arguments"], dict), "arguments are an object"
        assert call["function"]["name"], "a call has a name"
    return line


def _take(line: dict, told: Told) -> None:
    message = line["message"]
    told.text += message["content"]
    told.reasoning += message.get("thinking") or ""
    for call in message.get("tool_calls", ()):
        written = msgspec.json.encode(call["function"]["arguments"]).decode()
        told.calls.append(ToldCall("", call["function"]["name"], written))
    if line["done"]:
        told.finish = line["done_reason"]
        assert set(line) >= _TIMES, "the end names its times"
        told.usage = {name: line[name] for name in ("prompt_eval_count", "eval_count") if name in line}
