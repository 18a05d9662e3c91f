"""The public facts about the running process; nothing in here names a provider, a key or a path."""

from collections.abc import Callable

import msgspec

from omniroute.clock import Clock
from omniroute.ir.json import JsonObject
from omniroute.snapshot.live import Live


class Condition(msgspec.Struct, frozen=True):
    """`draining`: shutting down. `trouble`: served, but something needs the operator, in one sentence that names
    nothing of theirs."""

    draining: bool
    trouble: str | None


class Status:
    def __init__(
        self,
        live: Live,
        clock: Clock,
        *,
        version: str,
        catalog_size: int,
        built_in: str,
        condition: Callable[[], Condition],
    ) -> None:
        self._live = live
        self._clock = clock
        self._version = version
        self._catalog_size = catalog_size
        self._built_in = built_in
        self._condition = condition
        self._started = clock.monotonic()

    def health(self) -> JsonObject:
        """The anonymous body of the health check."""
        condition = self._condition()
        connections = {
            provider_id: several
            for provider_id, several in self._live.current.connections.items()
            if provider_id != self._built_in
        }
        degraded: JsonObject = {} if condition.trouble is None else {"reason": condition.trouble}
        return {
            "status": "draining" if condition.draining else "degraded" if degraded else "healthy",
            **degraded,
            "version": self._version,
            "uptime": round(self._clock.monotonic() - self._started, 3),
            "providerSummary": {
                "catalogCount": self._catalog_size,
                "configuredCount": len(connections),
                "activeCount": sum(any(one.active for one in several) for several in connections.values()),
                "monitoredCount": 0,
            },
        }

    def init(self) -> JsonObject:
        """What a first visitor needs to know."""
        password_set = self._live.current.password_set
        return {
            "initialized": True,
            "setupComplete": password_set,
            "requireLogin": True,
            "hasPassword": password_set,
            "version": self._version,
        }
