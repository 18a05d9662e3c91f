"""What a turn is made of. Parts are frozen; their order inside a turn is meaning and is kept."""

from typing import Literal, TypeAlias

import msgspec

from omniroute.ir.json import JsonObject, RawJson

Executor: TypeAlias = Literal["client", "provider"]
"""Who runs a tool: the client that sent the request, or the provider itself (hosted tools)."""


class CacheMark(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A prompt-cache breakpoint after the thing that carries it. `ttl` is the vendor's word, such as `1h`."""

    ttl: str | None = None
    extra: JsonObject | None = None


class Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind"):
    """What every part may carry.

    `origin` is the dialect that `seal` and `extra` belong to; an encoder of another dialect must not replay
    them. `seal` is an opaque proof of the vendor (Anthropic `signature`, Gemini `thoughtSignature`): it is
    replayed only to its origin and never invented. `extra` holds unknown fields of the wire object.
    """

    origin: str | None = None
    seal: str | None = None
    cache: CacheMark | None = None
    extra: JsonObject | None = None


class Text(Part, frozen=True, kw_only=True, omit_defaults=True, tag="text"):
    text: str
    citations: tuple[JsonObject, ...] = ()


class Reasoning(Part, frozen=True, kw_only=True, omit_defaults=True, tag="reasoning"):
    """Thinking. `redacted` means that only `seal` carries content (Anthropic `redacted_thinking.data`)."""

    text: str = ""
    summary: tuple[str, ...] = ()
    redacted: bool = False


class Media(Part, frozen=True, kw_only=True, omit_defaults=True, tag="media"):
    """An image, document, audio or video: exactly one of `data` (base64, never decoded here), `url`, `file_id`.

    `mime` may be a family such as `image/*` where the wire does not say (an image by URL).
    """

    mime: str
    data: str | None = None
    url: str | None = None
    file_id: str | None = None
    name: str | None = None
    detail: str | None = None


class ToolCall(Part, frozen=True, kw_only=True, omit_defaults=True, tag="tool_call"):
    """A call the model wants. `arguments` is the text the model produced, even when it is not valid JSON."""

    call_id: str
    name: str
    arguments: RawJson = RawJson("")
    executor: Executor = "client"


class Refusal(Part, frozen=True, kw_only=True, omit_defaults=True, tag="refusal"):
    text: str


class Unknown(Part, frozen=True, kw_only=True, omit_defaults=True, tag="unknown"):
    """A block of `origin` that the representation has no word for, whole."""

    data: JsonObject


class ToolResult(Part, frozen=True, kw_only=True, omit_defaults=True, tag="tool_result"):
    """What a tool answered. `name` is known only where the wire says it."""

    call_id: str
    content: tuple[Text | Media | Unknown, ...] = ()
    is_error: bool = False
    name: str | None = None
    executor: Executor = "client"


AnyPart: TypeAlias = Text | Reasoning | Media | ToolCall | ToolResult | Refusal | Unknown
