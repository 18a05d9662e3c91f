"""A combo with everything it refers to, as the tree that a request walks."""

from collections.abc import Callable, Mapping
from functools import reduce
from math import gcd
from typing import TypeAlias

import msgspec

from omniroute.ir.target import Target
from omniroute.routing.combo import MAX_DEPTH, Combo, ComboStep, ModelStep


class Leaf(msgspec.Struct, frozen=True, kw_only=True):
    """One model of one provider. `key` is the path of step ids, joined by `>`: unique even where a model appears
    twice. `connection_id` pins an account. `tags` are in lower case."""

    key: str
    target: Target
    weight: int = 0
    connection_id: str | None = None
    tags: tuple[str, ...] = ()


class Branch(msgspec.Struct, frozen=True, kw_only=True):
    """A combo, or a combo inside another one: a unit with a strategy of its own. `below` are all of its leaves, in
    configured order; `schedule` are the positions of its units for one full turn of the round, spread out smoothly
    by weight; `lost` are the steps in it that lead nowhere: key and reason."""

    key: str
    combo: Combo
    units: "tuple[Unit, ...]"
    below: tuple[Leaf, ...] = ()
    keys: tuple[str, ...] = ()
    """Of each unit."""
    models: tuple[str, ...] = ()
    """Of the leaf that each unit begins with."""
    weight: int = 0
    schedule: tuple[int, ...] = ()
    lost: tuple[tuple[str, str], ...] = ()


Unit: TypeAlias = Leaf | Branch

Resolve: TypeAlias = Callable[[str], Target | None]
"""The target that a model name means; None when it means nothing any more."""


def plant(combo: Combo, combos: Mapping[str, Combo], resolve: Resolve) -> Branch:
    """The tree of `combo`. Steps that mean nothing (any more) are lost; a circle is cut where it closes."""
    return _branch(combo, combos, resolve, "", 0, frozenset())


def leaves(unit: Unit) -> tuple[Leaf, ...]:
    """All of the leaves below `unit`, in configured order."""
    return (unit,) if isinstance(unit, Leaf) else unit.below


def branches(branch: Branch) -> tuple[Branch, ...]:
    """`branch` itself and all that are nested in it, the outermost first."""
    inner = (one for unit in branch.units if isinstance(unit, Branch) for one in branches(unit))
    return (branch, *inner)


def _branch(
    combo: Combo,
    combos: Mapping[str, Combo],
    resolve: Resolve,
    key: str,
    weight: int,
    above: frozenset[str],
) -> Branch:
    units: list[Unit] = []
    lost: list[tuple[str, str]] = []
    for step in combo.steps:
        path = f"{key}>{step.id}" if key else step.id
        match step:
            case ModelStep():
                target = resolve(step.model)
                if target is None:
                    lost.append((path, f"{step.model!r} means no model that serves this kind of request"))
                else:
                    units.append(
                        Leaf(
                            key=path,
                            target=target,
                            weight=step.weight,
                            connection_id=step.connection_id,
                            tags=tuple(tag.strip().lower() for tag in step.tags),
                        )
                    )
            case ComboStep():
                nested = combos.get(step.combo)
                inside = above | {combo.name}
                cut = _cut(nested, inside)
                if nested is None or cut is not None:
                    lost.append((path, f"the combo {step.combo!r} {cut}"))
                    continue
                branch = _branch(nested, combos, resolve, path, step.weight, inside)
                lost.extend(branch.lost)
                if combo.config.nested == "flatten":
                    units.extend(branch.units)
                elif branch.units:
                    units.append(branch)
    ordered = _tiered(units, combo, key)
    return Branch(
        key=key or combo.name,
        combo=combo,
        units=tuple(ordered),
        below=tuple(leaf for unit in ordered for leaf in leaves(unit)),
        keys=tuple(unit.key for unit in ordered),
        models=tuple(leaves(unit)[0].target.model for unit in ordered),
        weight=weight,
        schedule=_schedule([unit.weight for unit in ordered]),
        lost=tuple(lost),
    )


def _cut(nested: Combo | None, inside: frozenset[str]) -> str | None:
    """Why the tree does not go on into `nested`; None when it does."""
    if nested is None:
        return "is not there any more"
    if nested.name in inside:
        return "would begin anew within itself"
    if not nested.active:
        return "is switched off"
    return f"lies deeper than {MAX_DEPTH} levels" if len(inside) >= MAX_DEPTH else None


def _tiered(units: list[Unit], combo: Combo, key: str) -> list[Unit]:
    """The units on the ladder of tiers first, from the default tier down; then the rest as configured."""
    tiers = combo.config.tiers
    if not tiers:
        return units
    rungs: list[str] = []
    rung = combo.config.default_tier
    while rung is not None and rung in tiers and rung not in rungs:
        rungs.append(rung)
        rung = tiers[rung].fallback
    rungs.extend(name for name in tiers if name not in rungs)
    wanted = [f"{key}>{tiers[name].step_id}" if key else tiers[name].step_id for name in rungs]
    by_key = {unit.key: unit for unit in units}
    first = [by_key[name] for name in dict.fromkeys(wanted) if name in by_key]
    return [*first, *(unit for unit in units if unit not in first)]


def _schedule(weights: list[int]) -> tuple[int, ...]:
    """Smooth weighted round-robin (the method of nginx's upstream module): no unit's turns come in a row when they
    can be spread. Weights of nothing at all mean equal ones; a unit without weight beside others that have one is
    only ever fallen back to."""
    if not any(weights):
        return tuple(range(len(weights)))
    shrunk = [weight // reduce(gcd, weights) for weight in weights]
    total = sum(shrunk)
    current = [0] * len(shrunk)
    turns: list[int] = []
    for _ in range(total):
        current = [have + weight for have, weight in zip(current, shrunk, strict=True)]
        chosen = current.index(max(current))
        current[chosen] -= total
        turns.append(chosen)
    return tuple(turns)
