"""Asking the connection that keeps a response: what is stored at a provider is looked at and deleted there."""

from typing import Final

import msgspec

from omniroute.accounts.lease import lease
from omniroute.accounts.signing import Signing
from omniroute.clock import Clock
from omniroute.errors import GatewayError, UpstreamError
from omniroute.ir.failure import Failure
from omniroute.pipeline.failures import of_upstream
from omniroute.snapshot.model import Snapshot
from omniroute.upstream.transport import Deadlines, Transport, UpstreamRequest

_DEADLINES: Final = Deadlines(connect_s=10.0, first_byte_s=30.0, idle_s=30.0, total_s=120.0)


class Said(msgspec.Struct, frozen=True):
    """What the provider answered, whatever it was."""

    status: int
    content_type: str
    body: bytes


class Holders:
    """Sends one request as it is, with the connection's own credential."""

    def __init__(self, transport: Transport, clock: Clock, *, user_agent: str, proxy: str | None) -> None:
        self._transport = transport
        self._signing = Signing(transport, clock)
        self._user_agent = user_agent
        self._proxy = proxy

    async def ask(
        self, snapshot: Snapshot, connection_id: str, method: str, path: str, query: str
    ) -> Said | Failure:
        """`path` begins with a slash, below the provider's base address. Raises `GatewayError` for a connection
        that is not there any more, or lacks something."""
        connection = snapshot.by_id.get(connection_id)
        if connection is None or not connection.active:
            raise GatewayError(
                404,
                "the provider account that stores this response is not connected any more",
                code="response_not_found",
            )
        provider = snapshot.providers[connection.provider]
        granted = lease(provider, connection, provider.operations["chat"])
        request = UpstreamRequest(
            method=method,
            url=granted.url(path, query),
            headers=(("user-agent", self._user_agent), ("accept", "application/json"), *granted.headers),
            deadlines=_DEADLINES,
            private=granted.private,
            proxy=None if provider.local else self._proxy,
        )
        try:
            if granted.signer is not None:
                signed = await self._signing.signed(granted.signer, request)
                if isinstance(signed, Failure):
                    return signed
                request = signed
            reply = await self._transport.open(request)
            try:
                kind = reply.headers.get("content-type", "application/json")
                return Said(reply.status, kind, await reply.read())
            finally:
                await reply.aclose()
        except UpstreamError as error:
            return of_upstream(error)
