"""From a model name to what is tried, in order: a combo by its strategy, anything else by its accounts."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Final, TypeVar

import msgspec

from omniroute.access.grant import LOCAL_GRANT, Grant
from omniroute.catalog.provider import OperationName
from omniroute.errors import GatewayError
from omniroute.ir.target import Target
from omniroute.ledger.cost import Sheet
from omniroute.pipeline.candidates import Candidates
from omniroute.pipeline.draws import Conversation, Draws, bindings, keeping
from omniroute.pipeline.outlook import Outlook
from omniroute.pipeline.planting import Planted, Planting, carries, tagged, unmatched
from omniroute.routing.actions import Rules
from omniroute.routing.candidate import Candidate
from omniroute.routing.combo import Combo
from omniroute.routing.eligible import Unfit, eligible, unfitness
from omniroute.routing.lineup import Lineup
from omniroute.routing.ordering import Compared, ordered
from omniroute.routing.selection import orders
from omniroute.routing.selection.draw import Draw
from omniroute.routing.selection.rules import Selection
from omniroute.routing.standing import Standing
from omniroute.routing.strategy import Asked, Moment
from omniroute.routing.tree import Branch, Leaf
from omniroute.snapshot.aliases import meant
from omniroute.snapshot.model import Snapshot
from omniroute.traffic.pulse import Pulse

_T = TypeVar("_T")

_COMBO: Final = "combo/"
"""What may stand before a combo's name."""
_EVERYTHING: Final[frozenset[Compared]] = frozenset({"standings", "quota", "costs"})
_NOBODY: Final[frozenset[str]] = frozenset()


class Chosen(msgspec.Struct, frozen=True, kw_only=True):
    """At least one candidate, in order. `moment` is what the order followed from: with it the choice can be made
    again."""

    candidates: tuple[Candidate, ...] | Lineup
    combo: Combo | None = None
    moment: Moment | None = None
    unfit: tuple[Unfit, ...] = ()
    ejected: tuple[str, ...] = ()
    """Leaf keys that were left out because their providers are failing."""
    unusable: tuple[tuple[str, str], ...] = ()
    """Leaves without any account that may be used: key and reason."""
    bindings: Mapping[str, str] = {}
    """By provider id, the key under which the conversation is bound to an account there."""
    branch: Branch | None = None
    """The tree that was chosen from."""
    accounts: Mapping[str, tuple[Candidate, ...]] = {}
    """Those that were chosen from, as configured: by leaf key, or by the name of the only target."""
    revision: int = 0
    """Of the configuration."""
    conduct: str | None = None
    """What `pipeline.conduct` made of the order, in words."""
    keys: tuple[str, ...] = ()
    """The leaf keys of the candidates, where `pipeline.conduct` put them in order."""

    def max_attempts(self, usual: int) -> int:
        """How often may be tried: the combo's own number, or the `usual` one."""
        own = self.combo.config.max_attempts if self.combo is not None else None
        return usual if own is None else own

    @property
    def on(self) -> Rules | None:
        """What the combo does about certain failures."""
        return None if self.combo is None else self.combo.config.on

    @property
    def fills(self) -> bool:
        """Whether a busy target is waited for before the next one is asked."""
        return self.combo is not None and self.combo.strategy == "fill-first"

    def placed(self) -> Iterator[tuple[str, Candidate]]:
        """The candidates in order, each with the key of its leaf, or with the name of the only target. Accounts of
        targets that nobody came to stand as configured."""
        if isinstance(self.candidates, Lineup):
            return self.candidates.placed()
        if self.keys:
            return zip(self.keys, self.candidates, strict=True)
        return ((_name(one.target), one) for one in self.candidates)


class Choose:
    """`sheet` gives the ledger's prices; `seeds` gives fresh chance for each request; `now` is monotonic."""

    def __init__(
        self,
        candidates: Candidates,
        pulse: Pulse,
        draws: Draws,
        *,
        sheet: Callable[[Target], Sheet | None],
        seeds: Callable[[], int],
        now: Callable[[], float],
    ) -> None:
        self._candidates = candidates
        self._planting = Planting(candidates)
        self._outlook = Outlook(pulse, draws, sheet)
        self._pulse = pulse
        self._draws = draws
        self._seeds = seeds
        self._now = now

    def of(
        self,
        snapshot: Snapshot,
        name: str,
        pinned: str | None,
        grant: Grant,
        asked: Callable[[], Asked],
        operation: OperationName = "chat",
        conversation: Conversation | None = None,
    ) -> Chosen:
        """`asked` is read for combos only, `conversation` where there are several accounts. Raises `GatewayError`
        when nothing can be tried, saying why."""
        if pinned is None and (snapshot.combos or snapshot.aliases):
            combo = snapshot.combos.get(name)
            if combo is None and name.startswith(_COMBO):
                combo = snapshot.combos.get(name.removeprefix(_COMBO))
            if combo is None and snapshot.aliases:
                wanted, name = name, meant(snapshot.aliases, name)
                combo = snapshot.combos.get(name) or snapshot.combos.get(name.removeprefix(_COMBO))
                if name != wanted and wanted in grant.models:
                    grant = msgspec.structs.replace(grant, models=())  # allowed by its alias, whatever that is
            if combo is not None and not combo.active and self._candidates.unknown(snapshot, name) is not None:
                raise GatewayError(404, f"the combo {combo.name!r} is switched off", code="model_not_found")
            if combo is not None and combo.active:
                planted, wishes = self._planting.of(snapshot, combo, operation, grant), asked()
                if wishes.tags:
                    planted = tagged(planted, wishes, snapshot.selection)
                chosen = self._of_combo(snapshot, combo, grant, wishes, planted, conversation)
                self._pulse.take_turn(combo.name)
                self._take_turn(chosen)
                return chosen
        candidates = self._candidates.of(snapshot, name, pinned, grant, operation)
        if snapshot.selection.strict_tags and (wishes := asked()).tags:
            candidates = tuple(one for one in candidates if carries(one.account.tags, wishes))
            if not candidates:
                raise unmatched(wishes)
        if len(candidates) == 1:
            return Chosen(candidates=candidates, revision=snapshot.revision)
        chosen = self._of_accounts(snapshot, candidates, grant, conversation)
        self._take_turn(chosen)
        return chosen

    def rehearse(self, snapshot: Snapshot, combo: Combo, grant: Grant, asked: Asked) -> tuple[Chosen, Branch]:
        """What `of` would choose now, with all that is known about the targets, and the tree it would choose from.
        Nobody's turn is taken."""
        planted = self._planting.of(snapshot, combo, "chat", grant)
        if asked.tags:
            planted = tagged(planted, asked, snapshot.selection)
        chosen = self._of_combo(snapshot, combo, grant, asked, planted, None, dry=True)
        for _ in chosen.candidates:
            pass  # comes to every target, so that it can be told how its accounts stand
        return chosen, planted.branch

    def steps(
        self, snapshot: Snapshot, combo: Combo
    ) -> tuple[list[tuple[str, Chosen]], Sequence[tuple[str, str]]]:
        """Each target of a combo as if it were asked for alone, by leaf key and in configured order; and why
        others cannot be."""
        planted = self._planting.of(snapshot, combo, "chat", LOCAL_GRANT)
        return [
            (leaf.key, self._of_accounts(snapshot, planted.accounts[leaf.key], LOCAL_GRANT, None, dry=True))
            for leaf in planted.usable
        ], planted.unusable

    def serving(self, snapshot: Snapshot, name: str) -> tuple[Candidate, ...]:
        """The accounts that may serve `name`, a model or a combo; none when it means nothing that is served."""
        combo = snapshot.combos.get(name)
        try:
            if combo is None:
                return tuple(self._candidates.of(snapshot, name, None, LOCAL_GRANT))
            chosen, _ = self.rehearse(snapshot, combo, LOCAL_GRANT, Asked())
        except GatewayError:
            return ()
        return tuple(candidate for _, candidate in chosen.placed())

    def meaningless(self, snapshot: Snapshot, name: str) -> str | None:
        """Why `name` means neither a combo nor a model; None when it does."""
        if name in snapshot.combos or name.removeprefix(_COMBO) in snapshot.combos:
            return None
        try:
            self._candidates.of(snapshot, name, None, LOCAL_GRANT)
        except GatewayError as error:
            return error.message
        return None

    def unknown(self, snapshot: Snapshot, name: str) -> str | None:
        """Why no step of a combo can be `name`; None when it is a model, whether or not anybody is connected to
        its provider now."""
        found = self._candidates.unknown(snapshot, name)
        if found is None or not snapshot.aliases:
            return found
        return found if self._candidates.unknown(snapshot, meant(snapshot.aliases, name)) else None

    def _of_accounts(
        self,
        snapshot: Snapshot,
        candidates: tuple[Candidate, ...],
        grant: Grant,
        conversation: Conversation | None,
        *,
        dry: bool = False,
    ) -> Chosen:
        target = candidates[0].target
        bound = bindings(keeping(snapshot.selection, (candidates,)), grant, conversation)
        seed = self._seeds()
        draw = self._draws.of(snapshot.selection, candidates, bound.get(target.provider), lambda: seed, dry=dry)
        if draw is None:
            return Chosen(candidates=candidates, bindings=bound, revision=snapshot.revision)
        moment = Moment(seed=seed, draws={_name(target): draw})
        return Chosen(
            candidates=orders.ordered(candidates, draw),
            moment=moment,
            bindings=bound,
            accounts={_name(target): candidates},
            revision=snapshot.revision,
        )

    def _take_turn(self, chosen: Chosen) -> None:
        """Comes to the first target, where it is somebody's turn if there are several accounts."""
        first = chosen.candidates.at(0)[0] if isinstance(chosen.candidates, Lineup) else chosen.candidates[0]
        if chosen.moment is not None and chosen.moment.draws:
            self._draws.take_turn(first.target.provider)

    def _of_combo(
        self,
        snapshot: Snapshot,
        combo: Combo,
        grant: Grant,
        asked: Asked,
        planted: Planted,
        conversation: Conversation | None,
        *,
        dry: bool = False,
    ) -> Chosen:
        """A `dry` run looks up all that is known about the targets, to tell of it; any thread may make one."""
        if not planted.usable:
            raise _nothing(combo, planted.unusable)
        fit = planted.all_fit if unfitness(planted.weakest, asked) is None else eligible(planted.usable, asked)
        now = self._now()
        ejected = _NOBODY if self._pulse.well else self._ejected(planted.usable, fit.kept, now)
        known = _EVERYTHING if dry else planted.compared
        standings: Mapping[str, Standing] = {}
        if "standings" in known or (known and not self._pulse.well):
            standings = self._outlook.standings(planted, now, dry=dry)
        draws: dict[str, Draw] = {}
        moment = Moment(
            seed=self._seeds(),
            asked=asked,
            standings=standings,
            quotas=self._outlook.quotas(planted, now, dry=dry) if "quota" in known else {},
            costs=self._outlook.costs(planted, asked, now) if "costs" in known else {},
            turns=_those(planted.names, self._pulse.turns),
            last_good=_those(planted.names, self._pulse.last_good),
            draws=draws,
            preferred=grant.preferred,
        )
        bound = bindings(planted.keeping, grant, conversation)
        kept = fit.kept - ejected if ejected else fit.kept
        return Chosen(
            candidates=Lineup(
                ((leaf.key, planted.accounts[leaf.key]) for leaf in ordered(planted.branch, kept, moment)),
                partial(self._drawing, snapshot.selection, moment, bound, combo.strategy == "reset-aware", dry),
                draws,
                count=len(kept),
            ),
            combo=combo,
            moment=moment,
            unfit=fit.unfit,
            ejected=tuple(sorted(ejected)) if ejected else (),
            unusable=planted.unusable,
            bindings=bound,
            branch=planted.branch,
            accounts=planted.accounts,
            revision=snapshot.revision,
        )

    def _drawing(
        self,
        selection: Selection,
        moment: Moment,
        bound: Mapping[str, str],
        by_quota: bool,
        dry: bool,
        key: str,
        accounts: tuple[Candidate, ...],
    ) -> Draw | None:
        """What the order of a leaf's accounts is to follow from."""
        provider = accounts[0].target.provider
        seed = partial(moment.seed_of, f"accounts:{key}")
        return self._draws.of(selection, accounts, bound.get(provider), seed, by_quota=by_quota, dry=dry)

    def _ejected(self, usable: Sequence[Leaf], kept: frozenset[str], now: float) -> frozenset[str]:
        """Whose breakers are open. When that is more than half of all, something else is wrong, perhaps our own
        network: then nobody is left out."""
        failing = frozenset(
            [one.key for one in usable if self._pulse.failing(one.target, now) and one.key in kept]
        )
        return frozenset() if len(failing) * 2 > len(kept) else failing


def _those(names: tuple[str, ...], known: Mapping[str, _T]) -> Mapping[str, _T]:
    return {name: known[name] for name in names if name in known}


def _name(target: Target) -> str:
    return f"{target.provider}/{target.model}"


def _nothing(combo: Combo, unusable: Sequence[tuple[str, str]]) -> GatewayError:
    if not unusable:
        return GatewayError(
            400,
            f"no model of the combo {combo.name!r} is known any more: look at it with `omniroute combos ls`",
            code="no_credentials",
        )
    reasons = "; ".join(f"{key}: {reason}" for key, reason in unusable[:3])
    more = f"; and {len(unusable) - 3} more" if len(unusable) > 3 else ""
    return GatewayError(
        400, f"no model of the combo {combo.name!r} can be used: {reasons}{more}", code="no_credentials"
    )
