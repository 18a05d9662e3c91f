"""What else names a combo, and follows it when it is called otherwise: aliases, policies, budgets, keys."""

import msgspec
from sqlalchemy import Connection

from omniroute.snapshot import aliases, policies
from omniroute.storage.repos import budgets, keys, settings


def follow(connection: Connection, before: str, name: str, *, now: int) -> None:
    """Whatever names the combo `before` names it `name`; `now` is unix ms."""
    known = aliases.aliases_of({aliases.KEY: settings.get(connection, aliases.KEY)})
    new = {before: name, f"combo/{before}": f"combo/{name}"}
    if not new.keys().isdisjoint(known.values()):
        settings.put(
            connection, {aliases.KEY: {alias: new.get(target, target) for alias, target in known.items()}}
        )
    ruled = policies.policies_of({policies.KEY: settings.get(connection, policies.KEY)})
    if any(one.conditions.combo == before for one in ruled.values()):
        told = [
            msgspec.structs.replace(one, conditions=msgspec.structs.replace(one.conditions, combo=name))
            if one.conditions.combo == before
            else one
            for one in ruled.values()
        ]
        settings.put(connection, {policies.KEY: msgspec.to_builtins(told)})
    for budget in budgets.every(connection):
        if budget.downgrade_to == before:
            budgets.replace(connection, msgspec.structs.replace(budget, downgrade_to=name, updated_at=now))
    for key in keys.every(connection):
        if before in key.allowed_models:
            allowed = tuple(name if one == before else one for one in key.allowed_models)
            keys.replace(connection, msgspec.structs.replace(key, allowed_models=allowed, updated_at=now))
