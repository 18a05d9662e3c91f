"""Which account a conversation is with, so that what its provider remembers of it stays of use."""

from collections import OrderedDict
from typing import Final

import msgspec

_TTL_S: Final = 300.0
"""Anthropic and OpenAI keep a prompt for 5 minutes after its last use (their documentation of prompt caching)."""
_MAX_AGE_S: Final = 24 * 3600.0
_MAX_BINDINGS: Final = 10_000


class _Binding(msgspec.Struct):
    account_id: str
    since: float
    until: float


class Bindings:
    """By the keys of `routing.affinity`; those used longest ago are dropped first. Times are monotonic seconds."""

    def __init__(self, limit: int = _MAX_BINDINGS) -> None:
        self._limit = limit
        self._bindings: OrderedDict[str, _Binding] = OrderedDict()

    def __len__(self) -> int:
        return len(self._bindings)

    def account(self, key: str, now: float) -> str | None:
        """The id of the account that the conversation is with."""
        binding = self._bindings.get(key)
        if binding is None:
            return None
        if now >= min(binding.until, binding.since + _MAX_AGE_S):
            del self._bindings[key]
            return None
        return binding.account_id

    def bind(self, key: str, account_id: str, now: float) -> None:
        """The conversation goes there now: bound anew, or for longer."""
        binding = self._bindings.get(key)
        if binding is None or binding.account_id != account_id:
            self._bindings[key] = _Binding(account_id=account_id, since=now, until=now + _TTL_S)
        else:
            binding.until = now + _TTL_S
        self._bindings.move_to_end(key)
        if len(self._bindings) > self._limit:
            self._bindings.popitem(last=False)

    def loosen(self, key: str, account_id: str) -> None:
        """That account failed the conversation."""
        binding = self._bindings.get(key)
        if binding is not None and binding.account_id == account_id:
            del self._bindings[key]
