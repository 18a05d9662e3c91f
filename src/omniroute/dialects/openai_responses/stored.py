"""What the Responses API says of responses that are stored: items with ids, pages of them, what was deleted.

Source: platform.openai.com/docs/api-reference/responses (`input_items`, `delete`) and the types of the openai SDK.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from omniroute.dialects.look import as_array, as_object, as_text, objects_in
from omniroute.dialects.sse import Framer
from omniroute.errors import InvalidRequest, UpstreamError
from omniroute.ir.json import JsonObject, JsonValue

REFERENCE: Final = "item_reference"
"""The type of an item that stands for one which is stored."""

_ENDS: Final = ("response.completed", "response.incomplete")
_MARKS: Final = tuple(f'"{kind}"'.encode() for kind in _ENDS)
_PREFIXES: Final = {"function_call": "fc", "custom_tool_call": "ctc", "reasoning": "rs", "message": "msg"}
_LONGEST_PAGE: Final = 100


class Told(msgspec.Struct, frozen=True):
    """A response as far as one looks at it to know where it is kept."""

    id: str
    store: bool | None = None
    output: tuple["Item", ...] = ()


class Item(msgspec.Struct, frozen=True):
    id: str | None = None


class _Event(msgspec.Struct, frozen=True):
    type: str = ""
    response: msgspec.Raw = msgspec.Raw(b"null")


_TOLD: Final = msgspec.json.Decoder(Told)
_EVENT: Final = msgspec.json.Decoder(_Event)


def may_end(chunk: bytes) -> bool:
    """Whether a piece of a stream can hold its last event. Within texts their quotes are escaped."""
    return any(mark in chunk for mark in _MARKS)


def finished(frames: bytes) -> bytes | None:
    """The `response` object of the event that ends a stream well, among whole frames."""
    try:
        for frame in Framer().feed(frames):
            if frame.data and may_end(frame.data):
                event = _EVENT.decode(frame.data)
                if event.type in _ENDS:
                    return bytes(event.response)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, UpstreamError):
        pass
    return None


def told(response: bytes) -> Told | None:
    """None for what is no response with an id."""
    try:
        found = _TOLD.decode(response)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return found if found.id else None


def output_of(response: bytes) -> tuple[JsonObject, ...] | None:
    """The items of a response; None when it cannot be read."""
    try:
        value: JsonValue = msgspec.json.decode(response)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return tuple(objects_in((as_object(value) or {}).get("output")))


def input_items(said: JsonValue, token: str) -> tuple[JsonObject, ...]:
    """`input` as a list of items that all have an id; `token` is unique to the request."""
    if isinstance(said, str):
        content = [{"type": "input_text", "text": said}]
        return (_with_id({"type": "message", "role": "user", "content": content}, token, 0),)
    single = as_object(said)
    items = [single] if single is not None else objects_in(said)
    return tuple(_with_id(item, token, index) for index, item in enumerate(items))


def as_input(item: JsonObject, *, sealed: bool = True) -> JsonObject:
    """A stored item as it may stand in a new `input`; without its seal unless `sealed`."""
    left_out = ("status",) if sealed else ("status", "encrypted_content")
    return {name: value for name, value in item.items() if name not in left_out}


def page(items: Sequence[JsonObject], *, after: str | None, limit: str | None, order: str | None) -> JsonObject:
    """One page of `input_items`; the arguments are what the query says. The newest comes first unless `order` is
    `asc`. Raises `InvalidRequest`."""
    if order not in (None, "asc", "desc"):
        raise InvalidRequest(f"order: expected asc or desc, got {order[:40]!r}")
    several = list(items) if order == "asc" else list(reversed(items))
    if after is not None:
        places = [index for index, item in enumerate(several) if item.get("id") == after]
        if not places:
            raise InvalidRequest(f"after: this response has no input item {after[:80]!r}")
        several = several[places[0] + 1 :]
    most = _limit(limit)
    shown = several[:most]
    return {
        "object": "list",
        "data": shown,
        "first_id": shown[0].get("id") if shown else None,
        "last_id": shown[-1].get("id") if shown else None,
        "has_more": len(several) > most,
    }


def deleted(response_id: str) -> JsonObject:
    return {"id": response_id, "object": "response", "deleted": True}


def item_ids(items: Sequence[JsonObject]) -> tuple[str, ...]:
    return tuple(found for item in items if (found := as_text(item.get("id"))))


def refers(item: JsonValue) -> str | None:
    """The id that an item refers to; None for an item that is there itself."""
    fields = as_object(item)
    return as_text(fields.get("id")) if fields is not None and fields.get("type") == REFERENCE else None


def references(said: JsonValue) -> list[str]:
    return [found for item in as_array(said) or () if (found := refers(item)) is not None]


def _limit(said: str | None) -> int:
    if said is None:
        return 20
    if not (said.isascii() and said.isdigit() and 1 <= int(said[:9]) <= _LONGEST_PAGE):
        raise InvalidRequest(f"limit: expected a number from 1 to {_LONGEST_PAGE}, got {said[:40]!r}")
    return int(said)


def _with_id(item: JsonObject, token: str, index: int) -> JsonObject:
    kind = as_text(item.get("type")) or "message"
    shown: JsonObject = {"type": kind, **item}
    if not as_text(item.get("id")):
        shown["id"] = f"{_PREFIXES.get(kind, 'item')}_{token}_in{index}"
    if kind == "message":
        shown.setdefault("status", "completed")
        text = as_text(item.get("content"))
        if text is not None:
            shown["content"] = [_element(text, item.get("role") == "assistant")]
    return shown


def _element(text: str, answered: bool) -> JsonObject:
    return (
        {"type": "output_text", "text": text, "annotations": []}
        if answered
        else {"type": "input_text", "text": text}
    )
