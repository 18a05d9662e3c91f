"""What the last object of an answer says: why it ended, and the counts and times of the server.

Counts are tokens, times are nanoseconds. Ollama does not tell cached from fresh input, nor thinking from text.
"""

from omniroute.dialects.look import as_count
from omniroute.ir.json import JsonObject, JsonValue
from omniroute.ir.result import Finish, FinishReason, Usage

_TIMES = ("total_duration", "load_duration", "prompt_eval_duration", "eval_duration")
_COUNTS = ("prompt_eval_count", "eval_count")
METRICS = (*_TIMES, *_COUNTS)

_DECODED: dict[str, FinishReason] = {"stop": "stop", "length": "length"}
_LENGTHS = ("length", "context")


def decode_usage(answer: JsonObject) -> Usage | None:
    """None when the server counted nothing, as when it only loaded a model. A prompt that was wholly cached is not
    counted by older servers."""
    raw = {name: answer[name] for name in METRICS if answer.get(name) is not None}
    if not any(name in raw for name in _COUNTS):
        return None
    return Usage(input=_tokens(raw.get("prompt_eval_count")), output=_tokens(raw.get("eval_count")), raw=raw)


def encode_usage(usage: Usage | None, *, native: bool) -> JsonObject:
    """`native` says that `usage.raw` is a server's own. Times that nobody measured are 0; tokens that nobody
    counted are left out."""
    if native:
        return {} if usage is None else usage.raw or _counts(usage)
    return {**dict.fromkeys(_TIMES, 0), **({} if usage is None else _counts(usage))}


def decode_finish(reason: JsonValue, *, called: bool) -> Finish:
    """There is no word for tool calls: an answer that holds some says `stop`."""
    raw = reason if isinstance(reason, str) and reason else None
    meaning = "stop" if raw is None else _DECODED.get(raw, "other")
    return Finish(reason="tool_calls" if called and meaning == "stop" else meaning, raw_reason=raw)


def encode_finish(finish: Finish, *, native: bool) -> str:
    if native and finish.raw_reason is not None:
        return finish.raw_reason
    return "length" if finish.reason in _LENGTHS else "stop"


def _counts(usage: Usage) -> JsonObject:
    return {"prompt_eval_count": usage.input_total, "eval_count": usage.output}


def _tokens(value: JsonValue) -> int:
    return max(0, as_count(value) or 0)
