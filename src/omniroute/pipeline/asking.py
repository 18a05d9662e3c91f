"""What of a request a choice between targets may depend on, read from its envelope without decoding it."""

from typing import Final

import msgspec

from omniroute.dialects.envelope import Envelope
from omniroute.dialects.look import as_array
from omniroute.ir.json import JsonValue
from omniroute.routing.strategy import Asked

_BYTES_PER_TOKEN: Final = 4
_IMAGES: Final = (b'"image_url"', b'"input_image"', b'"image"', b'"inlineData"', b'"inline_data"', b'"images"')
_DOCUMENTS: Final = (b'"document"', b'"input_file"', b"application/pdf")
_NO_TOOLS: Final = (b"[]", b"null")
_LIMITS: Final = ("max_tokens", "max_completion_tokens", "max_output_tokens")


class _Metadata(msgspec.Struct, frozen=True):
    tags: JsonValue = None
    tag_match_mode: JsonValue = None


def asked(envelope: Envelope, *, pinned: bool) -> Asked:
    """A guess where certainty would cost a decoding: it may keep a target out that could have served, and the
    engine then keeps all."""
    body = envelope.body
    fields = envelope.fields
    limits = (_number(fields.get(name)) for name in _LIMITS)
    tools = fields.get("tools")
    tags, match_all = _tags(fields.get("metadata"))
    return Asked(
        input_tokens=len(body) // _BYTES_PER_TOKEN,
        max_output_tokens=next((limit for limit in limits if limit is not None), None),
        tools=tools is not None and bytes(tools) not in _NO_TOOLS,
        images=any(mark in body for mark in _IMAGES),
        documents=any(mark in body for mark in _DOCUMENTS),
        structured_output=b'"json_schema"' in body,
        tags=tags,
        match_all_tags=match_all,
        pinned=pinned,
    )


def _number(raw: msgspec.Raw | None) -> int | None:
    value: JsonValue = None if raw is None else msgspec.json.decode(raw)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _tags(raw: msgspec.Raw | None) -> tuple[tuple[str, ...], bool]:
    """`metadata.tags` is a list or a text with commas; `metadata.tag_match_mode` says `any` or `all`. Where tags
    are a rule, a member that is no text must not undo the others."""
    if raw is None or b'"tags"' not in bytes(raw):
        return (), False
    try:
        metadata = msgspec.json.decode(raw, type=_Metadata)
    except msgspec.ValidationError:
        return (), False
    given = metadata.tags
    words = given.split(",") if isinstance(given, str) else [str(one) for one in as_array(given) or ()]
    tags = tuple(word.strip().lower() for word in words if word.strip())
    return tags, metadata.tag_match_mode == "all"
