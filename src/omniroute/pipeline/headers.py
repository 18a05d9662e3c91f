"""The headers of a successful reply: ours, and the few of the provider's that clients use."""

from collections.abc import Mapping
from typing import Final

from omniroute.dialects.base import Framing
from omniroute.pipeline.call import Call

JSON: Final = (b"content-type", b"application/json")
_UNBUFFERED: Final = ((b"cache-control", b"no-cache, no-transform"), (b"x-accel-buffering", b"no"))
SSE: Final = ((b"content-type", b"text/event-stream; charset=utf-8"), *_UNBUFFERED)
NDJSON: Final = ((b"content-type", b"application/x-ndjson"), *_UNBUFFERED)
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
    return NDJSON if framing == "ndjson" else SSE


def told(call: Call, now: float) -> list[tuple[bytes, bytes]]:
    """What the gateway says about its own work. `now` is monotonic seconds."""
    assert call.candidate is not None
    own_ms = max(0.0, (now - call.exchange.started - call.upstream_s) * 1000)
    headers = [
        (b"server-timing", b"gw;dur=%.2f" % own_ms),
        (b"x-omniroute-provider", call.candidate.target.provider.encode()),
    ]
    if call.attempts > 1:
        headers.append((b"x-omniroute-attempts", b"%d" % call.attempts))
    if call.session_id is not None:
        headers.append((b"x-omniroute-session-id", call.session_id.encode("latin-1", "replace")))
    if call.losses:
        headers.append((b"x-omniroute-losses", _losses(call)))
    if call.progress:
        headers.append((b"x-omniroute-progress", b"enabled"))
    if call.dialect.name == "anthropic":
        headers.append((b"request-id", call.exchange.request_id.encode()))
    return headers


def _losses(call: Call) -> bytes:
    """`2; meaning=0; quality=1; cost=1`: how many, and of which weight."""
    weights = [loss.weight for loss in call.losses]
    return (
        f"{len(weights)}; meaning={weights.count('meaning')}; quality={weights.count('quality')};"
        f" cost={weights.count('cost')}"
    ).encode()
