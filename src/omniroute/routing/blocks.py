"""Who is not to be asked for a while, why, and until when: one table for accounts, models and providers.

The transitions are pure. Times are monotonic seconds; chance is a number of 0 to 1.
"""

from collections.abc import Iterator, Mapping
from typing import Final, Literal, NamedTuple, TypeAlias

import msgspec

from omniroute.ir.failure import Failure
from omniroute.routing.candidate import Candidate
from omniroute.routing.classify import ErrorClass, Reach, Verdict
from omniroute.routing.hints import MAX_WAIT_S, MIN_WAIT_S
from omniroute.routing.ladder import Rung, climbed, level, rest_s
from omniroute.routing.resilience import Profile

EVERY: Final = "*"

Source: TypeAlias = Literal["provider", "ladder", "rule"]
"""Who said how long: the provider, the ladder of failures in a row, or a rule for the class of the failure."""

_LONGER_S: Final = 1.0
"""A block that is there already is made longer only by so much: a hundred refusals at once are one."""


class Scope(NamedTuple):
    """Whom a block holds; `EVERY` connection, or every model."""

    provider: str
    connection: str = EVERY
    model: str = EVERY


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """`failure` is the evidence, `since` when it was made, `serial` its number among all changes. `version` is the
    account's at that time: an edit ends a block of its connection. `firm` and `terminal` are as in a `Verdict`.
    `probing_until` is set once it has ended and one request is seeing whether it is over; until then the others
    hold back."""

    until: float
    error: ErrorClass
    failure: Failure
    source: Source = "rule"
    since: float = 0.0
    serial: int = 0
    version: int = 0
    level: int = 0
    firm: bool = False
    terminal: bool = False
    probing_until: float = 0.0

    @property
    def open_at(self) -> float:
        """When somebody may try again."""
        return max(self.until, self.probing_until)


Blocks: TypeAlias = Mapping[str, Mapping[Scope, Block]]
"""By provider id, since mostly nobody there is blocked: then a look takes one step."""


def blocks_of(blocks: Blocks, candidate: Candidate) -> Iterator[tuple[Scope, Block]]:
    """Those that would hold `candidate`, ended ones too."""
    provider, model, account = candidate.target.provider, candidate.target.model, candidate.account
    here = blocks.get(provider)
    if not here:
        return
    for connection in (account.id, EVERY):
        for name in (model, EVERY):
            scope = Scope(provider, connection, name)
            block = here.get(scope)
            if block is not None and (connection == EVERY or block.version == account.version):
                yield scope, block


def active_block(blocks: Blocks, candidate: Candidate, now: float) -> Block | None:
    """The block that holds `candidate` at `now`, if any: of several the one that ends last."""
    if candidate.target.provider not in blocks:
        return None
    found: Block | None = None
    for _, block in blocks_of(blocks, candidate):
        if block.open_at > now and (found is None or block.open_at > found.open_at):
            found = block
    return found


def scopes_of(reach: Reach, candidate: Candidate) -> tuple[Scope, ...]:
    """What is blocked when `candidate` failed so."""
    provider, model, account = candidate.target.provider, candidate.target.model, candidate.account
    match reach:
        case "nothing":
            return ()
        case "connection":
            return (Scope(provider, account.id),)
        case "connection+model":
            return (Scope(provider, account.id, model),)
        case "limits":
            return (Scope(provider, account.id, model if account.limits_per_model else EVERY),)
        case "model":
            return (Scope(provider, EVERY, model),)
        case "capacity":
            return (Scope(provider, EVERY, model), Scope(provider, account.id, model))


def following(
    known: Block | None,
    rung: Rung,
    verdict: Verdict,
    failure: Failure,
    candidate: Candidate,
    profile: Profile,
    *,
    of_model: bool,
    late: bool,
    now: float,
    chance: float,
) -> tuple[Block, Rung] | None:
    """The block of a scope after one more failure, and the rung of its ladder; None when nothing changes.

    `known` is its block so far. The attempt was `late` when it began before `known` was made: a hundred refusals
    at once are one failure, which neither lasts longer nor climbs for being told again. `of_model`: the scope is
    one model of an account.
    """
    length, source = _length(verdict, failure, rung, profile, of_model=of_model, now=now, chance=chance)
    if known is not None and known.version != candidate.account.version:
        known = None
    held = known is not None and known.until > now
    climbs = source == "ladder" and not held and not late
    if length <= 0 or (source == "ladder" and not climbs):
        return None
    after = climbed(rung, now) if climbs else rung
    block = Block(
        until=now + length,
        error=verdict.error,
        failure=failure,
        source=source,
        since=now,
        version=candidate.account.version,
        level=level(after, now),
        firm=verdict.firm,
        terminal=verdict.terminal,
    )
    if held and known is not None and not _replaces(block, known):
        return None
    return block, after


def _replaces(block: Block, known: Block) -> bool:
    """A longer block is never shortened by a shorter one, and what somebody must see to by nothing that passes."""
    if known.terminal != block.terminal:
        return block.terminal
    return block.until > known.until + _LONGER_S


def _length(
    verdict: Verdict,
    failure: Failure,
    rung: Rung,
    profile: Profile,
    *,
    of_model: bool,
    now: float,
    chance: float,
) -> tuple[float, Source]:
    hint = failure.retry_after
    if verdict.hinted and profile.hints and hint is not None:
        # Not spread out: a caller who was told the same comes back by then, and only one request goes first.
        return min(max(hint, MIN_WAIT_S), MAX_WAIT_S), "provider"
    if verdict.fixed_s is not None:
        return verdict.fixed_s, "rule"
    return rest_s(profile, level(rung, now), of_model=of_model, chance=chance), "ladder"
