"""Trying connections out: one probe at a time per connection, five at once over all of them."""

import asyncio
from collections.abc import Callable
from typing import Final

import msgspec
from sqlalchemy import Connection as Transaction

from omniroute.accounts.connection import Connection
from omniroute.accounts.connections import unknown_connection
from omniroute.accounts.env import ID_PREFIX
from omniroute.accounts.probe import probe
from omniroute.accounts.signing import Signing
from omniroute.accounts.verdict import Verdict
from omniroute.catalog.provider import Provider
from omniroute.errors import GatewayError
from omniroute.management.services import Services
from omniroute.storage.repos import connections as repo
from omniroute.storage.repos.connections import ConnectionRow
from omniroute.storage.sealing import Unsealable

AT_ONCE: Final = 5
_LIMIT_S: Final = 30.0


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """A connection to try. `connection` is None when its credential cannot be read any more."""

    id: str
    name: str
    auth_type: str
    provider: Provider
    connection: Connection | None
    stored: bool


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """`latency_ms` and `at_ms` (unix) of the probe, and what it found."""

    subject: Subject
    verdict: Verdict
    readable: bool
    latency_ms: int
    at_ms: int


def subject(services: Services, connection_id: str) -> Subject:
    """A stored connection or one from the environment. Blocks on the database. Raises GatewayError 404."""
    if connection_id.startswith(ID_PREFIX):
        found = next((one for one in services.env_connections if one.id == connection_id), None)
        if found is None:
            raise unknown_connection(connection_id)
        return _of_environment(services, found)
    return services.database.read(_stored(services, connection_id))


def active_subjects(services: Services) -> tuple[Subject, ...]:
    """Every active connection. Blocks on the database."""

    def question(transaction: Transaction) -> tuple[Subject, ...]:
        rows = [row for row in repo.every(transaction) if row.is_active]
        return tuple(found for row in rows if (found := _offered(services, transaction, row)) is not None)

    stored = services.database.read(question)
    return (*stored, *(_of_environment(services, one) for one in services.env_connections))


async def tried(services: Services, subject: Subject, *, model: str | None = None) -> Trial:
    """Probes and, for a stored connection, writes down what was found."""
    started = services.clock.monotonic()
    verdict = await _verdict(services, subject, model)
    at_ms = services.now_ms()
    if verdict.type == "ok" and verdict.warning is None:
        services.resting.lift(lambda scope, block: scope.connection == subject.id)
    if subject.stored:
        await services.writer.awrite_quietly(
            lambda transaction: repo.record_test(
                transaction,
                subject.id,
                test_status="active" if verdict.valid else "error",
                at=at_ms,
                error=verdict.message,
                error_type=None if verdict.valid else verdict.type,
                error_code=None if verdict.valid or verdict.status is None else str(verdict.status),
            )
        )
    return Trial(
        subject=subject,
        verdict=verdict,
        readable=subject.connection is not None,
        latency_ms=round((services.clock.monotonic() - started) * 1000),
        at_ms=at_ms,
    )


async def all_tried(services: Services, subjects: tuple[Subject, ...]) -> tuple[Trial, ...]:
    """In the order given, five at a time, thirty seconds each."""
    places = asyncio.Semaphore(AT_ONCE)

    async def one(subject: Subject) -> Trial:
        async with places:
            return await tried(services, subject)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(found), name=f"test {found.id}") for found in subjects]
    return tuple(task.result() for task in tasks)


async def _verdict(services: Services, subject: Subject, model: str | None) -> Verdict:
    if subject.connection is None:
        return Verdict(
            valid=False,
            type="unsupported",
            message="The stored credential cannot be read with the present key; enter it again.",
        )
    chat = subject.provider.operations.get("chat")
    try:
        async with asyncio.timeout(_LIMIT_S):
            return await probe(
                services.transport,
                subject.provider,
                subject.connection,
                services.dialects.get(chat.codec) if chat is not None else None,
                signing=Signing(services.transport, services.clock),
                model=model,
                proxy=services.settings.proxy,
            )
    except TimeoutError:
        return Verdict(
            valid=False, type="network_error", message="The provider did not answer in time.", transport="timeout"
        )
    except GatewayError as error:
        return Verdict(valid=False, type="unsupported", message=error.message)


def _stored(services: Services, connection_id: str) -> Callable[[Transaction], Subject]:
    def question(transaction: Transaction) -> Subject:
        row = repo.get(transaction, connection_id)
        if row is None:
            raise unknown_connection(connection_id)
        return _subject(services, services.connections.provider(transaction, row.provider), row)

    return question


def _offered(services: Services, transaction: Transaction, row: ConnectionRow) -> Subject | None:
    """None for a connection whose provider is no longer served."""
    try:
        return _subject(services, services.connections.provider(transaction, row.provider), row)
    except GatewayError:
        return None


def _subject(services: Services, provider: Provider, row: ConnectionRow) -> Subject:
    try:
        connection = services.connections.usable(row)
    except Unsealable:
        connection = None
    return Subject(
        id=row.id, name=row.name, auth_type=row.auth_type, provider=provider, connection=connection, stored=True
    )


def _of_environment(services: Services, found: Connection) -> Subject:
    return Subject(
        id=found.id,
        name=found.name,
        auth_type=found.auth_type,
        provider=services.catalog.providers[found.provider],
        connection=found,
        stored=False,
    )
