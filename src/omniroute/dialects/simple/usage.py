"""What answers of simple operations say about their use.

OpenAI counts `prompt_tokens` or `input_tokens` (pictures, speech and transcription), Cohere `meta.tokens`, or
`meta.billed_units` where it bills none but searches. Sources: platform.openai.com/docs/api-reference,
docs.cohere.com/reference/rerank.
"""

from typing import Final

from omniroute.dialects.look import as_count, as_object
from omniroute.dialects.media_tokens import openai_media
from omniroute.ir.json import JsonObject
from omniroute.ir.result import Usage

_INTO: Final = ("prompt_tokens_details", "input_tokens_details", "input_token_details")
_OUT: Final = ("completion_tokens_details", "output_tokens_details", "output_token_details")


def usage_in(answer: JsonObject) -> Usage | None:
    """None when the answer counts no tokens."""
    said = as_object(answer.get("usage"))
    if said is None:
        meta = as_object(answer.get("meta")) or {}
        said = as_object(meta.get("tokens")) or as_object(meta.get("billed_units"))
    return None if said is None else usage_of(said)


def usage_of(said: JsonObject) -> Usage | None:
    """A usage object itself. Some count the total only; without output it is the input."""
    output = _count(said, "completion_tokens", "output_tokens")
    fresh = _count(said, "prompt_tokens", "input_tokens")
    if fresh is None:
        total = _count(said, "total_tokens")
        if total is None and output is None:
            return None
        fresh = max(0, (total or 0) - (output or 0))
    into, out = _details(said, _INTO), _details(said, _OUT)
    if not out and "image_tokens" in into:
        out = {"image_tokens": output}  # only what makes pictures counts those that it was given
    cached = min(_count(into, "cached_tokens") or 0, fresh)
    fresh -= cached
    return Usage(
        input=fresh,
        output=output or 0,
        cache_read=cached,
        media=openai_media(into, out, fresh=fresh, cached=cached, output=output or 0),
        raw=said,
    )


def _details(said: JsonObject, names: tuple[str, ...]) -> JsonObject:
    for name in names:
        found = as_object(said.get(name))
        if found is not None:
            return found
    return {}


def _count(fields: JsonObject, *names: str) -> int | None:
    for name in names:
        count = as_count(fields.get(name))
        if count is not None:
            return max(0, count)
    return None
