"""Connections: making, changing and deleting them, with their secrets sealed; shared by the API and the CLI."""

import contextlib
import uuid
from collections.abc import Callable, Collection
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy import Connection as Transaction

from omniroute.access.actor import Actor, record
from omniroute.accounts.connection import Connection, Secret
from omniroute.accounts.nodes import provider_of
from omniroute.accounts.provider_data import excluded_models, parts
from omniroute.accounts.saved_url import checked
from omniroute.catalog.lookup import Catalog, Refused
from omniroute.catalog.provider import Provider
from omniroute.errors import GatewayError, InvalidRequest
from omniroute.ir.json import JsonObject
from omniroute.storage.repos import connections as repo
from omniroute.storage.repos import nodes
from omniroute.storage.repos.connections import ConnectionRow
from omniroute.storage.sealing import Sealer, Unsealable
from omniroute.storage.writer import Writer

_KEY_LENGTH: Final = 10_000


class ConnectionChanges(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be set; UNSET leaves a field alone.

    `provider_data` is merged into what is stored, one level deep; a null member is removed. `clear_error` forgets
    what the last test found.
    """

    name: str | UnsetType = UNSET
    secret: str | UnsetType | None = UNSET
    priority: int | UnsetType = UNSET
    is_active: bool | UnsetType = UNSET
    default_model: str | UnsetType | None = UNSET
    max_concurrent: int | UnsetType | None = UNSET
    group_name: str | UnsetType | None = UNSET
    provider_data: JsonObject | UnsetType = UNSET
    clear_error: bool = False

    def __repr__(self) -> str:
        given = [name for name in self.__struct_fields__ if getattr(self, name) is not UNSET]
        return f"ConnectionChanges({', '.join(given)})"


class Connections:
    """Writes connections. Methods block until the change is live; raise GatewayError (400, 404, 409)."""

    def __init__(self, writer: Writer, sealer: Sealer, catalog: Catalog, random: Callable[[int], bytes]) -> None:
        self._writer = writer
        self._sealer = sealer
        self._catalog = catalog
        self._random = random

    def create(
        self, provider_id: str, name: str, changes: ConnectionChanges, actor: Actor, *, now: int
    ) -> ConnectionRow:
        """A connection at a provider, named by id, alias or a node's prefix. One of the same name is updated in
        place. `now` is unix ms."""

        def change(transaction: Transaction) -> ConnectionRow:
            provider = self.provider(transaction, provider_id)
            before = repo.named(transaction, provider.id, name.strip())
            row = before or ConnectionRow(
                id=str(uuid.UUID(bytes=self._random(16), version=4)),
                provider=provider.id,
                name=name.strip(),
                created_at=now,
                updated_at=now,
            )
            given = changes
            if before is None and changes.priority is UNSET:
                given = msgspec.structs.replace(changes, priority=1)
            row = self._changed(row, provider, msgspec.structs.replace(given, name=name), now)
            if row.secret_sealed is None and _needs_key(provider):
                raise InvalidRequest(f"The provider {provider.id!r} needs an apiKey.", code="api_key_missing")
            if before is None:
                repo.add(transaction, row)
            else:
                repo.replace(transaction, row)
            repo.renumber(transaction, provider.id)
            self._record(transaction, actor, "created" if before is None else "updated", row, changes, now)
            return repo.get(transaction, row.id) or row

        return self._writer.write(change)

    def update(self, connection_id: str, changes: ConnectionChanges, actor: Actor, *, now: int) -> ConnectionRow:
        """Sets what is given."""

        def change(transaction: Transaction) -> ConnectionRow:
            before = known(transaction, connection_id)
            row = self._changed(before, self.provider(transaction, before.provider), changes, now)
            holder = repo.named(transaction, row.provider, row.name)
            if holder is not None and holder.id != row.id:
                raise GatewayError(
                    409, f"The provider has another connection named {row.name!r}.", code="name_taken"
                )
            moves_down = row.priority > before.priority
            # Of equal priorities the one edited last goes first; on its way down it must pass who holds its place.
            stored = msgspec.structs.replace(row, priority=row.priority + 1) if moves_down else row
            repo.replace(transaction, stored)
            if row.priority != before.priority:
                repo.renumber(transaction, row.provider)
            self._record(transaction, actor, "updated", row, changes, now)
            return repo.get(transaction, row.id) or row

        return self._writer.write(change)

    def delete(self, connection_ids: Collection[str], actor: Actor, *, now: int) -> int:
        """Deletes those that exist and returns how many they were."""

        def change(transaction: Transaction) -> int:
            rows = [row for row in (repo.get(transaction, one) for one in set(connection_ids)) if row]
            repo.remove_all(transaction, [row.id for row in rows])
            for provider in {row.provider for row in rows}:
                repo.renumber(transaction, provider)
            for row in rows:
                record(
                    transaction,
                    actor,
                    at=now,
                    action="provider.credentials.revoked",
                    target=row.id,
                    detail={"provider": row.provider, "name": row.name},
                )
            return len(rows)

        return self._writer.write(change)

    def provider(self, transaction: Transaction, name: str) -> Provider:
        """The provider or node that `name` means. Raises GatewayError 400 or, for the id of a node, 404."""
        node = nodes.get(transaction, name)
        found = self._catalog.resolve(name)
        # The catalog may have grown: a name of its own is never taken for a node's prefix, or else a credential
        # meant for the provider would go to the node.
        if node is None and not isinstance(found, Provider):
            node = nodes.with_prefix(transaction, name)
        if node is not None:
            return provider_of(node)
        match found:
            case Provider() as provider:
                return provider
            case Refused(reason=reason):
                raise InvalidRequest(f"Provider {name!r} is not offered: {reason}.", code="provider_not_offered")
            case None:
                if "-compatible-" in name:
                    raise GatewayError(
                        404, f"There is no provider node with the id {name[:80]!r}.", code="node_not_found"
                    )
                near = self._catalog.near(name)
                hint = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
                raise InvalidRequest(f"There is no provider {name[:80]!r}.{hint}", code="unknown_provider")

    def usable(self, row: ConnectionRow) -> Connection:
        """The connection as requests use it, its secrets opened. Raises `Unsealable`."""
        return usable(row, self._sealer)

    def masked(self, row: ConnectionRow) -> "Masked":
        """What may be shown of the credential."""
        if row.secret_sealed is None:
            return Masked(hint=None, readable=True)
        try:
            secret = self._sealer.unseal(row.secret_sealed, aad=repo.secret_place(row.id))
        except Unsealable:
            return Masked(hint=None, readable=False)
        return Masked(hint=mask(secret), readable=True)

    def secret_names(self, row: ConnectionRow) -> tuple[str, ...]:
        """The names of the sealed members of its provider data; none when they cannot be read."""
        try:
            return tuple(sorted(_secrets(row, self._sealer)))
        except Unsealable:
            return ()

    def _changed(
        self, row: ConnectionRow, provider: Provider, changes: ConnectionChanges, now: int
    ) -> ConnectionRow:
        given: JsonObject = {
            field: value
            for field in ("priority", "is_active", "default_model", "max_concurrent", "group_name")
            if (value := getattr(changes, field)) is not UNSET
        }
        if isinstance(changes.name, str):
            given["name"] = changes.name.strip()
            if not 0 < len(given["name"]) <= 200:
                raise InvalidRequest("The name of a connection has 1 to 200 characters.", code="bad_name")
        if changes.secret is not UNSET:
            given["secret_sealed"] = self._sealed(row.id, changes.secret)
        if changes.provider_data is not UNSET:
            given |= self._merged(row, provider, changes.provider_data)
        if changes.clear_error or (changes.secret is not UNSET and row.secret_sealed is not None):
            given |= {"test_status": "unknown", "last_error": None, "last_error_type": None, "error_code": None}
        has_key = given.get("secret_sealed", row.secret_sealed) is not None
        given["auth_type"] = "apikey" if has_key or _needs_key(provider) else "none"
        return msgspec.structs.replace(row, **given, updated_at=now)

    def _sealed(self, connection_id: str, secret: str | None) -> str | None:
        plain = presentable(secret)
        return None if plain is None else self._sealer.seal(plain.value, aad=repo.secret_place(connection_id))

    def _merged(self, row: ConnectionRow, provider: Provider, data: JsonObject) -> JsonObject:
        given: JsonObject = {}
        changes = dict(data)
        if "baseUrl" in changes:
            given["base_url"] = _base_url(provider, changes.pop("baseUrl"))
        try:
            secrets = _secrets(row, self._sealer)
        except Unsealable:
            secrets = {}  # what cannot be read is replaced by what is given now
        stored = {**row.provider_data, **secrets}
        merged = {name: value for name, value in {**stored, **changes}.items() if value is not None}
        open_part, secret_part = parts(provider, merged)
        given["provider_data"] = open_part
        given["provider_secrets_sealed"] = (
            self._sealer.seal(msgspec.json.encode(secret_part).decode(), aad=repo.provider_secrets_place(row.id))
            if secret_part
            else None
        )
        return given

    def _record(
        self,
        transaction: Transaction,
        actor: Actor,
        what: str,
        row: ConnectionRow,
        changes: ConnectionChanges,
        now: int,
    ) -> None:
        fields = [
            name
            for name in changes.__struct_fields__
            if getattr(changes, name) is not UNSET and (name != "clear_error" or changes.clear_error)
        ]
        record(
            transaction,
            actor,
            at=now,
            action=f"provider.credentials.{what}",
            target=row.id,
            detail={"provider": row.provider, "name": row.name, "fields": fields},
        )


class Masked(msgspec.Struct, frozen=True):
    """`hint` shows both ends of a long credential; `readable` is False when the seal key has changed."""

    hint: str | None
    readable: bool


def presentable(secret: str | None) -> Secret | None:
    """A credential as it was typed, without blanks around it, a key file of JSON in one line; None for nothing.
    Raises InvalidRequest for one that cannot go into a header."""
    plain = (secret or "").strip()
    if plain.startswith("{"):
        with contextlib.suppress(msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            plain = msgspec.json.encode(msgspec.json.decode(plain)).decode()
    if not plain:
        return None
    if len(plain) > _KEY_LENGTH or not plain.isprintable() or not plain.isascii():
        raise InvalidRequest(
            f"The apiKey has at most {_KEY_LENGTH} printable ASCII characters, in one line.", code="bad_api_key"
        )
    return Secret(plain)


def mask(secret: str) -> str:
    """Enough to tell two keys apart, never enough to use one."""
    return f"{secret[:3]}****{secret[-4:]}" if len(secret) >= 20 else "****"


def usable(row: ConnectionRow, sealer: Sealer) -> Connection:
    """A stored row as requests use it. Raises `Unsealable`."""
    secret = None
    if row.secret_sealed is not None:
        secret = Secret(sealer.unseal(row.secret_sealed, aad=repo.secret_place(row.id)))
    return Connection(
        id=row.id,
        provider=row.provider,
        name=row.name,
        auth_type="apikey" if row.auth_type == "apikey" else "none",
        secret=secret,
        base_url=row.base_url,
        parameters={**row.provider_data, **_secrets(row, sealer)},
        priority=row.priority,
        active=row.is_active,
        default_model=row.default_model,
        excluded_models=excluded_models(row.provider_data),
        max_concurrent=row.max_concurrent,
        version=row.updated_at,
    )


def known(transaction: Transaction, connection_id: str) -> ConnectionRow:
    """The row. Raises GatewayError 404."""
    row = repo.get(transaction, connection_id)
    if row is None:
        raise unknown_connection(connection_id)
    return row


def unknown_connection(connection_id: str) -> GatewayError:
    """404 naming the id."""
    return GatewayError(
        404, f"There is no connection with the id {connection_id[:80]!r}.", code="connection_not_found"
    )


def _needs_key(provider: Provider) -> bool:
    return provider.auth.kind != "none" and not provider.auth.optional and not provider.local


def _secrets(row: ConnectionRow, sealer: Sealer) -> dict[str, str]:
    if row.provider_secrets_sealed is None:
        return {}
    text = sealer.unseal(row.provider_secrets_sealed, aad=repo.provider_secrets_place(row.id))
    return msgspec.json.decode(text, type=dict[str, str])


def _base_url(provider: Provider, given: object) -> str | None:
    if given is None or given == "":
        return None
    if not isinstance(given, str):
        raise InvalidRequest("providerSpecificData.baseUrl is a text.", code="bad_url")
    return checked(given, private=provider.local or provider.node)
