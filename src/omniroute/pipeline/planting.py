"""What the requests to a combo choose from: its tree, and the accounts of its leaves, once per configuration."""

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

import msgspec

from omniroute.access.grant import Grant
from omniroute.catalog.provider import OperationName
from omniroute.errors import GatewayError
from omniroute.ir.target import ModelFacts, Target
from omniroute.pipeline.candidates import Candidates, permitted
from omniroute.pipeline.draws import keeping
from omniroute.routing.candidate import Candidate
from omniroute.routing.combo import Combo
from omniroute.routing.eligible import Fit, weakest
from omniroute.routing.names import Names
from omniroute.routing.ordering import Compared, compared
from omniroute.routing.selection.rules import Selection
from omniroute.routing.strategy import Asked
from omniroute.routing.tree import Branch, Leaf, branches, leaves, plant
from omniroute.snapshot.aliases import meant
from omniroute.snapshot.model import Snapshot
from omniroute.traffic.quota import Team

_Fate: TypeAlias = tuple[Candidate, ...] | str
"""The accounts of a leaf, at least one, or why it has none."""
_Limited: TypeAlias = tuple[str, OperationName, str, tuple[str, ...], tuple[str, ...], tuple[tuple[str, str], ...]]
"""A combo, what is done with it, and everything of a grant that leaves out some of it."""
_MAX_PERMITTED: Final = 1_000


class Planted(msgspec.Struct, frozen=True, kw_only=True):
    """`usable` are the leaves with `accounts` (by leaf key), `unusable` the keys of the others, and of the steps
    that lead nowhere, with the reasons.
    `names` are those of the combo and of all nested in it."""

    branch: Branch
    usable: tuple[Leaf, ...]
    models: Sequence[tuple[str, tuple[str, str]]]
    teams: Sequence[tuple[str, Team]]
    """The key of each usable leaf, with its provider and model, and with its accounts."""
    accounts: Mapping[str, tuple[Candidate, ...]]
    unusable: tuple[tuple[str, str], ...]
    names: tuple[str, ...]
    keeping: frozenset[str]
    """The providers where a conversation stays with its account."""
    compared: frozenset[Compared]
    """What is to be known about the targets for an order."""
    all_fit: Fit
    """Of a request that suits the `weakest` model, and so all of them."""
    weakest: ModelFacts


class Planting:
    """Remembers what it planted until the configuration, or what is known about models, changes."""

    def __init__(self, candidates: Candidates) -> None:
        self._candidates = candidates
        self._snapshot: Snapshot | None = None
        self._names: Names | None = None
        self._planted: dict[tuple[str, OperationName], Planted] = {}
        self._permitted: dict[_Limited, Planted] = {}

    def of(self, snapshot: Snapshot, combo: Combo, operation: OperationName, grant: Grant) -> Planted:
        """`combo` as far as `grant` may use it."""
        names = self._candidates.names(snapshot)
        if snapshot is not self._snapshot or names is not self._names:
            self._snapshot, self._names = snapshot, names
            self._planted, self._permitted = {}, {}
        planted = self._planted.get((combo.name, operation))
        if planted is None:
            branch = self._tree(snapshot, combo, operation)
            fates = {leaf.key: self._fate(snapshot, leaf) for leaf in leaves(branch)}
            planted = self._planted[combo.name, operation] = _planted(branch, fates, snapshot.selection)
        # Who is allowed the combo by its name is allowed what is in it; otherwise each target needs to be allowed.
        if not grant.limited:
            return planted
        if combo.name in grant.models:
            grant = msgspec.structs.replace(grant, models=())
        limited = (combo.name, operation, grant.name, grant.models, grant.connections, grant.blocked)
        part = self._permitted.get(limited)
        if part is None:
            if len(self._permitted) >= _MAX_PERMITTED:
                self._permitted.clear()
            part = self._permitted[limited] = _permitted(planted, grant, snapshot)
        return part

    def _tree(self, snapshot: Snapshot, combo: Combo, operation: OperationName) -> Branch:
        def resolve(name: str) -> Target | None:
            found = self._candidates.target(snapshot, name, operation)
            if found is not None or not snapshot.aliases:
                return found
            # A model goes before an alias here: the pattern that leads to a combo may fit the models within it.
            return self._candidates.target(snapshot, meant(snapshot.aliases, name), operation)

        return plant(combo, snapshot.combos, resolve)

    def _fate(self, snapshot: Snapshot, leaf: Leaf) -> _Fate:
        try:
            found = self._candidates.at(snapshot, leaf.target)
        except GatewayError as error:
            return error.message
        if leaf.connection_id is None:
            return found
        own = tuple(candidate for candidate in found if candidate.account.id == leaf.connection_id)
        return own or f"the connection {leaf.connection_id!r} is not there, not active, or not for this model"


def tagged(planted: Planted, asked: Asked, selection: Selection) -> Planted:
    """The part of `planted` that carries the tags that the request asks for: accounts, or leaves with tags of
    their own. All of it where none does. Raises `GatewayError` 503 there when tags are strict."""
    fates: dict[str, _Fate] = dict(planted.unusable)
    for leaf in planted.usable:
        found = tuple(one for one in planted.accounts[leaf.key] if carries((*one.account.tags, *leaf.tags), asked))
        fates[leaf.key] = found or f"no account for it carries {_wanted(asked)}"
    if any(not isinstance(fate, str) for fate in fates.values()):
        return _planted(planted.branch, fates, selection)
    if selection.strict_tags:
        raise unmatched(asked)
    return planted


def carries(tags: tuple[str, ...], asked: Asked) -> bool:
    """Whether these are tags that the request asks for: one of them, or all where it says so."""
    found = [tag in tags for tag in asked.tags]
    return all(found) if asked.match_all_tags else any(found)


def unmatched(asked: Asked) -> GatewayError:
    """There is no account with the tags, and nothing else will do."""
    return GatewayError(
        503,
        f"no account carries {_wanted(asked)}, and tagRoutingStrict allows no other: give the tag to a connection,"
        " in the `tags` of its providerSpecificData, or ask without it",
        code="no_matching_connection",
    )


def _wanted(asked: Asked) -> str:
    joint = " and " if asked.match_all_tags else " or "
    return f"the tag {joint.join(map(repr, asked.tags))}"


def _permitted(planted: Planted, grant: Grant, snapshot: Snapshot) -> Planted:
    fates: dict[str, _Fate] = dict(planted.unusable)
    for leaf in planted.usable:
        name = f"{snapshot.providers[leaf.target.provider].alias}/{leaf.target.model}"
        try:
            fates[leaf.key] = permitted(planted.accounts[leaf.key], name, grant)
        except GatewayError as error:
            fates[leaf.key] = error.message
    return _planted(planted.branch, fates, snapshot.selection)


def _planted(branch: Branch, fates: Mapping[str, _Fate], selection: Selection) -> Planted:
    accounts = {key: fate for key, fate in fates.items() if not isinstance(fate, str)}
    usable = tuple(leaf for leaf in leaves(branch) if leaf.key in accounts)
    return Planted(
        branch=branch,
        usable=usable,
        models=[(leaf.key, (leaf.target.provider, leaf.target.model)) for leaf in usable],
        teams=[(leaf.key, Team(tuple(one.account.id for one in accounts[leaf.key]))) for leaf in usable],
        accounts=accounts,
        unusable=(
            *((leaf.key, fate) for leaf in leaves(branch) if isinstance(fate := fates[leaf.key], str)),
            *branch.lost,
        ),
        names=tuple(one.combo.name for one in branches(branch)),
        keeping=keeping(selection, accounts.values()),
        compared=compared(branch),
        all_fit=Fit(kept=frozenset(accounts), unfit=()),
        weakest=weakest(usable),
    )
