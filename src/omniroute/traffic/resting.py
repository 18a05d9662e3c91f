"""Who rests now: applies the transitions of `routing.blocks` as attempts end, and wakes those that wait for it."""

import asyncio
from collections.abc import Callable, Collection, Iterable
from typing import Final, Protocol

import msgspec

from omniroute.clock import Rng
from omniroute.ir.failure import Failure
from omniroute.routing.blocks import EVERY, Block, Blocks, Scope, blocks_of, following, scopes_of
from omniroute.routing.candidate import Candidate
from omniroute.routing.classify import Verdict
from omniroute.routing.ladder import GROUND, Rung, halved
from omniroute.routing.resilience import DEFAULT, Resilience

PROBE_S: Final = 5.0
"""How long others hold back while one request sees whether a rest is over. Who refuses does so sooner."""
_REMEMBERED_S: Final = 3600.0
"""An ended block is kept so long for the one request that is to try it first."""
_MAX_BLOCKS: Final = 10_000


class Kept(Protocol):
    """Where changes are written down, later and elsewhere."""

    def put(self, scope: Scope, block: Block) -> None:
        """The block of `scope` is this one now."""
        ...

    def drop(self, scopes: Iterable[Scope]) -> None:
        """These have none any more."""
        ...


class Resting:
    """Times are monotonic seconds. One event loop writes it. `serial` counts the changes: an attempt remembers
    what it was when it began, so that what it tells at its end does not pass for news."""

    def __init__(
        self,
        dice: Rng | None = None,
        rules: Callable[[], Resilience] = lambda: DEFAULT,
        kept: Kept | None = None,
    ) -> None:
        """Without `dice` every rest has its full length."""
        self._dice = dice
        self.rules = rules
        self._kept = kept
        self._blocks: dict[str, dict[Scope, Block]] = {}
        self._rungs: dict[Scope, Rung] = {}
        self._waiting: dict[asyncio.Future[None], Collection[str]] = {}
        self.serial = 0

    @property
    def view(self) -> Blocks:
        """What the engine may look at; empty when all is well."""
        return self._blocks

    def restore(self, blocks: Iterable[tuple[Scope, Block]]) -> None:
        """What was written down before the process began."""
        for scope, block in blocks:
            known = msgspec.structs.replace(block, serial=0, probing_until=0.0)
            self._blocks.setdefault(scope.provider, {})[scope] = known
            if block.level:
                self._rungs[scope] = Rung(block.level, block.since)

    def forget(self, scopes: Iterable[Scope]) -> None:
        """What was written down of these is over."""
        gone = list(scopes)
        if gone and self._kept is not None:
            self._kept.drop(gone)

    def current(self, now: float) -> list[tuple[Scope, Block]]:
        """Those that hold somebody now, in the order of their scopes. May be asked from any thread."""
        every = [pair for blocks in list(self._blocks.values()) for pair in list(blocks.items())]
        return sorted((pair for pair in every if pair[1].until > now), key=lambda pair: pair[0])

    def began(self, candidate: Candidate, now: float) -> int:
        """An attempt goes there. Where a rest has just ended, it is the one that sees whether it is over. Returns
        what the attempt is to show at its end."""
        if candidate.target.provider in self._blocks:
            for scope, block in list(blocks_of(self._blocks, candidate)):
                if block.firm and block.until <= now:
                    self._blocks[scope.provider][scope] = msgspec.structs.replace(
                        block, probing_until=now + PROBE_S
                    )
        return self.serial

    def failed(
        self, candidate: Candidate, verdict: Verdict, failure: Failure, now: float, seen: int | None = None
    ) -> float:
        """Applies `verdict`. Returns for how many seconds this failure has made somebody rest."""
        self.left(candidate)
        scopes = scopes_of(verdict.reach, candidate)
        return max([self._fail(scope, candidate, verdict, failure, now, seen) for scope in scopes], default=0.0)

    def succeeded(self, candidate: Candidate, now: float, seen: int | None = None) -> None:
        """An answer began well. What blocked its account, its model or both is over, unless it was told of later
        than the attempt began."""
        if candidate.target.provider in self._blocks:
            over = [
                scope
                for scope, block in blocks_of(self._blocks, candidate)
                if seen is None or block.serial <= seen
            ]
            if over:
                self._drop(over)
        if self._rungs:
            self._descend(candidate, now)

    def left(self, candidate: Candidate) -> None:
        """An attempt ended without a word on whether the rest is over; the next may see."""
        if candidate.target.provider in self._blocks:
            for scope, block in list(blocks_of(self._blocks, candidate)):
                if block.probing_until:
                    self._blocks[scope.provider][scope] = msgspec.structs.replace(block, probing_until=0.0)
                    self._wake({scope.provider})

    def lift(self, chosen: Callable[[Scope, Block], bool]) -> list[Scope]:
        """Ends the blocks that are `chosen`, and forgets the failures that led to them."""
        scopes = [
            scope for blocks in self._blocks.values() for scope, block in blocks.items() if chosen(scope, block)
        ]
        self._drop(scopes)
        for scope in scopes:
            self._rungs.pop(scope, None)
        return scopes

    @property
    def awaited(self) -> int:
        """How many wait for something to change."""
        return len(self._waiting)

    def jitter_s(self, most_s: float) -> float:
        """A little time, so that not everybody comes back at once."""
        return 0.0 if self._dice is None else most_s * self._dice.random()

    async def change(self, providers: Collection[str], within_s: float) -> None:
        """Returns when a block at one of `providers` was lifted or tried, or after `within_s`."""
        loop = asyncio.get_running_loop()
        news: asyncio.Future[None] = loop.create_future()
        self._waiting[news] = providers
        alarm = loop.call_later(within_s, _ring, news)
        try:
            await news
        finally:
            alarm.cancel()
            del self._waiting[news]

    def _fail(
        self, scope: Scope, candidate: Candidate, verdict: Verdict, failure: Failure, now: float, seen: int | None
    ) -> float:
        known = self._blocks.get(scope.provider, {}).get(scope)
        if known is not None and scope.connection == EVERY:  # no edit of one account ends what holds them all
            known = msgspec.structs.replace(known, version=candidate.account.version)
        edited = known is not None and known.version != candidate.account.version
        made = following(
            known,
            GROUND if edited else self._rungs.get(scope, GROUND),
            verdict,
            failure,
            candidate,
            self.rules().of(candidate.account.category),
            of_model=scope.connection != EVERY and scope.model != EVERY,
            late=seen is not None and known is not None and known.serial > seen,
            now=now,
            chance=0.0 if self._dice is None else self._dice.random(),
        )
        if made is None:
            return 0.0
        block, rung = made
        self.serial += 1
        self._sweep(now)
        block = msgspec.structs.replace(block, serial=self.serial)
        self._blocks.setdefault(scope.provider, {})[scope] = block
        if rung.level:
            self._rungs[scope] = rung
        if self._kept is not None:
            self._kept.put(scope, block)
        return block.until - now

    def _descend(self, candidate: Candidate, now: float) -> None:
        provider, model, account = candidate.target.provider, candidate.target.model, candidate.account.id
        for scope in (
            Scope(provider, account),
            Scope(provider, account, model),
            Scope(provider, EVERY, model),
            Scope(provider),
        ):
            rung = self._rungs.get(scope)
            if rung is None:
                continue
            lower = halved(rung, now)
            if lower.level:
                self._rungs[scope] = lower
            else:
                del self._rungs[scope]

    def _drop(self, scopes: Iterable[Scope]) -> None:
        gone = list(scopes)
        for scope in gone:
            here = self._blocks[scope.provider]
            del here[scope]
            if not here:
                del self._blocks[scope.provider]
        if gone:
            self.serial += 1
            if self._kept is not None:
                self._kept.drop(gone)
            self._wake({scope.provider for scope in gone})

    def _wake(self, providers: Collection[str]) -> None:
        for news, wanted in self._waiting.items():
            if not news.done() and not set(wanted).isdisjoint(providers):
                news.set_result(None)

    def _sweep(self, now: float) -> None:
        total = sum(map(len, self._blocks.values()))
        kept_s = 0.0 if total >= _MAX_BLOCKS else _REMEMBERED_S
        old = [
            scope
            for blocks in self._blocks.values()
            for scope, block in blocks.items()
            if block.until + kept_s <= now
        ]
        if old:
            self._drop(old)
        if len(self._rungs) > _MAX_BLOCKS:
            self._rungs = {scope: rung for scope, rung in self._rungs.items() if now - rung.at < _REMEMBERED_S}


def _ring(news: "asyncio.Future[None]") -> None:
    if not news.done():
        news.set_result(None)
