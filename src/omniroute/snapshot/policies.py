"""The policies as a setting: read into the snapshot, and changed by the operator."""

from collections.abc import Mapping
from typing import Final

import msgspec
from sqlalchemy import Connection

from omniroute.access.actor import Actor, record
from omniroute.errors import GatewayError
from omniroute.ir.json import JsonObject
from omniroute.routing.policy import Policy
from omniroute.storage.repos import settings
from omniroute.storage.writer import Writer

KEY: Final = "policies"
MOST: Final = 200


class Policies:
    """Writes them. Methods block until the change is live."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def put(self, policy: Policy, actor: Actor, *, now: int) -> bool:
        """Adds it, or replaces the one with its id. Whether it is new. Raises `GatewayError` when there are too
        many."""

        def change(connection: Connection) -> bool:
            known = dict(policies_of({KEY: settings.get(connection, KEY)}))
            new = policy.id not in known
            if new and len(known) >= MOST:
                raise GatewayError(400, f"There are {MOST} policies, which is the most.", code="too_many_policies")
            known[policy.id] = policy
            _store(connection, known)
            detail: JsonObject = msgspec.to_builtins(policy)
            action = "policy.create" if new else "policy.update"
            record(connection, actor, at=now, action=action, target=policy.id, detail=detail)
            return new

        return self._writer.write(change)

    def remove(self, policy_id: str, actor: Actor, *, now: int) -> None:
        """Raises `GatewayError` 404 when there is none."""

        def change(connection: Connection) -> None:
            known = dict(policies_of({KEY: settings.get(connection, KEY)}))
            if known.pop(policy_id, None) is None:
                raise GatewayError(404, f"There is no policy {policy_id[:80]!r}.", code="not_found")
            _store(connection, known)
            record(connection, actor, at=now, action="policy.delete", target=policy_id)

        self._writer.write(change)


def policies_of(stored: JsonObject) -> Mapping[str, Policy]:
    """By id; none when they are not understood (any more)."""
    try:
        found = msgspec.convert(stored.get(KEY) or [], tuple[Policy, ...])
    except msgspec.ValidationError:
        return {}
    return {policy.id: policy for policy in found}


def _store(connection: Connection, policies: Mapping[str, Policy]) -> None:
    settings.put(connection, {KEY: msgspec.to_builtins(list(policies.values()))})
