"""Responses that clients may refer to later: whole ones, where the provider keeps none, and where the others are.

Only in memory, for a while after they were last used, up to a number and a size. Everything is under the id of the
client key that asked: no key finds what belongs to another.
"""

from collections import OrderedDict
from typing import Final, NamedTuple, TypeAlias

import msgspec

from omniroute.clock import Clock
from omniroute.ir.json import JsonObject
from omniroute.ir.parts import AnyPart
from omniroute.ir.request import Turn
from omniroute.pipeline.seals import Origin

LONGEST_CHAIN: Final = 1000
"""Turns of a conversation by `previous_response_id`; a longer one has gone round in a circle."""


class Spoken(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A response that is kept here. `said` and `turns` are what its request added to the conversation, as items of
    the wire and as turns; `output`, `answer` what was answered, in the same two ways. `response` is the object as
    its client got it. `origin` made the seals in `answer`; None when they are not known to be anybody's."""

    id: str
    previous: str | None
    said: tuple[JsonObject, ...]
    turns: tuple[Turn, ...]
    output: tuple[JsonObject, ...]
    answer: tuple[AnyPart, ...]
    answered_in: str | None
    origin: Origin | None
    response: bytes
    size: int

    def item(self, item_id: str) -> JsonObject | None:
        return next((item for item in (*self.output, *self.said) if item.get("id") == item_id), None)


class Elsewhere(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A response that the provider keeps, to be had through one connection only."""

    id: str
    connection: str
    items: tuple[str, ...] = ()
    size: int = 0


Entry: TypeAlias = Spoken | Elsewhere


class _Place(NamedTuple):
    owner: str
    id: str


class Storage:
    """The last used last. Sizes are bytes of memory, roughly; times are monotonic seconds."""

    def __init__(self, clock: Clock, *, longest_s: float, most: int, most_bytes: int) -> None:
        self._clock = clock
        self._longest_s = longest_s
        self._most = most
        self._most_bytes = most_bytes
        self._kept: OrderedDict[_Place, tuple[Entry, float]] = OrderedDict()
        self._items: dict[_Place, str] = {}
        self._owners: dict[str, int] = {}
        self._size = 0

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def size(self) -> int:
        """The bytes of everything that is kept."""
        return self._size

    def keep(self, owner: str, entry: Entry) -> None:
        """One that is larger than all the room there is is not kept."""
        if entry.size > self._most_bytes:
            return
        place = _Place(owner, entry.id)
        self._forget(place)
        self._kept[place] = (entry, self._clock.monotonic())
        self._size += entry.size
        for name in (entry.id, *_items(entry)):
            self._owners[name] = self._owners.get(name, 0) + 1
        for name in _items(entry):
            self._items[_Place(owner, name)] = entry.id
        self._make_room()

    def find(self, owner: str, response_id: str) -> Entry | None:
        """Asking for it keeps it for longer."""
        place = _Place(owner, response_id)
        found = self._kept.get(place)
        if found is None:
            return None
        entry, used = found
        now = self._clock.monotonic()
        if now - used > self._longest_s:
            self._forget(place)
            return None
        self._kept[place] = (entry, now)
        self._kept.move_to_end(place)
        return entry

    def holding(self, owner: str, item_id: str) -> Entry | None:
        """The response that an item belongs to."""
        response_id = self._items.get(_Place(owner, item_id))
        return None if response_id is None else self.find(owner, response_id)

    def chain(self, owner: str, response_id: str) -> tuple[Entry, ...]:
        """A response and those that it continues, the first of them first. It is empty when one of them is not
        there any more; when one of them is kept elsewhere, it begins with that one."""
        found: list[Entry] = []
        wanted: str | None = response_id
        while wanted is not None:
            entry = self.find(owner, wanted)
            if entry is None or len(found) >= LONGEST_CHAIN:
                return ()
            found.append(entry)
            wanted = entry.previous if isinstance(entry, Spoken) else None
        return tuple(reversed(found))

    def is_anothers(self, owner: str, name: str) -> bool:
        """Whether a response or an item of this id is known, but not of this owner."""
        if name not in self._owners:
            return False
        return _Place(owner, name) not in self._kept and _Place(owner, name) not in self._items

    def delete(self, owner: str, response_id: str) -> None:
        self._forget(_Place(owner, response_id))

    def _make_room(self) -> None:
        now = self._clock.monotonic()
        while self._kept:
            place, (_, used) = next(iter(self._kept.items()))
            full = len(self._kept) > self._most or self._size > self._most_bytes
            if not full and now - used <= self._longest_s:
                return
            self._forget(place)

    def _forget(self, place: _Place) -> None:
        found = self._kept.pop(place, None)
        if found is None:
            return
        entry = found[0]
        self._size -= entry.size
        for name in (entry.id, *_items(entry)):
            left = self._owners[name] - 1
            if left:
                self._owners[name] = left
            else:
                del self._owners[name]
        for name in _items(entry):
            if self._items.get(_Place(place.owner, name)) == entry.id:
                del self._items[_Place(place.owner, name)]


def _items(entry: Entry) -> tuple[str, ...]:
    """The ids of its items, each once."""
    if isinstance(entry, Elsewhere):
        return entry.items
    names = (item.get("id") for item in (*entry.said, *entry.output))
    return tuple(dict.fromkeys(name for name in names if isinstance(name, str)))
