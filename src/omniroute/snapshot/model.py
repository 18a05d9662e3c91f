"""What requests read of the configuration: one immutable value, replaced whole when something changes."""

from collections.abc import Mapping

import msgspec

from omniroute.access.grant import Grant
from omniroute.accounts.connection import Connection
from omniroute.catalog.provider import Provider
from omniroute.ir.json import JsonObject


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The configuration as of `revision`. A request keeps the snapshot it started with.

    `grants` are by digest of the key. `connections` are by provider id, each in the order in which they are
    tried: stored ones first, then by priority and name; inactive ones are included. `providers` are by id, by
    alias and by the prefix of a node; whatever provider a connection names is there. `unreadable` are the ids of
    connections whose secret does not open, and which are therefore inactive.
    """

    revision: int
    grants: Mapping[bytes, Grant]
    connections: Mapping[str, tuple[Connection, ...]]
    by_id: Mapping[str, Connection]
    providers: Mapping[str, Provider]
    password_set: bool
    settings: JsonObject
    unreadable: tuple[str, ...] = ()
