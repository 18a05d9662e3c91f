"""Local servers that are running now, armed without being stored."""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from typing import Final
from urllib.parse import urlsplit

from omniroute.accounts.connection import Connection
from omniroute.accounts.env import AFTER_STORED
from omniroute.catalog.local import LocalServer, Signature, recognised
from omniroute.catalog.provider import Provider
from omniroute.upstream.transport import Deadlines, Transport, UpstreamError, UpstreamRequest

ID_PREFIX: Final = "local:"

AFTER_ENVIRONMENT: Final = AFTER_STORED + 1
"""The priority of local servers."""

AT_ONCE: Final = Deadlines(connect_s=0.2, first_byte_s=0.2, idle_s=0.2, total_s=0.2)
"""A server on this machine answers in a few milliseconds, or it is not there."""

_HOST: Final = "127.0.0.1"
_BODY_LIMIT: Final = 1024 * 1024


async def detect(
    transport: Transport,
    servers: Iterable[LocalServer],
    providers: Mapping[str, Provider],
    *,
    skip_ports: Collection[int] = (),
    deadlines: Deadlines = AT_ONCE,
) -> tuple[Connection, ...]:
    """One connection `local:<provider>` for each of `servers` that is recognised, in their order.

    Only 127.0.0.1 is asked, everything at once, without a credential. Servers whose provider is not among
    `providers` or is not local are left out, and so are `skip_ports` (our own). A server that does not answer, or
    answers as something else, is no error.
    """
    candidates = [
        (server, provider)
        for server in servers
        if (provider := providers.get(server.provider)) is not None
        and provider.local
        and server.port not in skip_ports
    ]
    async with asyncio.TaskGroup() as group:
        asked = [
            [
                group.create_task(
                    _bears(transport, server.port, signature, deadlines),
                    name=f"look for {server.provider} at {server.port}{signature.path}",
                )
                for signature in server.signatures
            ]
            for server, _ in candidates
        ]
    return tuple(
        _connection(provider, server.port)
        for (server, provider), answers in zip(candidates, asked, strict=True)
        if answers and all(answer.result() for answer in answers)
    )


async def _bears(transport: Transport, port: int, signature: Signature, deadlines: Deadlines) -> bool:
    request = UpstreamRequest(
        method="GET", url=f"http://{_HOST}:{port}{signature.path}", deadlines=deadlines, private=True
    )
    try:
        reply = await transport.open(request)
        try:
            return recognised(signature, reply.status, reply.headers, await reply.read(_BODY_LIMIT))
        finally:
            await reply.aclose()
    except UpstreamError:
        return False


def _connection(provider: Provider, port: int) -> Connection:
    """Bound to the address that was recognised: `localhost` may also mean ::1, where something else may listen."""
    return Connection(
        id=f"{ID_PREFIX}{provider.id}",
        provider=provider.id,
        name=f"{provider.name} on port {port}",
        auth_type="none",
        base_url=urlsplit(provider.base_url)._replace(scheme="http", netloc=f"{_HOST}:{port}").geturl(),
        priority=AFTER_ENVIRONMENT,
        origin="local",
    )
