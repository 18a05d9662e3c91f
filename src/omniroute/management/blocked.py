"""An address that the guard refuses is worth a line in the audit log, wherever it was typed."""

from omniroute.access.actor import Actor, record
from omniroute.errors import GatewayError
from omniroute.management.services import Services


async def blocked(services: Services, actor: Actor, url: str, message: str) -> GatewayError:
    """Records the attempt and returns the error to raise: 503 `blocked_url`."""
    now = services.now_ms()
    target = url.partition("?")[0].partition("#")[0].rpartition("@")[2][:200]
    await services.writer.awrite_quietly(
        lambda connection: record(
            connection,
            actor,
            at=now,
            action="provider.validation.ssrf_blocked",
            status="blocked",
            target=target,
        )
    )
    return GatewayError(503, message, code="blocked_url")
