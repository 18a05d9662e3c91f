"""What a good attempt leaves in our hands: an answer whose first event was seen, not yet given to the client."""

from typing import TypeAlias

import msgspec

from omniroute.dialects.base import Glance, StreamDecoder, Tap
from omniroute.ir.events import Event
from omniroute.ir.result import GenerateResponse
from omniroute.pipeline.vigil import Vigil
from omniroute.upstream.transport import Reply

PassedHeaders: TypeAlias = list[tuple[bytes, bytes]]
"""Of the provider's reply, what the client may see."""


class Whole(msgspec.Struct, frozen=True, kw_only=True):
    """A complete same-dialect body, passed on untouched."""

    body: bytes
    glance: Glance
    headers: PassedHeaders


class Decoded(msgspec.Struct, frozen=True, kw_only=True):
    """A complete answer in the representation."""

    response: GenerateResponse


class Tapped(msgspec.Struct, frozen=True, kw_only=True):
    """A same-dialect stream; `held` are the whole frames that came up to the first useful one."""

    reply: Reply
    vigil: Vigil
    tap: Tap
    held: bytes
    ended: bool
    headers: PassedHeaders


class Translated(msgspec.Struct, frozen=True, kw_only=True):
    """A stream of another dialect; `pending` are the events up to the first useful one."""

    reply: Reply
    vigil: Vigil
    decoder: StreamDecoder
    pending: list[Event]
    headers: PassedHeaders


Answer: TypeAlias = Whole | Decoded | Tapped | Translated
