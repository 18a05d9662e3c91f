"""From a model name to what is tried, in order: a combo by its strategy, anything else by its accounts."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

import msgspec

from omniroute.access.grant import LOCAL_GRANT, Grant
from omniroute.catalog.provider import OperationName
from omniroute.errors import GatewayError
from omniroute.ir.result import Usage
from omniroute.ir.target import Target
from omniroute.ledger.cost import Price
from omniroute.pipeline.candidates import Candidates
from omniroute.pipeline.draws import Conversation, Draws, bindings
from omniroute.routing.candidate import Candidate
from omniroute.routing.combo import Combo
from omniroute.routing.eligible import Unfit, eligible
from omniroute.routing.ordering import ordered
from omniroute.routing.selection import orders
from omniroute.routing.selection.draw import AccountStanding, Draw
from omniroute.routing.standing import Standing
from omniroute.routing.strategy import Asked, Moment
from omniroute.routing.tree import Branch, Leaf, leaves, plant
from omniroute.snapshot.aliases import meant
from omniroute.snapshot.model import Snapshot
from omniroute.traffic.pulse import Pulse

_USUAL_OUTPUT: Final = 500
"""Tokens of an answer, before a model has given one."""


class Chosen(msgspec.Struct, frozen=True, kw_only=True):
    """At least one candidate, in order. `moment` is what the order followed from: with it the choice can be made
    again. `keys` are the leaf keys of a combo's candidates, beside them."""

    candidates: tuple[Candidate, ...]
    combo: Combo | None = None
    keys: tuple[str, ...] = ()
    moment: Moment | None = None
    unfit: tuple[Unfit, ...] = ()
    ejected: tuple[str, ...] = ()
    """Leaf keys that were left out because their providers are failing."""
    unusable: tuple[tuple[str, str], ...] = ()
    """Leaves without any account that may be used: key and reason."""
    bindings: Mapping[str, str] = {}
    """By provider id, the key under which the conversation is bound to an account there."""

    def max_attempts(self, usual: int) -> int:
        """How often may be tried: the combo's own number, or the `usual` one."""
        own = self.combo.config.max_attempts if self.combo is not None else None
        return usual if own is None else own


class Choose:
    """Trees are planted once per snapshot. `price` is the ledger's, so that what looks cheapest is what will be
    billed least; `seeds` gives fresh chance for each request; `now` is monotonic."""

    def __init__(
        self,
        candidates: Candidates,
        pulse: Pulse,
        draws: Draws,
        *,
        price: Price,
        seeds: Callable[[], int],
        now: Callable[[], float],
    ) -> None:
        self._price = price
        self._candidates = candidates
        self._pulse = pulse
        self._draws = draws
        self._seeds = seeds
        self._now = now
        self._snapshot: Snapshot | None = None
        self._trees: dict[tuple[str, OperationName], Branch] = {}

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
            if combo is None and snapshot.aliases:
                wanted, name = name, meant(snapshot.aliases, name)
                combo = snapshot.combos.get(name)
                if name != wanted and wanted in grant.models:
                    grant = msgspec.structs.replace(grant, models=())  # allowed by its alias, whatever that is
            if combo is not None and combo.active:
                chosen = self._of_combo(snapshot, combo, grant, asked(), operation, conversation)
                self._pulse.take_turn(combo.name)
                self._take_turn(chosen)
                return chosen
        candidates = self._candidates.of(snapshot, name, pinned, grant, operation)
        if len(candidates) == 1:
            return Chosen(candidates=candidates)
        chosen = self._of_accounts(snapshot, candidates, grant, conversation)
        self._take_turn(chosen)
        return chosen

    def rehearse(self, snapshot: Snapshot, combo: Combo, grant: Grant, asked: Asked) -> tuple[Chosen, Branch]:
        """What `of` would choose now, and the tree it would choose from. Nobody's turn is taken."""
        chosen = self._of_combo(snapshot, combo, grant, asked, "chat", None)
        return chosen, self._tree(snapshot, combo, "chat")

    def meaningless(self, snapshot: Snapshot, name: str) -> str | None:
        """Why `name` means neither a combo nor a model; None when it does."""
        if name in snapshot.combos:
            return None
        try:
            self._candidates.of(snapshot, name, None, LOCAL_GRANT)
        except GatewayError as error:
            return error.message
        return None

    def _of_accounts(
        self,
        snapshot: Snapshot,
        candidates: tuple[Candidate, ...],
        grant: Grant,
        conversation: Conversation | None,
    ) -> Chosen:
        target = candidates[0].target
        bound = bindings(snapshot, candidates[:1], grant, conversation)
        draw = self._draws.of(snapshot, candidates, bound.get(target.provider), self._seeds, {})
        if draw is None:
            return Chosen(candidates=candidates, bindings=bound)
        moment = Moment(seed=draw.seed, draws={f"{target.provider}/{target.model}": draw})
        return Chosen(candidates=orders.ordered(candidates, draw), moment=moment, bindings=bound)

    def _take_turn(self, chosen: Chosen) -> None:
        if chosen.moment is not None and chosen.moment.draws:
            self._draws.take_turn(chosen.candidates[0].target.provider)

    def _of_combo(
        self,
        snapshot: Snapshot,
        combo: Combo,
        grant: Grant,
        asked: Asked,
        operation: OperationName,
        conversation: Conversation | None,
    ) -> Chosen:
        branch = self._tree(snapshot, combo, operation)
        # Who is allowed the combo by its name is allowed what is in it; otherwise each target needs to be allowed.
        inside = msgspec.structs.replace(grant, models=()) if combo.name in grant.models else grant
        accounts: dict[str, tuple[Candidate, ...]] = {}
        unusable: list[tuple[str, str]] = []
        usable: list[Leaf] = []
        for leaf in leaves(branch):
            try:
                accounts[leaf.key] = self._usable(snapshot, leaf, inside)
                usable.append(leaf)
            except GatewayError as error:
                unusable.append((leaf.key, error.message))
        if not usable:
            raise _nothing(combo, unusable)
        fit = eligible(usable, asked)
        standings = self._standings(usable, asked)
        ejected = _ejected(fit.kept, standings)
        moment = Moment(
            seed=self._seeds(),
            asked=asked,
            standings=standings,
            turns=dict(self._pulse.turns),
            last_good=dict(self._pulse.last_good),
        )
        several = [one for key in accounts if len(one := accounts[key]) > 1 and key in fit.kept]
        bound = bindings(snapshot, [one[0] for one in several], grant, conversation)
        candidates: list[Candidate] = []
        keys: list[str] = []
        draws: dict[str, Draw] = {}
        known: dict[str, AccountStanding] = {}
        for leaf in ordered(branch, fit.kept - ejected, moment):
            own = accounts[leaf.key]
            if len(own) > 1:
                binding = bound.get(leaf.target.provider)
                seed = partial(moment.seed_of, f"accounts:{leaf.key}")
                draw = self._draws.of(snapshot, own, binding, seed, known)
                if draw is not None:
                    draws[leaf.key] = draw
                    own = orders.ordered(own, draw)
            candidates.extend(own)
            keys.extend([leaf.key] * len(own))
        if draws:
            moment = msgspec.structs.replace(moment, draws=draws)
        return Chosen(
            candidates=tuple(candidates),
            combo=combo,
            keys=tuple(keys),
            moment=moment,
            unfit=fit.unfit,
            ejected=tuple(sorted(ejected)),
            unusable=tuple(unusable),
            bindings=bound,
        )

    def _usable(self, snapshot: Snapshot, leaf: Leaf, grant: Grant) -> tuple[Candidate, ...]:
        found = self._candidates.at(snapshot, leaf.target, grant)
        if leaf.connection_id is None:
            return found
        own = tuple(candidate for candidate in found if candidate.account.id == leaf.connection_id)
        if not own:
            raise GatewayError(
                400,
                f"the connection {leaf.connection_id!r} is not there, not active, or not for this model",
                code="no_credentials",
            )
        return own

    def _standings(self, usable: list[Leaf], asked: Asked) -> Mapping[str, Standing]:
        now = self._now()
        found: dict[str, Standing] = {}
        for leaf in usable:
            standing = self._pulse.standing(leaf.target, now)
            output = round(self._output_tokens(leaf.target, asked))
            cost = self._price(leaf.target, Usage(input=asked.input_tokens, output=output))
            if cost is not None:
                standing = msgspec.structs.replace(standing, cost_usd=cost.micro_usd / 1_000_000)
            found[leaf.key] = standing
        return found

    def _output_tokens(self, target: Target, asked: Asked) -> float:
        """As long as this model's answers lately were, and no longer than was asked for."""
        usual = self._pulse.output_tokens(target) or _USUAL_OUTPUT
        return usual if asked.max_output_tokens is None else min(usual, asked.max_output_tokens)

    def _tree(self, snapshot: Snapshot, combo: Combo, operation: OperationName) -> Branch:
        if snapshot is not self._snapshot:
            self._snapshot = snapshot
            self._trees = {}
        tree = self._trees.get((combo.name, operation))
        if tree is None:

            def resolve(name: str) -> Target | None:
                return self._candidates.target(snapshot, name, operation)

            tree = self._trees[combo.name, operation] = plant(combo, snapshot.combos, resolve)
        return tree


def _ejected(kept: frozenset[str], standings: Mapping[str, Standing]) -> frozenset[str]:
    """Whose breakers are open. When that is more than half of all, something else is wrong, perhaps our own
    network: then nobody is left out."""
    failing = frozenset(key for key in kept if standings[key].health == "open")
    return frozenset() if len(failing) * 2 > len(kept) else failing


def _nothing(combo: Combo, unusable: list[tuple[str, str]]) -> GatewayError:
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
