"""Telling a caller that its request failed, in its own dialect: as a reply, or in-band once a stream has begun."""

from omniroute.dialects.base import Dialect
from omniroute.errors import GatewayError
from omniroute.ir.failure import Failure
from omniroute.pipeline.exchange import Exchange
from omniroute.pipeline.failures import of_gateway
from omniroute.pipeline.finish import Ledger
from omniroute.pipeline.headers import told
from omniroute.pipeline.visit import Visit
from omniroute.telemetry.log import Log


async def refuse(
    exchange: Exchange, dialect: Dialect, failure: Failure, visit: Visit | None = None, now: float = 0.0
) -> None:
    """`visit` and `now` (monotonic seconds) add what the gateway did before it gave up."""
    if exchange.replying:
        await exchange.write(dialect.encode_stream_failure(failure, exchange.request_id))
        await exchange.end()
        return
    reply = dialect.encode_failure(failure, exchange.request_id)
    headers = [(b"content-type", reply.content_type.encode())]
    if failure.retry_after is not None:
        headers.append((b"retry-after", b"%d" % max(1, round(failure.retry_after + 0.499))))
    if visit is not None and visit.candidate is not None:
        headers += told(visit, now)
    await exchange.reply(reply.status, headers, reply.body)


async def turn_away(exchange: Exchange, dialect: Dialect, error: GatewayError, log: Log) -> None:
    """A request that was not admitted: no record of the journal, one line in the log."""
    log.info("refused", id=exchange.request_id, status=error.status, code=error.code, error=error.message)
    await refuse(exchange, dialect, of_gateway(error))


async def end(visit: Visit, failure: Failure, ledger: Ledger, now: float) -> None:
    """The honest end of a request that failed: recorded, then told in the caller's own dialect."""
    visit.failure = failure
    visit.status = failure.status
    ledger.settle(visit)
    if failure.kind != "cancelled":
        await refuse(visit.exchange, visit.dialect, failure, visit, now)
