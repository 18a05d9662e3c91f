"""How many tokens of a usage report were sound and pictures, as the details of OpenAI's APIs tell it.

`audio_tokens` and `image_tokens` of the input count what came from a cache as well, which `cached_tokens_details`
takes apart (platform.openai.com/docs/api-reference, chat, images and realtime `usage`). Where nobody does, the
cache is taken to hold text first.
"""

from collections.abc import Mapping

from omniroute.dialects.look import as_count, as_object
from omniroute.ir.json import JsonObject, JsonValue
from omniroute.ir.result import MediaTokens

_NONE = MediaTokens()


def openai_media(into: JsonObject, out: JsonObject, *, fresh: int, cached: int, output: int) -> MediaTokens | None:
    """`into` and `out` are the details; `fresh`, `cached` and `output` the buckets that they are parts of. None
    when all is text."""
    if not any(details.get(name) for details in (into, out) for name in ("audio_tokens", "image_tokens")):
        return None
    held = as_object(into.get("cached_tokens_details")) or {}
    return media_tokens(
        fresh=fresh,
        cached=cached,
        output=output,
        audio=(_count(into, "audio_tokens"), _count(held, "audio_tokens"), _count(out, "audio_tokens")),
        image=(_count(into, "image_tokens"), _count(held, "image_tokens"), _count(out, "image_tokens")),
    )


def media_tokens(
    *, fresh: int, cached: int, output: int, audio: tuple[int, int, int], image: tuple[int, int, int]
) -> MediaTokens | None:
    """`audio` and `image` are (all input, what of it was cached, output), as they are told; the result never says
    more than the buckets hold."""
    audio_cached, image_cached = _shared(cached, audio[1], image[1])
    audio_input, image_input = _shared(fresh, max(0, audio[0] - audio_cached), max(0, image[0] - image_cached))
    # What is more than the fresh input can only have been read from the cache.
    audio_cached, image_cached = _shared(
        cached,
        max(audio_cached, audio[0] - audio_input),
        max(image_cached, image[0] - image_input),
    )
    audio_output, image_output = _shared(output, audio[2], image[2])
    found = MediaTokens(
        audio_input=audio_input,
        audio_cached=audio_cached,
        audio_output=audio_output,
        image_input=image_input,
        image_cached=image_cached,
        image_output=image_output,
    )
    return None if found == _NONE else found


def _shared(bucket: int, first: int, second: int) -> tuple[int, int]:
    first = min(first, bucket)
    return first, min(second, bucket - first)


def _count(fields: Mapping[str, JsonValue], name: str) -> int:
    return max(0, as_count(fields.get(name)) or 0)
