"""Composes the snapshot from rows, the catalog and what was found in the environment."""

from collections.abc import Iterable, Mapping

import msgspec
from sqlalchemy import Connection as Transaction

from omniroute.access.grant import Grant
from omniroute.access.rates import rate_limits
from omniroute.access.schedule import schedule_of
from omniroute.accounts.connection import Connection
from omniroute.accounts.connections import usable
from omniroute.accounts.nodes import provider_of
from omniroute.catalog.provider import Provider
from omniroute.ir.json import JsonObject
from omniroute.routing.policy import in_order
from omniroute.snapshot.aliases import aliases_of
from omniroute.snapshot.budgets import budgets_of
from omniroute.snapshot.combo_defaults import defaults_of
from omniroute.snapshot.combos import combo_of
from omniroute.snapshot.limits import limits_of
from omniroute.snapshot.logging import logging_of
from omniroute.snapshot.model import Snapshot
from omniroute.snapshot.policies import policies_of
from omniroute.snapshot.pricing import prices_of
from omniroute.snapshot.prompting import active_prompt, active_rule
from omniroute.snapshot.resilience import resilience_of
from omniroute.snapshot.selection import selection_of
from omniroute.storage.repos import budgets, combos, connections, keys, meta, nodes, settings
from omniroute.storage.repos.budgets import BudgetRow, Spend
from omniroute.storage.repos.combos import ComboRow
from omniroute.storage.repos.connections import ConnectionRow
from omniroute.storage.repos.keys import KeyRow
from omniroute.storage.repos.nodes import NodeRow
from omniroute.storage.sealing import Sealer, Unsealable


class Rows(msgspec.Struct, frozen=True, kw_only=True):
    """All of the configuration at one revision, as stored."""

    revision: int
    keys: tuple[KeyRow, ...] = ()
    connections: tuple[ConnectionRow, ...] = ()
    nodes: tuple[NodeRow, ...] = ()
    combos: tuple[ComboRow, ...] = ()
    password_set: bool = False
    settings: JsonObject = {}
    budgets: tuple[BudgetRow, ...] = ()
    spends: tuple[Spend, ...] = ()


def read(transaction: Transaction) -> Rows:
    """Every part as of the same revision, because one transaction sees one state."""
    return Rows(
        revision=meta.revision(transaction),
        keys=keys.every(transaction),
        connections=connections.every(transaction),
        nodes=nodes.every(transaction),
        combos=combos.every(transaction),
        password_set=meta.password(transaction) is not None,
        settings=settings.every(transaction),
        budgets=budgets.every(transaction),
        spends=budgets.spends(transaction),
    )


def compose(
    rows: Rows, *, catalog: Mapping[str, Provider], extra: Iterable[Connection], sealer: Sealer
) -> Snapshot:
    """`catalog` is by id and by alias. `extra` are connections that are not stored.

    Connections of providers that are not served (any more) are left out.
    """
    own = [provider_of(row) for row in rows.nodes]
    # A credential stored for a provider must never go to a node that happens to have the provider's id as prefix.
    providers = {node.alias: node for node in own} | dict(catalog) | {node.id: node for node in own}
    unreadable: list[str] = []
    stored: list[Connection] = []
    for row in rows.connections:
        try:
            stored.append(usable(row, sealer))
        except Unsealable:
            unreadable.append(row.id)
            bare = msgspec.structs.replace(row, secret_sealed=None, provider_secrets_sealed=None, is_active=False)
            stored.append(usable(bare, sealer))
    served = sorted((one for one in (*stored, *extra) if one.provider in providers), key=_order)
    by_provider: dict[str, list[Connection]] = {}
    for connection in served:
        by_provider.setdefault(connection.provider, []).append(connection)
    grants = {row.digest: _grant(row) for row in rows.keys}
    logging = logging_of(rows.settings)
    usual = defaults_of(rows.settings)
    return Snapshot(
        revision=rows.revision,
        grants=grants,
        connections={provider: tuple(members) for provider, members in by_provider.items()},
        by_id={connection.id: connection for connection in served},
        providers=providers,
        combos={row.name: combo_of(row, usual) for row in rows.combos},
        aliases=aliases_of(rows.settings),
        prices=prices_of(rows.settings),
        selection=selection_of(rows.settings),
        resilience=resilience_of(rows.settings),
        limits=limits_of(rows.settings),
        budgets=budgets_of(rows.budgets, rows.spends),
        logging=logging,
        captured=logging if logging.captures(grants.values()) else None,
        policies=in_order(policies_of(rows.settings).values()),
        prompt=active_prompt(rows.settings),
        thinking=active_rule(rows.settings),
        password_set=rows.password_set,
        settings=rows.settings,
        unreadable=tuple(unreadable),
    )


def _order(connection: Connection) -> tuple[bool, int, str, str]:
    return connection.origin != "stored", connection.priority, connection.name, connection.id


def _grant(row: KeyRow) -> Grant:
    return Grant(
        key_id=row.id,
        name=row.name,
        scopes=row.scopes,
        models=row.allowed_models,
        connections=row.allowed_connections,
        active=row.is_active and row.revoked_at is None,
        banned=row.is_banned,
        expires_at=None if row.expires_at is None else row.expires_at / 1000,
        log_bodies=not row.no_log,
        strict=row.strict,
        rate_limits=rate_limits(row.rate_limits),
        max_sessions=row.max_sessions,
        schedule=schedule_of(row.access_schedule),
        tags=row.tags,
        cache=row.cache,
        bodies=row.bodies,
        semantic_cache=row.semantic_cache,
    )
