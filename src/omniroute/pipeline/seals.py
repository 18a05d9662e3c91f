"""What models sealed for themselves, by the calls it belongs to: found in answers, kept, put into requests."""

import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

import msgspec

from omniroute.ir.parts import AnyPart, Reasoning, ToolCall
from omniroute.ir.request import GenerateRequest, Turn
from omniroute.routing.candidate import Candidate

MOST_CALLS: Final = 10_000
MOST_CHARACTERS: Final = 32 * 1024 * 1024
LONGEST_S: Final = 3600.0
"""A call is forgotten an hour after its conversation last came by, earlier when more than this many calls, or
characters of thought and seal, are kept: the ones unused for longest go first."""

_BOUND_TO_ACCOUNT: Final = frozenset({"openai_responses"})
"""OpenAI encrypts reasoning for one organisation: `invalid_encrypted_content` is what another one is told."""

_UNUSUAL: Final = re.compile(r"[^A-Za-z0-9_-]")


class Origin(NamedTuple):
    """Who sealed something. `account` is empty where every account of the provider may see it again."""

    dialect: str
    provider: str
    model: str
    account: str


class Kept(msgspec.Struct, frozen=True):
    """What belongs to one call. Each thought comes with how many parts that are no thoughts stood between it and
    the call before."""

    origin: Origin
    thoughts: tuple[tuple[int, Reasoning], ...]
    seal: str | None

    @property
    def characters(self) -> int:
        thought = sum(len(part.text) + len(part.seal or "") for _, part in self.thoughts)
        return thought + len(self.seal or "")


def origin_of(candidate: Candidate) -> Origin:
    target = candidate.target
    account = candidate.account.id if target.dialect in _BOUND_TO_ACCOUNT else ""
    return Origin(target.dialect, target.provider, target.model, account)


def kept(parts: Iterable[AnyPart], origin: Origin) -> dict[str, Kept]:
    """What an answer of `origin` holds that is worth remembering, by call id."""
    found: dict[str, Kept] = {}
    thoughts: list[tuple[int, Reasoning]] = []
    others = 0
    for part in parts:
        match part:
            case Reasoning(origin=origin.dialect, seal=str()):
                thoughts.append((others, part))
            case Reasoning():
                pass
            case ToolCall(executor="client", call_id=call_id):
                seal = part.seal if part.origin == origin.dialect else None
                if call_id and (thoughts or seal is not None):
                    found[call_id] = Kept(origin, tuple(thoughts), seal)
                thoughts, others = [], 0
            case _:
                others += 1
    return found


def restored(request: GenerateRequest, find: Callable[[str], Kept | None]) -> GenerateRequest:
    """`request` with what `find` knows of its calls. It is the same object when that is nothing."""
    turns = tuple(_restored_turn(turn, find) if turn.role == "assistant" else turn for turn in request.turns)
    if all(new is old for new, old in zip(turns, request.turns, strict=True)):
        return request
    return msgspec.structs.replace(request, turns=turns)


def _restored_turn(turn: Turn, find: Callable[[str], Kept | None]) -> Turn:
    done: list[AnyPart] = []
    since: list[AnyPart] = []
    changed = False
    for part in turn.parts:
        if not isinstance(part, ToolCall) or part.executor != "client":
            since.append(part)
            continue
        known = find(part.call_id)
        if known is None:
            done += (*since, part)
        else:
            done += (*_with_thoughts(since, known.thoughts), _sealed(part, known))
            changed = True
        since = []
    return msgspec.structs.replace(turn, parts=(*done, *since)) if changed else turn


def _with_thoughts(parts: list[AnyPart], thoughts: tuple[tuple[int, Reasoning], ...]) -> list[AnyPart]:
    """A thought that the client sends without a seal is the remembered one, as much of it as its dialect holds."""
    if not thoughts:
        return parts
    others = [part for part in parts if not isinstance(part, Reasoning) or part.seal]
    woven: list[AnyPart] = []
    there = {part.seal for part in others}
    waiting = [thought for thought in thoughts if thought[1].seal not in there]
    for position, part in enumerate(others):
        while waiting and waiting[0][0] <= position:
            woven.append(waiting.pop(0)[1])
        woven.append(part)
    return [*woven, *(thought for _, thought in waiting)]


def _sealed(call: ToolCall, known: Kept) -> ToolCall:
    """Unknown fields of the client's dialect give way: what carries a seal belongs to the seal's dialect."""
    if known.seal is None or call.seal is not None:
        return call
    return msgspec.structs.replace(call, seal=known.seal, origin=known.origin.dialect, extra=None)


class Seals:
    """What is remembered, the last used last. Owners (ids of client keys) never see each other's. Times are
    seconds of any clock that does not go back."""

    def __init__(
        self,
        *,
        most_calls: int = MOST_CALLS,
        most_characters: int = MOST_CHARACTERS,
        longest_s: float = LONGEST_S,
    ) -> None:
        self._most_calls = most_calls
        self._most_characters = most_characters
        self._longest_s = longest_s
        self._kept: OrderedDict[tuple[str, str], tuple[Kept, float]] = OrderedDict()
        self._characters = 0

    def __len__(self) -> int:
        return len(self._kept)

    def remember(self, owner: str, found: Mapping[str, Kept], now: float) -> None:
        for call_id, known in found.items():
            key = _key(owner, call_id)
            self._forget(key)
            self._kept[key] = (known, now)
            self._characters += known.characters
        while self._kept:
            key, (_, used) = next(iter(self._kept.items()))
            full = len(self._kept) > self._most_calls or self._characters > self._most_characters
            if not full and now - used <= self._longest_s:
                return
            self._forget(key)

    def find(self, owner: str, call_id: str, origin: Origin, now: float) -> Kept | None:
        """What `origin` may see again; asking for it keeps it for longer."""
        key = _key(owner, call_id)
        entry = self._kept.get(key)
        if entry is None or entry[0].origin != origin or now - entry[1] > self._longest_s:
            return None
        self._kept[key] = (entry[0], now)
        self._kept.move_to_end(key)
        return entry[0]

    def _forget(self, key: tuple[str, str]) -> None:
        entry = self._kept.pop(key, None)
        if entry is not None:
            self._characters -= entry[0].characters


def _key(owner: str, call_id: str) -> tuple[str, str]:
    """Anthropic's clients are given ids in which anything unusual is an underscore."""
    return owner, _UNUSUAL.sub("_", call_id)
