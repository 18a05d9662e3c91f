"""What requests read of the configuration: one immutable value, replaced whole when something changes."""

from collections.abc import Mapping

import msgspec

from omniroute.access.grant import Grant
from omniroute.accounts.connection import Connection
from omniroute.catalog.provider import Provider
from omniroute.ir.json import JsonObject
from omniroute.ledger.prices import OwnPrice
from omniroute.routing.combo import Combo
from omniroute.routing.selection.rules import DEFAULT, Selection


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The configuration as of `revision`. A request keeps the snapshot it started with.

    `grants` are by digest of the key. `connections` are by provider id, each in the order in which they are
    tried: stored ones first, then by priority and name; inactive ones are included. `providers` are by id, by
    alias and by the prefix of a node; whatever provider a connection names is there.
    `combos` are by name, in the operator's order; `aliases` lead from a name or a pattern to a model or combo;
    `prices` are the operator's own, by provider and model; `selection` says how accounts are chosen.
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
    unreadable: tuple[str, ...] = ()
