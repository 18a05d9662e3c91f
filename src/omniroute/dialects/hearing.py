"""Answers as the quirks of their provider mean them: the hooks on events, for streams and whole answers alike."""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import TypeAlias

from omniroute.dialects.base import StreamDecoder
from omniroute.dialects.quirks.quirk import EventHook
from omniroute.dialects.quirks.registry import quirks_of
from omniroute.ir.events import Event
from omniroute.ir.fold import fold, unfold
from omniroute.ir.result import GenerateResponse
from omniroute.ir.target import Target

Hooks: TypeAlias = tuple[Callable[[], EventHook], ...]
"""Makers of hooks, one fresh hook of each for every answer."""


@lru_cache(maxsize=4096)
def hooks_of(target: Target) -> Hooks:
    return tuple(quirk.events for quirk in quirks_of(target) if quirk.events is not None)


class HearingDecoder:
    """A decoder whose events have gone through the hooks."""

    def __init__(self, decoder: StreamDecoder, hooks: Hooks) -> None:
        self._decoder = decoder
        self._hooks = [make() for make in hooks]

    def feed(self, chunk: bytes) -> list[Event]:
        return _heard(self._decoder.feed(chunk), self._hooks)

    def close(self) -> list[Event]:
        return _heard(self._decoder.close(), self._hooks)


def heard_response(response: GenerateResponse, hooks: Hooks) -> GenerateResponse:
    """A whole answer is the stream that it would have been."""
    if not hooks:
        return response
    outcome = fold(_heard(unfold(response), [make() for make in hooks]))
    assert isinstance(outcome, GenerateResponse)
    return outcome


def _heard(events: Iterable[Event], hooks: Sequence[EventHook]) -> list[Event]:
    heard = list(events)
    for hook in hooks:
        heard = [said for event in heard for said in hook.hear(event)]
    return heard
