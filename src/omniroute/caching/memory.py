"""The near tier: the answers that were used last, in memory, up to a number and a size."""

import threading
from collections import OrderedDict
from typing import NamedTuple


class _Entry(NamedTuple):
    data: bytes
    expires_at: float


class Memory:
    """Values by key, the least recently used leaving first. Times are those of the caller's clock, in seconds; all
    methods may be called from any thread."""

    def __init__(self, *, max_entries: int, max_bytes: int) -> None:
        self.max_entries = max_entries
        self.max_bytes = max_bytes
        self._entries: OrderedDict[bytes, _Entry] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def size(self) -> int:
        """The bytes of the values."""
        return self._size

    def find(self, key: bytes, now: float) -> bytes | None:
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return None
            if entry.expires_at <= now:
                self._remove(key)
                return None
            self._entries.move_to_end(key)
            return entry.data

    def put(self, key: bytes, data: bytes, expires_at: float) -> None:
        """A value that is larger than all there is room for is not kept."""
        with self._lock:
            if key in self._entries:
                self._remove(key)
            if len(data) > self.max_bytes:
                return
            self._entries[key] = _Entry(data, expires_at)
            self._size += len(data)
            while len(self._entries) > self.max_entries or self._size > self.max_bytes:
                self._remove(next(iter(self._entries)))

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()
            self._size = 0

    def _remove(self, key: bytes) -> None:
        self._size -= len(self._entries.pop(key).data)
