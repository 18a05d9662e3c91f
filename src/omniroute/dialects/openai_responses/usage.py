"""Token counts of the Responses API to the representation and back.

`input_tokens` includes cache reads, and OpenAI's `cache_write_tokens` where they are reported. Our own
`cache_creation_tokens` are not part of it (a client that sees a two-token greeting counted as 2,000 takes the
gateway for broken). Both details objects are always written: Codex refuses a usage without them.
"""

from omniroute.dialects.look import as_count, as_object
from omniroute.dialects.media_tokens import openai_media
from omniroute.dialects.openai_responses.wire import Usage as WireUsage
from omniroute.dialects.service_tier import tier_of
from omniroute.ir.json import JsonObject, JsonValue
from omniroute.ir.result import Usage

_WHOLE = frozenset(
    {"input_tokens", "input_tokens_details", "output_tokens", "output_tokens_details", "total_tokens"}
)


def decode_usage(raw: JsonObject, tier: JsonValue = None) -> Usage:
    """Also of servers that say `prompt_tokens` and `completion_tokens`. `tier` is the `service_tier` of
    the response."""
    into = as_object(raw.get("input_tokens_details")) or as_object(raw.get("prompt_tokens_details")) or {}
    out = as_object(raw.get("output_tokens_details")) or as_object(raw.get("completion_tokens_details")) or {}
    read, written = _count(into, "cached_tokens"), _count(into, "cache_write_tokens")
    fresh = max(0, _count(raw, "input_tokens", "prompt_tokens") - read - written)
    output = _count(raw, "output_tokens", "completion_tokens")
    return Usage(
        input=fresh,
        output=output,
        cache_read=read,
        cache_write=written or _count(into, "cache_creation_tokens"),
        reasoning=_count(out, "reasoning_tokens"),
        media=openai_media(into, out, fresh=fresh, cached=read, output=output),
        tier=tier_of(tier),
        raw=raw,
    )


def encode_usage(usage: Usage, *, native: bool) -> JsonObject:
    """`native` says that `usage.raw` is this API's own object, which then goes on as it is."""
    raw = usage.raw
    if native and raw is not None and raw.keys() >= _WHOLE:
        return raw
    total = usage.input + usage.cache_read
    wire: WireUsage = {
        "input_tokens": total,
        "input_tokens_details": {"cached_tokens": usage.cache_read},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": total + usage.output,
    }
    if usage.cache_write:
        wire["input_tokens_details"]["cache_creation_tokens"] = usage.cache_write
    return {**wire}


def _count(fields: JsonObject, *names: str) -> int:
    for name in names:
        value = as_count(fields.get(name))
        if value is not None:
            return max(0, value)
    return 0
