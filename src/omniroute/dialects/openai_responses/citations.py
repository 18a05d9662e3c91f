"""Citations of other dialects as annotations of this one."""

from omniroute.dialects.look import as_count, as_object, as_text
from omniroute.ir.json import JsonObject

_CARRIED = {"type", "url", "title", "start_index", "end_index"}


def annotation_of(citation: JsonObject, start: int, end: int) -> JsonObject | None:
    """A citation with an address, of the text from `start` to `end` unless it says so itself; else None."""
    inner = as_object(citation.get("url_citation")) or citation
    url = as_text(inner.get("url"))
    if url is None:
        return None
    first, last = as_count(inner.get("start_index")), as_count(inner.get("end_index"))
    return {
        "type": "url_citation",
        "start_index": start if first is None else first,
        "end_index": end if last is None else last,
        "title": as_text(inner.get("title")) or url,
        "url": url,
    }


def is_carried_whole(citation: JsonObject) -> bool:
    """Whether the annotation says everything that the citation says."""
    inner = as_object(citation.get("url_citation"))
    if inner is None:
        return citation.keys() == _CARRIED
    return citation.keys() == {"type", "url_citation"} and inner.keys() == _CARRIED - {"type"}
