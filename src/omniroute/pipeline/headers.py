"""The headers of a successful reply: ours, and the few of the provider's that clients use."""

from collections.abc import Mapping
from typing import Final

from omniroute.dialects.base import Framing
from omniroute.pipeline.visit import Visit

JSON: Final = (b"content-type", b"application/json")
_UNBUFFERED: Final = ((b"cache-control", b"no-cache, no-transform"), (b"x-accel-buffering", b"no"))
SSE: Final = ((b"content-type", b"text/event-stream; charset=utf-8"), *_UNBUFFERED)
NDJSON: Final = ((b"content-type", b"application/x-ndjson"), *_UNBUFFERED)
_STREAMS: Final[Mapping[Framing, tuple[tuple[bytes, bytes], ...]]] = {
    "sse": SSE,
    "ndjson": NDJSON,
    "json": (JSON, *_UNBUFFERED),
}
_PASSED_PREFIXES: Final = ("x-ratelimit-", "anthropic-ratelimit-")


def passed(upstream: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """What of a provider's reply headers reaches the client: its rate limits, never cookies or its identity."""
    return [
        (name.encode("latin-1"), value.encode("latin-1"))
        for name, value in upstream.items()
        if name.startswith(_PASSED_PREFIXES)
    ]


def of_stream(framing: Framing) -> tuple[tuple[bytes, bytes], ...]:
    """The head of a stream in this framing."""
    return _STREAMS[framing]


def told(visit: Visit, now: float) -> list[tuple[bytes, bytes]]:
    """What the gateway says about its own work. `now` is monotonic seconds."""
    own_ms = max(0.0, (now - visit.exchange.started - visit.upstream_s) * 1000)
    headers = [(b"server-timing", b"gw;dur=%.2f" % own_ms)]
    if visit.candidate is not None:
        headers.append((b"x-omniroute-provider", visit.candidate.target.provider.encode()))
    if visit.remarks:
        headers += visit.remarks
    if visit.attempts > 1:
        headers.append((b"x-omniroute-attempts", b"%d" % visit.attempts))
    if visit.session_id is not None:
        headers.append((b"x-omniroute-session-id", visit.session_id.encode("latin-1", "replace")))
    if visit.losses:
        headers.append((b"x-omniroute-losses", _losses(visit)))
    if visit.progress:
        headers.append((b"x-omniroute-progress", b"enabled"))
    if visit.dialect.name == "anthropic":
        headers.append((b"request-id", visit.exchange.request_id.encode()))
    return headers


def _losses(visit: Visit) -> bytes:
    """`2; meaning=0; quality=1; cost=1`: how many, and of which weight."""
    weights = [loss.weight for loss in visit.losses]
    return (
        f"{len(weights)}; meaning={weights.count('meaning')}; quality={weights.count('quality')};"
        f" cost={weights.count('cost')}"
    ).encode()
