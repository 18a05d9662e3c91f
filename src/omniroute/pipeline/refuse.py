"""Telling a caller that its request failed, in its own dialect: as a reply, or in-band once a stream has begun."""

from omniroute.dialects.base import Dialect
from omniroute.ir.failure import Failure
from omniroute.pipeline.call import Call
from omniroute.pipeline.exchange import Exchange
from omniroute.pipeline.headers import told


async def refuse(
    exchange: Exchange, dialect: Dialect, failure: Failure, call: Call | None = None, now: float = 0.0
) -> None:
    """`call` and `now` (monotonic seconds) add what the gateway did before it gave up."""
    if exchange.replying:
        await exchange.write(dialect.encode_stream_failure(failure, exchange.request_id))
        await exchange.end()
        return
    reply = dialect.encode_failure(failure, exchange.request_id)
    headers = [(b"content-type", reply.content_type.encode())]
    if failure.retry_after is not None:
        headers.append((b"retry-after", b"%d" % max(1, round(failure.retry_after + 0.499))))
    if call is not None and call.candidate is not None:
        headers += told(call, now)
    await exchange.reply(reply.status, headers, reply.body)
