"""Paths below `/v1/responses/` that speak of stored responses, of which the gateway has none."""

from omniroute.dialects.base import Dialect
from omniroute.errors import GatewayError
from omniroute.pipeline.admit import Admit
from omniroute.pipeline.exchange import Exchange
from omniroute.pipeline.failures import of_gateway
from omniroute.pipeline.refuse import refuse
from omniroute.snapshot.live import Live


class Stored:
    """Says so, to callers who may ask at all."""

    def __init__(self, live: Live, admit: Admit, dialect: Dialect) -> None:
        self._live = live
        self._admit = admit
        self._dialect = dialect

    async def __call__(self, exchange: Exchange, rest: str) -> None:
        try:
            self._admit.grant(exchange, self._live.current)
            raise GatewayError(404, _message(exchange.method, rest), code="response_not_found")
        except GatewayError as error:
            await refuse(exchange, self._dialect, of_gateway(error))


def _message(method: str, rest: str) -> str:
    what = f"{method} {f'/v1/responses/{rest[:80]}'!r}"
    if method == "POST" and not rest.startswith("resp_"):
        return f"{what}: no such operation; there are /v1/responses and /v1/responses/compact"
    return (
        f"{what}: the gateway stores no responses; keep what a response says and send it back in `input`, or ask"
        " the provider that made it, with its own key"
    )
