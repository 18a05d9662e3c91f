"""The names of the account strategies, and which one holds where."""

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias, get_args

import msgspec

AccountStrategy: TypeAlias = Literal[
    "fill-first",
    "round-robin",
    "p2c",
    "random",
    "strict-random",
    "least-used",
    "weighted",
    "quota-aware",
]
ACCOUNT_STRATEGIES: Final[tuple[AccountStrategy, ...]] = get_args(AccountStrategy)

WEIGHING: Final[frozenset[AccountStrategy]] = frozenset({"round-robin", "p2c", "least-used", "quota-aware"})
"""The strategies that look at what is known about the accounts."""

DRAWING: Final[frozenset[AccountStrategy]] = frozenset({"p2c", "random", "weighted"})
"""The strategies that chance has a part in."""

Affinity: TypeAlias = Literal["auto", "on", "off"]
"""Whether a conversation stays with its account: `auto` means where the provider caches prompts."""

_SYNONYMS: Final[Mapping[str, AccountStrategy]] = {"priority": "fill-first", "cost-optimized": "fill-first"}
"""Accounts of one provider cost the same, so the cheapest is the first."""


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """`sticky` is how many requests in a row one account gets before round-robin goes on."""

    strategy: AccountStrategy = "fill-first"
    sticky: int = 3
    affinity: Affinity = "auto"


class OwnRule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one provider has otherwise than the rest; None leaves it as it is for all."""

    strategy: AccountStrategy | None = None
    sticky: int | None = None
    affinity: Affinity | None = None


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """The rule for all providers, and by provider id what differs. With `strict_tags` a request that asks for tags
    goes to accounts that carry them or nowhere; otherwise it goes anywhere when there are none."""

    usual: Rule = Rule()
    providers: Mapping[str, OwnRule] = {}
    strict_tags: bool = False

    def of(self, provider: str) -> Rule:
        own = self.providers.get(provider)
        if own is None:
            return self.usual
        usual = self.usual
        return Rule(
            strategy=own.strategy or usual.strategy,
            sticky=own.sticky or usual.sticky,
            affinity=own.affinity or usual.affinity,
        )


DEFAULT: Final = Selection()


def account_strategy_named(name: str) -> AccountStrategy | None:
    """The strategy that `name` means, in any case and by its synonyms; None when there is none."""
    wanted = name.strip().lower()
    if wanted in _SYNONYMS:
        return _SYNONYMS[wanted]
    return next((known for known in ACCOUNT_STRATEGIES if known == wanted), None)
