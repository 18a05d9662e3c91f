"""Token counts: the chat dialect's `usage` object to the representation and back.

`prompt_tokens` includes cache reads. Whether it includes cache writes depends on who wrote it: OpenAI's
`cache_write_tokens` and LiteLLM's `cache_creation_input_tokens` are part of it, our own `cache_creation_tokens` is
not (a client that sees a two-token greeting counted as 2,000 takes the gateway for broken).
"""

import msgspec

from omniroute.dialects.look import as_count, as_object
from omniroute.dialects.openai_chat.wire import Usage as WireUsage
from omniroute.ir.json import JsonObject
from omniroute.ir.result import Usage


def decode_usage(raw: JsonObject) -> Usage:
    """Also of servers that say `input_tokens`, a flat `cached_tokens`, or `prompt_cache_hit_tokens`."""
    total = _first(raw, "prompt_tokens", "input_tokens")
    output = _first(raw, "completion_tokens", "output_tokens")
    prompt = as_object(raw.get("prompt_tokens_details")) or {}
    completion = as_object(raw.get("completion_tokens_details")) or {}
    cache_read = _first(prompt, "cached_tokens") or _first(raw, "prompt_cache_hit_tokens", "cached_tokens")
    included = _first(prompt, "cache_write_tokens") or _first(raw, "cache_creation_input_tokens")
    return Usage(
        input=max(0, total - cache_read - included),
        output=output,
        cache_read=cache_read,
        cache_write=included or _first(prompt, "cache_creation_tokens"),
        reasoning=_first(completion, "reasoning_tokens"),
        raw=raw,
    )


class _Prompt(msgspec.Struct, frozen=True):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    cache_creation_tokens: int | None = None


class _Completion(msgspec.Struct, frozen=True):
    reasoning_tokens: int | None = None


class Common(msgspec.Struct, frozen=True):
    """The spelling of OpenAI and most others; the members below `total_tokens` are other spellings."""

    prompt_tokens: int
    completion_tokens: int
    prompt_tokens_details: _Prompt | None = None
    completion_tokens_details: _Completion | None = None
    total_tokens: int = 0
    prompt_cache_hit_tokens: int | None = None
    cached_tokens: int | None = None
    cache_creation_input_tokens: int | None = None


_NO_PROMPT = _Prompt()


def common_usage(seen: Common) -> Usage | None:
    """As `decode_usage`, in a fifth of the time; `raw` of the result is left out. None for another spelling, which
    wants a closer look."""
    if seen.prompt_cache_hit_tokens or seen.cached_tokens or seen.cache_creation_input_tokens:
        return None
    prompt = seen.prompt_tokens_details or _NO_PROMPT
    cache_read = max(0, prompt.cached_tokens or 0)
    included = max(0, prompt.cache_write_tokens or 0)
    completion = seen.completion_tokens_details
    return Usage(
        input=max(0, seen.prompt_tokens - cache_read - included),
        output=max(0, seen.completion_tokens),
        cache_read=cache_read,
        cache_write=included or max(0, prompt.cache_creation_tokens or 0),
        reasoning=max(0, completion.reasoning_tokens or 0) if completion is not None else 0,
    )


def encode_usage(usage: Usage, *, native: bool) -> JsonObject:
    """`native` says that `usage.raw` is a chat provider's own object, which then goes on as it is."""
    raw = usage.raw
    if native and raw is not None and {"prompt_tokens", "completion_tokens", "total_tokens"} <= raw.keys():
        return raw
    prompt = usage.input + usage.cache_read
    wire = WireUsage(prompt_tokens=prompt, completion_tokens=usage.output, total_tokens=prompt + usage.output)
    if usage.cache_read or usage.cache_write:
        wire["prompt_tokens_details"] = {"cached_tokens": usage.cache_read}
        if usage.cache_write:
            wire["prompt_tokens_details"]["cache_creation_tokens"] = usage.cache_write
    if usage.reasoning:
        wire["completion_tokens_details"] = {"reasoning_tokens": usage.reasoning}
    return {**wire}


def later(before: Usage | None, after: Usage) -> Usage:
    """The usage known after another report; a zero never overwrites a count."""
    if before is None:
        return after
    return msgspec.structs.replace(
        after,
        input=after.input or before.input,
        output=after.output or before.output,
        cache_read=after.cache_read or before.cache_read,
        cache_write=after.cache_write or before.cache_write,
        reasoning=after.reasoning or before.reasoning,
    )


def _first(fields: JsonObject, *names: str) -> int:
    for name in names:
        value = fields.get(name)
        if value:
            return max(0, as_count(value) or 0)
    return 0
