"""Holding a conversation with a provider: performs the steps that a codec asks for, one after the other."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import urlsplit

import msgspec

from omniroute.accounts.lease import Lease
from omniroute.accounts.signing import Signing
from omniroute.clock import Clock
from omniroute.dialects.simple.base import Answer, Conversation, Fetch, Got, Meter, Send, Step, Wait
from omniroute.errors import UpstreamError
from omniroute.ir.failure import Failure
from omniroute.pipeline.answer import PassedHeaders
from omniroute.pipeline.comeback import in_band, with_hint
from omniroute.pipeline.failures import of_upstream
from omniroute.pipeline.headers import passed
from omniroute.upstream.transport import Deadlines, Reply, Transport, UpstreamRequest

_ERROR_BODY_LIMIT: Final = 1024 * 1024


class Spoken(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation that came to its answer. `headers` are the provider's that the client may see."""

    answer: Answer
    headers: PassedHeaders


class Passing(msgspec.Struct, frozen=True, kw_only=True):
    """A reply that is passed on as it comes; `held` is its first piece."""

    reply: Reply
    held: bytes
    meter: Meter | None
    headers: PassedHeaders


class Converse:
    """`sleep` waits for so many seconds."""

    def __init__(
        self,
        transport: Transport,
        clock: Clock,
        *,
        user_agent: str,
        proxy: str | None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._transport = transport
        self._signing = Signing(transport, clock)
        self._clock = clock
        self._user_agent = user_agent
        self._proxy = proxy
        self._sleep = sleep

    async def __call__(
        self, conversation: Conversation, lease: Lease, deadlines: Deadlines
    ) -> Spoken | Passing | Failure:
        """The end of `conversation`. Every `Send` carries the credential of `lease`, nothing else does; each step
        has its own `deadlines`."""
        began = self._clock.monotonic()
        headers: PassedHeaders = []
        got: Got | None = None
        try:
            while True:
                step = next(conversation) if got is None else conversation.send(got)
                if isinstance(step, Wait):
                    await self._sleep(step.seconds)
                    got = Got(elapsed_s=self._clock.monotonic() - began)
                    continue
                request = self._request(step, lease, deadlines)
                if isinstance(step, Fetch):
                    got = await self._fetched(request, began)
                    continue
                if lease.signer is not None:
                    proven = await self._signing.signed(lease.signer, request)
                    if isinstance(proven, Failure):
                        return proven
                    request = proven
                reply = await self._transport.open(request)
                headers = passed(reply.headers)
                if step.relay and 200 <= reply.status < 300:
                    first = await _first_piece(step, reply, headers)
                    told = Got(status=reply.status, headers=reply.headers)
                    return self._hinted(first, told) if isinstance(first, Failure) else first
                got = await _whole(reply, began, self._clock)
        except StopIteration as end:
            result: Answer | Failure = end.value
        except UpstreamError as error:
            result = of_upstream(error)
        finally:
            conversation.close()
        return self._hinted(result, got) if isinstance(result, Failure) else Spoken(answer=result, headers=headers)

    def _hinted(self, failure: Failure, got: Got | None) -> Failure:
        """`failure` with the time to come back that the last reply named."""
        if got is None or not got.status:
            return failure
        if got.status >= 300:
            return with_hint(failure, got.headers, got.body, self._clock.now())
        return in_band(failure, got.headers, self._clock.now())

    async def _fetched(self, request: UpstreamRequest, began: float) -> Got:
        """A file elsewhere. That it cannot be had says nothing about the account, so it is not an error here."""
        try:
            return await _whole(await self._transport.open(request), began, self._clock)
        except UpstreamError as error:
            return Got(body=error.message.encode(), elapsed_s=self._clock.monotonic() - began)

    def _request(self, step: Step, lease: Lease, deadlines: Deadlines) -> UpstreamRequest:
        match step:
            case Send():
                accept = "*/*" if step.relay else "application/json"
                headers = (("user-agent", self._user_agent), ("accept", accept), *lease.headers)
                return UpstreamRequest(
                    method=step.method,
                    url=lease.url(step.path, step.query),
                    headers=(("content-type", step.content_type), *headers) if step.body else headers,
                    body=step.body,
                    deadlines=deadlines,
                    private=lease.private,
                    proxy=None if lease.private else self._proxy,
                )
            case Fetch(url=url):
                # A server of the operator's own may point to files on itself, and to nothing else nearby.
                private = lease.private and urlsplit(url).netloc == urlsplit(lease.base_url).netloc
                return UpstreamRequest(
                    method="GET",
                    url=url,
                    headers=(("user-agent", self._user_agent), ("accept", "*/*")),
                    deadlines=deadlines,
                    private=private,
                    proxy=None if private else self._proxy,
                )
            case Wait():
                raise AssertionError("waiting sends nothing")


async def _whole(reply: Reply, began: float, clock: Clock) -> Got:
    try:
        body = await (reply.read() if reply.status < 300 else reply.read(_ERROR_BODY_LIMIT))
    finally:
        await reply.aclose()
    return Got(status=reply.status, headers=reply.headers, body=body, elapsed_s=clock.monotonic() - began)


async def _first_piece(step: Send, reply: Reply, headers: PassedHeaders) -> Passing | Failure:
    """Until the first piece is there, and says nothing bad, another account can still be asked."""
    try:
        held = await reply.chunk()
    except BaseException:
        await reply.aclose()
        raise
    failure = None
    if not held:
        failure = Failure(
            kind="empty", status=502, message="the provider returned an empty answer", code="empty_answer"
        )
    elif step.meter is not None:
        step.meter.feed(held)
        failure = step.meter.failure
    if failure is not None:
        await reply.aclose()
        return failure
    return Passing(reply=reply, held=held, meter=step.meter, headers=headers)
