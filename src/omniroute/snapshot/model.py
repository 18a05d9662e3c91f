"""What requests read of the configuration: one immutable value, replaced whole when something changes."""

from collections.abc import Mapping

import msgspec

from omniroute.access.grant import Grant
from omniroute.accounts.connection import Connection
from omniroute.catalog.provider import Provider
from omniroute.dialects.thinking_rule import ThinkingRule
from omniroute.ir.json import JsonObject
from omniroute.ledger.budgets import Budgets
from omniroute.ledger.prices import OwnPrice
from omniroute.routing.bounds import UNLIMITED, Limits
from omniroute.routing.combo import Combo
from omniroute.routing.policy import Policy
from omniroute.routing.resilience import Resilience
from omniroute.routing.selection.rules import DEFAULT, Selection
from omniroute.snapshot.logging import DEFAULT as LOGGING
from omniroute.snapshot.logging import Logging


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The configuration as of `revision`. A request keeps the snapshot it started with.

    `grants` are by digest of the key. `connections` are by provider id, each in the order in which they are
    tried: stored ones first, then by priority and name; inactive ones are included. `providers` are by id, by
    alias and by the prefix of a node; whatever provider a connection names is there.
    `combos` are by name, in the operator's order; `aliases` lead from a name or a pattern to a model or combo;
    `prices` are the operator's own, by provider and model; `selection` says how accounts are chosen,
    `resilience` what becomes of those that fail; `limits` how much providers are sent;
    `budgets` is None when there are none.
    `unreadable` are the ids of
    connections whose secret does not open, and which are therefore inactive.
    """

    revision: int
    grants: Mapping[bytes, Grant]
    connections: Mapping[str, tuple[Connection, ...]]
    by_id: Mapping[str, Connection]
    providers: Mapping[str, Provider]
    password_set: bool
    settings: JsonObject
    combos: Mapping[str, Combo] = {}
    aliases: Mapping[str, str] = {}
    prices: Mapping[str, Mapping[str, OwnPrice]] = {}
    selection: Selection = DEFAULT
    resilience: Resilience = Resilience()
    limits: Limits = UNLIMITED
    budgets: Budgets | None = None
    logging: Logging = LOGGING
    captured: Logging | None = None
    """`logging` where anybody's bodies are kept; None saves requests from asking."""
    prompt: str | None = None
    """What stands in front of the instructions of every request; None for nothing."""
    thinking: ThinkingRule | None = None
    """How much models may think; None leaves it to clients."""
    policies: tuple[Policy, ...] = ()
    """The enabled ones, in order."""
    unreadable: tuple[str, ...] = ()
