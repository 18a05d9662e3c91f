"""Token counts: the chat dialect's `usage` object to the representation and back.

`prompt_tokens` includes cache reads. Whether it includes cache writes depends on who wrote it: OpenAI's
`cache_write_tokens` and LiteLLM's `cache_creation_input_tokens` are part of it, our own `cache_creation_tokens` is
not (a client that sees a two-token greeting counted as 2,000 takes the gateway for broken).

`completion_tokens` includes reasoning at OpenAI; at xAI it is counted beside them, which the total shows
(docs.x.ai/docs/guides/reasoning).
"""

import msgspec

from omniroute.dialects.look import as_count, as_object
from omniroute.dialects.media_tokens import openai_media
from omniroute.dialects.openai_chat.wire import Usage as WireUsage
from omniroute.dialects.service_tier import tier_of
from omniroute.ir.json import JsonObject, JsonValue
from omniroute.ir.result import Usage


def decode_usage(raw: JsonObject, tier: JsonValue = None) -> Usage:
    """Also of servers that say `input_tokens`, a flat `cached_tokens`, or `prompt_cache_hit_tokens`. `tier` is the
    `service_tier` beside it."""
    total = _first(raw, "prompt_tokens", "input_tokens")
    output = _first(raw, "completion_tokens", "output_tokens")
    prompt = as_object(raw.get("prompt_tokens_details")) or {}
    completion = as_object(raw.get("completion_tokens_details")) or {}
    cache_read = _first(prompt, "cached_tokens") or _first(raw, "prompt_cache_hit_tokens", "cached_tokens")
    included = _first(prompt, "cache_write_tokens") or _first(raw, "cache_creation_input_tokens")
    reasoning = _first(completion, "reasoning_tokens")
    if reasoning and _first(raw, "total_tokens") == total + output + reasoning:
        output += reasoning
    fresh = max(0, total - cache_read - included)
    return Usage(
        input=fresh,
        output=output,
        cache_read=cache_read,
        cache_write=included or _first(prompt, "cache_creation_tokens"),
        reasoning=reasoning,
        media=openai_media(prompt, completion, fresh=fresh, cached=cache_read, output=output),
        tier=tier_of(tier),
        raw=raw,
    )


class _Prompt(msgspec.Struct, frozen=True):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    cache_creation_tokens: int | None = None
    audio_tokens: int | None = None
    image_tokens: int | None = None


class _Completion(msgspec.Struct, frozen=True):
    reasoning_tokens: int | None = None
    audio_tokens: int | None = None
    image_tokens: int | None = None


class Common(msgspec.Struct, frozen=True):
    """The spelling of OpenAI and most others; the members below `total_tokens` are other spellings, and costs that
    a provider tells."""

    prompt_tokens: int
    completion_tokens: int
    prompt_tokens_details: _Prompt | None = None
    completion_tokens_details: _Completion | None = None
    total_tokens: int = 0
    prompt_cache_hit_tokens: int | None = None
    cached_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cost: msgspec.Raw = msgspec.Raw()
    cost_in_usd_ticks: int | None = None
    estimated_cost: float | None = None


_NO_PROMPT = _Prompt()


def common_usage(seen: Common, tier: str | None = None) -> Usage | None:
    """As `decode_usage`, in a fifth of the time; `raw` of the result is left out. None for another spelling, or
    one that says more, which wants a closer look."""
    if seen.prompt_cache_hit_tokens or seen.cached_tokens or seen.cache_creation_input_tokens:
        return None
    if seen.cost or seen.cost_in_usd_ticks is not None or seen.estimated_cost is not None:
        return None
    prompt = seen.prompt_tokens_details or _NO_PROMPT
    if prompt.audio_tokens or prompt.image_tokens:
        return None
    cache_read = max(0, prompt.cached_tokens or 0)
    included = max(0, prompt.cache_write_tokens or 0)
    completion = seen.completion_tokens_details
    reasoning = 0
    if completion is not None:
        if completion.audio_tokens or completion.image_tokens:
            return None
        reasoning = max(0, completion.reasoning_tokens or 0)
        if reasoning and seen.total_tokens == seen.prompt_tokens + seen.completion_tokens + reasoning:
            return None
    return Usage(
        input=max(0, seen.prompt_tokens - cache_read - included),
        output=max(0, seen.completion_tokens),
        cache_read=cache_read,
        cache_write=included or max(0, prompt.cache_creation_tokens or 0),
        reasoning=reasoning,
        tier=tier_of(tier),
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
        media=after.media or before.media,
        tier=after.tier or before.tier,
    )


def _first(fields: JsonObject, *names: str) -> int:
    for name in names:
        value = fields.get(name)
        if value:
            return max(0, as_count(value) or 0)
    return 0
