"""How the gateway is: a little for everybody, all of it for the administrator."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from omniroute.ir.json import JsonObject
from omniroute.management.services import Services
from omniroute.management.shapes import iso
from omniroute.storage.repos import connections, meta, nodes
from omniroute.storage.repos.connections import ConnectionRow


def health_body(services: Services, full: bool) -> JsonObject:
    """`status` is `healthy`, or `degraded` with the `reason`: requests are served all the same. Reads the
    database.

    `full` is for callers with a management credential: it names the process and its memory.
    """

    def question(connection: Connection) -> tuple[tuple[ConnectionRow, ...], int, int]:
        return connections.every(connection), len(nodes.every(connection)), meta.revision(connection)

    uptime = round(services.clock.monotonic() - services.started, 3)
    try:
        rows, node_count, revision = services.database.read(question)
    except SQLAlchemyError as error:
        reason = f"the database cannot be read: {type(error).__name__}"
        return {"status": "degraded", "reason": reason, "version": services.version, "uptime": uptime}
    trouble = services.trouble()
    every = [
        *((row.provider, row.is_active) for row in rows),
        *((connection.provider, True) for connection in services.env_connections),
    ]
    body: JsonObject = {
        "status": "healthy" if trouble is None else "degraded",
        **({} if trouble is None else {"reason": trouble}),
        "version": services.version,
        "uptime": uptime,
        "providerSummary": {
            "catalogCount": len(services.catalog.providers),
            "configuredCount": len({provider for provider, _ in every}),
            "activeCount": len({provider for provider, active in every if active}),
            "monitoredCount": 0,
        },
    }
    if full:
        body |= {
            "timestamp": iso(services.now_ms()),
            "setupComplete": services.administrator.has_password(),
            "revision": revision,
            "nodeCount": node_count,
            "system": {
                "version": services.version,
                "runtimeVersion": sys.version.split()[0],
                "platform": sys.platform,
                "pid": os.getpid(),
                "uptime": uptime,
                "memoryUsage": {"rss": _resident_bytes()},
            },
            "load": {
                "inFlight": services.counters.active,
                "limit": services.settings.max_inflight,
                "shed": services.counters.shed,
            },
            "cryptography": {
                "status": "healthy" if all(map(_is_readable(services), rows)) else "missing_or_invalid",
                "provider": "aes-256-gcm",
            },
        }
    return body


def _is_readable(services: Services) -> Callable[[ConnectionRow], bool]:
    return lambda row: services.connections.masked(row).readable


def _resident_bytes() -> int | None:
    """None where the operating system does not say (anything but Linux)."""
    try:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError, ValueError):
        return None
