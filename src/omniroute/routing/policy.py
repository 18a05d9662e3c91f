"""The operator's policies: which requests they are about, and what they say of them. Pure."""

from collections.abc import Iterable, Sequence
from typing import Literal, TypeAlias

import msgspec

from omniroute.catalog.patterns import matches

PolicyType: TypeAlias = Literal["routing", "access", "budget"]


class Conditions(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All that are given must hold. `model_pattern` is about the name that was asked for, `combo` about the combo
    that it leads to, perhaps by an alias."""

    model_pattern: str | None = None
    api_key_id: str | None = None
    combo: str | None = None


class Actions(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Each type of policy has one: `prefer_provider` of routing puts the models of these providers first,
    `block_model` of access forbids what these patterns match, `max_tokens` of budget is the most an answer may
    have."""

    prefer_provider: tuple[str, ...] = ()
    block_model: tuple[str, ...] = ()
    max_tokens: int | None = None


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """Those of a lower `priority` come first, then those of a smaller id."""

    id: str
    name: str
    type: PolicyType
    enabled: bool = True
    priority: int = 100
    conditions: Conditions = Conditions()
    actions: Actions = Actions()


class Ruling(msgspec.Struct, frozen=True, kw_only=True):
    """What all policies together say of a request. `blocked` are patterns, each with the name of its policy."""

    preferred: tuple[str, ...] = ()
    blocked: tuple[tuple[str, str], ...] = ()
    max_tokens: int | None = None


def in_order(policies: Iterable[Policy]) -> tuple[Policy, ...]:
    """The enabled ones, in the order in which they are read."""
    return tuple(sorted((one for one in policies if one.enabled), key=lambda one: (one.priority, one.id)))


def ruling(policies: Sequence[Policy], *, model: str, key_id: str, combo: str | None = None) -> Ruling | None:
    """Of `policies`, which are in order. Preferences add up, everything that one of them blocks is blocked, and
    the smallest limit holds. None when no policy is about this request. `combo` is what an alias made of `model`,
    where it made something of it."""
    led_to = (model if combo is None else combo).removeprefix("combo/")
    about = [one for one in policies if _is_about(one.conditions, model, led_to, key_id)]
    if not about:
        return None
    limits = [one.actions.max_tokens for one in about if one.actions.max_tokens is not None]
    return Ruling(
        preferred=tuple(dict.fromkeys(name for one in about for name in one.actions.prefer_provider)),
        blocked=tuple((pattern, one.name) for one in about for pattern in one.actions.block_model),
        max_tokens=min(limits, default=None),
    )


def blocking(blocked: Iterable[tuple[str, str]], names: Iterable[str]) -> str | None:
    """The policy that forbids a model with these names; None when none does."""
    known = tuple(names)
    return next((policy for pattern, policy in blocked if any(matches(pattern, name) for name in known)), None)


def _is_about(conditions: Conditions, model: str, combo: str, key_id: str) -> bool:
    if conditions.api_key_id is not None and conditions.api_key_id != key_id:
        return False
    if conditions.combo is not None and conditions.combo != combo:
        return False
    return conditions.model_pattern is None or matches(conditions.model_pattern, model)
