"""The story of one question for a number of tokens: the provider counts where it can, else it is estimated.

Nothing is generated, so nothing is written to the ledger, and a provider that does not answer costs the caller
nothing but the estimate. When one account cannot say, the next one is asked, for as long as there is time.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Final

import msgspec

from omniroute.access.grant import Grant
from omniroute.accounts.lease import lease
from omniroute.accounts.signing import Signing
from omniroute.clock import Clock
from omniroute.dialects.base import Dialect
from omniroute.dialects.counting import Count, Counter, Counting
from omniroute.dialects.envelope import Address, Envelope, check_model, open_envelope
from omniroute.errors import GatewayError, InvalidRequest, UpstreamError
from omniroute.ir.estimate import estimated_tokens
from omniroute.ir.failure import Failure
from omniroute.ir.request import GenerateRequest
from omniroute.pipeline.admit import Admit
from omniroute.pipeline.candidates import Candidates
from omniroute.pipeline.exchange import Exchange
from omniroute.pipeline.forwarding import LONG, forwarded_headers, forwarded_query
from omniroute.pipeline.headers import JSON
from omniroute.pipeline.refuse import turn_away
from omniroute.pipeline.threads import RESPONSES, Threads, held, not_found
from omniroute.routing.candidate import Candidate
from omniroute.snapshot.aliases import meant
from omniroute.snapshot.live import Live
from omniroute.snapshot.model import Snapshot
from omniroute.telemetry.log import Log
from omniroute.upstream.transport import Deadlines, Transport, UpstreamRequest

_DEADLINES: Final = Deadlines(connect_s=3.0, first_byte_s=5.0, idle_s=5.0, total_s=6.0)
"""Clients count before every turn: an estimate now is worth more than a number later."""
_PATIENCE_S: Final = 6.0
"""When this has passed, nobody else is asked."""
_ELSEWHERE: Final = frozenset({401, 402, 403, 408, 429})
"""With these, and with those of servers, another account may have an answer."""
_ANSWER_LIMIT: Final = 1024 * 1024
_UNNAMED: Final = Address("", stream=False)


class _Nobody(Enum):
    """No other account of the provider can count the request either."""

    NOBODY = "nobody"


_NOBODY: Final = _Nobody.NOBODY


class CountTokens:
    """By the names of dialects: `countings` are those in which clients ask, `counters` those in which providers
    can be asked."""

    def __init__(
        self,
        *,
        live: Live,
        admit: Admit,
        candidates: Candidates,
        transport: Transport,
        countings: Mapping[str, Counting],
        counters: Mapping[str, Counter],
        threads: Threads,
        clock: Clock,
        user_agent: str,
        proxy: str | None,
        log: Log,
    ) -> None:
        self._live = live
        self._admit = admit
        self._candidates = candidates
        self._transport = transport
        self._countings = countings
        self._counters = counters
        self._threads = threads
        self._clock = clock
        self._signing = Signing(transport, clock)
        self._user_agent = user_agent
        self._proxy = proxy
        self._log = log

    async def __call__(self, exchange: Exchange, dialect: Dialect, address: Address | None = None) -> None:
        """Answers `exchange` in `dialect`; `address` is the model where the path names it."""
        snapshot = self._live.current
        try:
            grant = self._admit.grant(exchange, snapshot)
            envelope = open_envelope(await exchange.body(), address or _UNNAMED)
            model = (envelope.model or _named(envelope)).removesuffix(LONG)
            candidates = self._allowed(snapshot, model, grant)
            if dialect.name == RESPONSES:
                request, candidates = self._continued(grant, envelope, model, candidates)
            else:
                request = self._countings[dialect.name].decode_question(envelope.decoded(), model)
        except GatewayError as error:
            await turn_away(exchange, dialect, error, self._log)
            return
        count = await self._first(exchange, snapshot, candidates, request) or Count(
            tokens=estimated_tokens(request)
        )
        self._log.debug(
            "counted", id=exchange.request_id, model=model, tokens=count.tokens, provider=count.provider
        )
        await exchange.reply(200, [JSON], self._countings[dialect.name].encode_answer(count))

    def _allowed(self, snapshot: Snapshot, model: str, grant: Grant) -> tuple[Candidate, ...]:
        """Nobody, for a model that is not served; what the key may not use is refused all the same."""
        if not model:
            return ()
        try:
            if snapshot.aliases:
                wanted, model = model, meant(snapshot.aliases, model)
                if model != wanted and wanted in grant.models:
                    grant = msgspec.structs.replace(grant, models=())
            return self._candidates.of(snapshot, model, None, grant)
        except GatewayError as error:
            if error.status == 403:
                raise
            return ()

    def _continued(
        self, grant: Grant, envelope: Envelope, model: str, candidates: tuple[Candidate, ...]
    ) -> tuple[GenerateRequest, tuple[Candidate, ...]]:
        """The request with what it refers to, and who can count it."""
        named = open_envelope(envelope.body, Address(model or "unknown", stream=False))
        found = self._threads.continued(grant.key_id, named)
        request = None if found is None else found.request
        if request is None:
            said = named if found is None else found.envelope
            request = self._countings[RESPONSES].decode_question(said.decoded(), model)
        thread = None if found is None else found.thread
        if thread is None:
            return request, candidates
        unknown = thread.previous is not None and not thread.resolved and thread.holder is None
        if unknown and not any(candidate.target.dialect == RESPONSES for candidate in candidates):
            raise not_found(thread.previous or "")
        return request, tuple(held(thread, candidates)) if candidates else ()

    async def _first(
        self,
        exchange: Exchange,
        snapshot: Snapshot,
        candidates: tuple[Candidate, ...],
        request: GenerateRequest,
    ) -> Count | None:
        until = self._clock.monotonic() + _PATIENCE_S
        for candidate in candidates:
            found = await self._asked(exchange, snapshot, candidate, request)
            if isinstance(found, Count):
                return found
            if found is _NOBODY or self._clock.monotonic() >= until:
                return None
        return None

    async def _asked(
        self, exchange: Exchange, snapshot: Snapshot, candidate: Candidate, request: GenerateRequest
    ) -> Count | _Nobody | None:
        """The provider's number. Without one: None where another account may have it, else `_NOBODY`."""
        target = candidate.target
        counting = self._counters.get(target.dialect)
        connection = snapshot.by_id[candidate.account.id]
        provider = snapshot.providers[connection.provider]
        operation = provider.operations["chat"]
        if counting is None or (operation.path is not None and operation.count_path is None):
            return _NOBODY
        native = target.dialect == request.dialect
        try:
            granted = lease(provider, connection, operation)
            headers = (
                ("content-type", "application/json"),
                ("accept", "application/json"),
                ("user-agent", self._user_agent),
                *granted.headers,
            )
            query = forwarded_query(exchange, target.dialect) if native and not operation.bare else ""
            body = counting.encode_question(msgspec.structs.replace(request, model=target.model), target)
            asked = UpstreamRequest(
                method="POST",
                url=granted.url(operation.count_path or counting.path(target), query),
                headers=forwarded_headers(headers, exchange, target.dialect) if native else headers,
                body=body,
                deadlines=_DEADLINES,
                private=granted.private,
                proxy=None if provider.local else self._proxy,
            )
            if granted.signer is not None:
                proven = await self._signing.signed(granted.signer, asked)
                if isinstance(proven, Failure):
                    return None
                asked = proven
            reply = await self._transport.open(asked)
            try:
                if reply.status != 200:
                    return None if reply.status in _ELSEWHERE or reply.status >= 500 else _NOBODY
                answer = await reply.read(_ANSWER_LIMIT)
            finally:
                await reply.aclose()
        except InvalidRequest as error:
            self._log.debug("not counted", id=exchange.request_id, provider=target.provider, error=str(error))
            return _NOBODY
        except (GatewayError, UpstreamError) as error:
            self._log.debug("not counted", id=exchange.request_id, provider=target.provider, error=str(error))
            return None
        count = counting.decode_answer(answer)
        if count is None:
            return _NOBODY
        said = count.said if native else None
        return Count(tokens=count.tokens, provider=target.provider, model=target.model, said=said)


def _named(envelope: Envelope) -> str:
    """The model in the body, where it may be left out."""
    model = envelope.value("model")
    if not isinstance(model, str):
        return ""
    check_model(model)
    return model.strip()
