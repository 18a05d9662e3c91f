"""Which models a provider says it has, for providers that no model table knows: nodes and local servers."""

import asyncio
from collections.abc import Iterable
from typing import Final

from omniroute.accounts.connection import Connection
from omniroute.accounts.probe import ModelList, models
from omniroute.accounts.signing import Signing
from omniroute.catalog.provider import Provider
from omniroute.clock import Clock
from omniroute.errors import GatewayError
from omniroute.upstream.transport import Transport

_FRESH_S: Final = 300.0
_WAIT_S: Final = 2.0
"""A model list is asked for by people at a prompt: a slow server is left out of it until the next time."""


class Discovery:
    """Remembers lists for five minutes. A provider that does not answer keeps its last list."""

    def __init__(self, transport: Transport, clock: Clock) -> None:
        self._transport = transport
        self._signing = Signing(transport, clock)
        self._clock = clock
        self._lists: dict[str, tuple[str, ...]] = {}
        self._asked_at: dict[str, tuple[int, float]] = {}

    def of(self, provider_id: str) -> tuple[str, ...]:
        """The bare ids that the provider listed last."""
        return self._lists.get(provider_id, ())

    async def refresh(self, accounts: Iterable[tuple[Provider, Connection]]) -> None:
        """Asks the providers whose list is older than five minutes or whose connection was edited since, all at
        once, and waits two seconds at most."""
        now = self._clock.monotonic()
        due = [
            (provider, connection)
            for provider, connection in accounts
            if self._is_due(provider.id, connection.version, now)
        ]
        if not due:
            return
        for provider, connection in due:
            self._asked_at[provider.id] = (connection.version, now)
        try:
            async with asyncio.timeout(_WAIT_S), asyncio.TaskGroup() as group:
                for provider, connection in due:
                    group.create_task(self._ask(provider, connection), name=f"discover {provider.id}")
        except TimeoutError:
            pass

    def _is_due(self, provider_id: str, version: int, now: float) -> bool:
        asked = self._asked_at.get(provider_id)
        return asked is None or asked[0] != version or now - asked[1] > _FRESH_S

    async def _ask(self, provider: Provider, connection: Connection) -> None:
        try:
            answer = await models(self._transport, provider, connection, signing=self._signing)
        except GatewayError:
            return
        if isinstance(answer, ModelList):
            self._lists[provider.id] = tuple(str(model["id"]) for model in answer.models)
