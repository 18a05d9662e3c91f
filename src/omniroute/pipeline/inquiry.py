"""What is known about a request of one question and one answer while it lives."""

from collections.abc import Callable
from typing import TypeAlias

import msgspec

from omniroute.dialects.simple.base import Upload
from omniroute.ir.json import JsonObject
from omniroute.pipeline.visit import Visit

Shape: TypeAlias = Callable[[bytes], bytes]
"""From the body of an answer to the one that the client's dialect has for it."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A body that was read: `fields`, `uploads` and `foreign` as in `dialects.simple.base.Question`. `stream` says
    that the client waits for server-sent events. Without a `shape` answers are right as they are."""

    model: str
    fields: JsonObject
    raw: bytes
    content_type: str = "application/json"
    uploads: tuple[Upload, ...] = ()
    foreign: tuple[str, ...] = ()
    stream: bool = False
    shape: Shape | None = None


Reading: TypeAlias = Callable[[bytes, str], Asked]
"""From a body and its content type. Raises `InvalidRequest`."""


class Inquiry(Visit, kw_only=True, eq=False):
    """A visit that wants one answer to one question. `bare`: the reply that has begun is no stream of events, so
    that nothing can be said in it about an error."""

    question: Asked
    bare: bool = False
