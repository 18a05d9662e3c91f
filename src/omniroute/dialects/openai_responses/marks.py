"""What a part must remember of the item it came from, so that the item can be written again exactly.

The representation has turns of parts where this wire has a flat list of items. The marks lie in `extra`. A mark
whose value is null says something about the writing only: to another dialect it says nothing, so that its loss is
none (`Losses.foreign` passes over nulls).
"""

from omniroute.dialects.objects import rest_of
from omniroute.ir.json import JsonObject

ITEM = "item"
"""`id` and `status` of the item."""

MESSAGE = "message"
"""The other fields of a message item: on its first part in an assistant turn, where no item has its own turn."""

CONTINUED = "part"
"""Null: this part stands in the message item of the part before it."""

UNTYPED = "item.untyped"
"""Null: the message item came without `type`."""

PLAIN = "item.plain"
"""Null: the content of the message item was a string."""

CUSTOM = "custom"
"""Null: a custom tool (free text instead of JSON arguments), its call or its result."""

NAMESPACE = "namespace"
"""On a tool: the namespace that starts with it, or null for one that goes on. On a call: null when the declared
tools tell its namespace, else the namespace itself."""

AS_FILE = "item.as_file"
"""Null: the medium was an `input_file`, whatever its media type says."""

BARE_DATA = "item.bare_data"
"""Null: `file_data` was base64 without a data URL around it."""

WHOLE = "item.whole"
"""Null, on a turn: it is no message but one unknown item."""

NO_SUMMARY = "item.no_summary"
"""Null: the item of reasoning came without `summary`."""

THOUGHT = "item.thought"
"""Null: the text of the reasoning stood in `content` (open models), not in `summary`."""

_ALL = frozenset(
    {
        *(ITEM, MESSAGE, CONTINUED, UNTYPED, PLAIN, CUSTOM, NAMESPACE),
        *(AS_FILE, BARE_DATA, WHOLE, NO_SUMMARY, THOUGHT),
    }
)
_EMPTY = "[]"


def identity(item: JsonObject) -> JsonObject | None:
    return {name: item[name] for name in ("id", "status") if name in item} or None


def item_marks(item: JsonObject, known: tuple[str, ...]) -> JsonObject:
    """The marks of an item that is one part: its identity, and its unknown fields beside it."""
    marks = dict(rest_of(item, ("id", "status", *known)) or {})
    identified = identity(item)
    return marks if identified is None else {ITEM: identified, **marks}


def quieted(extra: JsonObject | None, *names: str) -> JsonObject | None:
    """`extra` with the empty lists among `names` turned into null marks, for an empty list says nothing either."""
    empty = [name for name in names if extra is not None and extra.get(name) == []]
    if extra is None or not empty:
        return extra
    kept = {name: value for name, value in extra.items() if name not in empty}
    return {**kept, **{f"{name}{_EMPTY}": None for name in empty}}


def restore(fields: JsonObject, extra: JsonObject | None) -> None:
    """Puts the unknown fields of `extra` back into the content element or the tool they came from."""
    for name, value in (extra or {}).items():
        if name in _ALL:
            continue
        if name.endswith(_EMPTY):
            fields[name.removesuffix(_EMPTY)] = []
        else:
            fields[name] = value


def restore_item(item: JsonObject, extra: JsonObject | None) -> None:
    """Puts the unknown fields of `extra` back into the item they came from, and its identity."""
    if extra is not None:
        item.update(extra.get(ITEM) or {})
        restore(item, extra)


def has(extra: JsonObject | None, mark: str) -> bool:
    return extra is not None and mark in extra
