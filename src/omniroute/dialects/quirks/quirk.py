"""What a quirk is: one named way in which a provider or a model differs from its dialect."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol, TypeAlias

import msgspec

from omniroute.dialects.base import Loss
from omniroute.ir.events import Event
from omniroute.ir.json import JsonObject
from omniroute.ir.request import GenerateRequest


class Rewritten(NamedTuple):
    """A wire body (or some top-level members of one) after a quirk. Unchanged means the same object."""

    body: JsonObject
    losses: tuple[Loss, ...] = ()


WireHook: TypeAlias = Callable[[JsonObject], Rewritten]
RequestHook: TypeAlias = Callable[[GenerateRequest], GenerateRequest]


class EventHook(Protocol):
    """Sees every event of one answer, in order, and says what it really is."""

    def hear(self, event: Event) -> Sequence[Event]: ...


class Quirk(msgspec.Struct, frozen=True, kw_only=True):
    """A deviation, as data and pure hooks; every hook may be absent.

    `wire` sees a body of the target's dialect. It reads and writes the top-level members in `keys` only, leaves
    its argument alone, and says in losses what the client did not ask for. With this promise a same-dialect
    request is patched instead of translated: only the members in `keys` are decoded, and none when `hint` is
    given and their bytes do not hold it. `request` sees the representation and therefore forces a translation.
    `events` makes a hook for one answer, which is then decoded and encoded even for a client of the same dialect.
    """

    keys: tuple[str, ...] = ()
    hint: bytes | None = None
    wire: WireHook | None = None
    request: RequestHook | None = None
    events: Callable[[], EventHook] | None = None
