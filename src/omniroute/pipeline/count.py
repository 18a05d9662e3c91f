"""The story of one question for a number of tokens: the provider counts where it can, else it is estimated.

Nothing is generated, so nothing is written to the ledger, and a provider that does not answer costs the caller
nothing but the estimate.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from omniroute.access.grant import Grant
from omniroute.accounts.lease import lease
from omniroute.dialects.base import Dialect
from omniroute.dialects.counting import Count, Counting
from omniroute.dialects.envelope import Address, Envelope, check_model, open_envelope
from omniroute.errors import GatewayError, UpstreamError
from omniroute.ir.estimate import estimated_tokens
from omniroute.ir.request import GenerateRequest
from omniroute.pipeline.admit import Admit
from omniroute.pipeline.candidates import Candidates
from omniroute.pipeline.exchange import Exchange
from omniroute.pipeline.forwarding import forwarded_headers, forwarded_query
from omniroute.pipeline.headers import JSON
from omniroute.pipeline.refuse import turn_away
from omniroute.routing.candidate import Candidate
from omniroute.snapshot.live import Live
from omniroute.snapshot.model import Snapshot
from omniroute.telemetry.log import Log
from omniroute.upstream.transport import Deadlines, Transport, UpstreamRequest

_DEADLINES: Final = Deadlines(connect_s=3.0, first_byte_s=5.0, idle_s=5.0, total_s=6.0)
"""Clients count before every turn: an estimate now is worth more than a number later."""
_ANSWER_LIMIT: Final = 1024 * 1024
_UNNAMED: Final = Address("", stream=False)


class CountTokens:
    """`countings` are the dialects that have such a question, by name."""

    def __init__(
        self,
        *,
        live: Live,
        admit: Admit,
        candidates: Candidates,
        transport: Transport,
        countings: Mapping[str, Counting],
        user_agent: str,
        proxy: str | None,
        log: Log,
    ) -> None:
        self._live = live
        self._admit = admit
        self._candidates = candidates
        self._transport = transport
        self._countings = countings
        self._user_agent = user_agent
        self._proxy = proxy
        self._log = log

    async def __call__(self, exchange: Exchange, dialect: Dialect, address: Address | None = None) -> None:
        """Answers `exchange` in `dialect`; `address` is the model where the path names it."""
        snapshot = self._live.current
        try:
            grant = self._admit.grant(exchange, snapshot)
            envelope = open_envelope(await exchange.body(), address or _UNNAMED)
            model = envelope.model or _named(envelope)
            request = self._countings[dialect.name].decode_question(envelope.decoded(), model)
            candidates = self._allowed(snapshot, model, grant)
        except GatewayError as error:
            await turn_away(exchange, dialect, error, self._log)
            return
        count = None
        if candidates:
            count = await self._asked(exchange, snapshot, candidates[0], request)
        count = count or Count(tokens=estimated_tokens(request))
        self._log.debug(
            "counted", id=exchange.request_id, model=model, tokens=count.tokens, provider=count.provider
        )
        await exchange.reply(200, [JSON], self._countings[dialect.name].encode_answer(count))

    def _allowed(self, snapshot: Snapshot, model: str, grant: Grant) -> tuple[Candidate, ...]:
        """Nobody, for a model that is not served; what the key may not use is refused all the same."""
        if not model:
            return ()
        try:
            return self._candidates.of(snapshot, model, None, grant)
        except GatewayError as error:
            if error.status == 403:
                raise
            return ()

    async def _asked(
        self, exchange: Exchange, snapshot: Snapshot, candidate: Candidate, request: GenerateRequest
    ) -> Count | None:
        """The provider's number; None when it has none for us."""
        target = candidate.target
        counting = self._countings.get(target.dialect)
        connection = snapshot.by_id[candidate.account.id]
        provider = snapshot.providers[connection.provider]
        if counting is None or provider.operations["chat"].path is not None:
            return None
        native = target.dialect == request.dialect
        try:
            granted = lease(provider, connection, provider.operations["chat"])
            if granted.signer is not None:
                return None
            headers = (
                ("content-type", "application/json"),
                ("accept", "application/json"),
                ("user-agent", self._user_agent),
                *granted.headers,
            )
            query = forwarded_query(exchange, target.dialect) if native else ""
            body = counting.encode_question(msgspec.structs.replace(request, model=target.model), target)
            reply = await self._transport.open(
                UpstreamRequest(
                    method="POST",
                    url=granted.url(counting.path(target), query),
                    headers=forwarded_headers(headers, exchange, target.dialect) if native else headers,
                    body=body,
                    deadlines=_DEADLINES,
                    private=granted.private,
                    proxy=None if provider.local else self._proxy,
                )
            )
            try:
                answer = await reply.read(_ANSWER_LIMIT) if reply.status == 200 else b""
            finally:
                await reply.aclose()
        except (GatewayError, UpstreamError) as error:
            self._log.debug("not counted", id=exchange.request_id, provider=target.provider, error=str(error))
            return None
        count = counting.decode_answer(answer)
        if count is None:
            return None
        said = count.said if native else None
        return Count(tokens=count.tokens, provider=target.provider, model=target.model, said=said)


def _named(envelope: Envelope) -> str:
    """The model in the body, where it may be left out."""
    model = envelope.value("model")
    if not isinstance(model, str):
        return ""
    check_model(model)
    return model.strip()
