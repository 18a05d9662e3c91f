"""The small exception tree: errors at the edge. Failures of providers are values (`ir.failure.Failure`).

    GatewayError                 anything a caller may be told
    |- InvalidRequest            the client's fault: the body or a header cannot be used
    `- UpstreamError             the provider's or the network's fault, raised by transports and decoders only

`GatewayError` is caught once, at the request boundary, and encoded in the caller's dialect.
`UpstreamError` is caught once, in `pipeline.attempt`, and becomes a `Failure`.
"""

from typing import Literal


class GatewayError(Exception):
    """An error with an HTTP status and a message that is safe to show: what happened, to what, what to do."""

    def __init__(self, status: int, message: str, *, code: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.retry_after_s = retry_after_s


class InvalidRequest(GatewayError):
    """The request cannot be used as it stands (400 unless said otherwise)."""

    def __init__(self, message: str, *, code: str = "bad_request", status: int = 400) -> None:
        super().__init__(status, message, code=code)


UpstreamErrorKind = Literal[
    "connect",  # no connection: DNS, refused, TLS, connect deadline; nothing was sent
    "blocked",  # the guard refused the address; nothing was sent
    "proxy",  # the configured proxy failed; nothing was sent to the provider
    "timeout",  # first-byte, idle or total deadline
    "closed",  # the provider closed the connection too early
    "protocol",  # the provider's answer is not what its protocol promises
]


class UpstreamError(Exception):
    """The outside world failed while a provider was being talked to."""

    def __init__(self, kind: UpstreamErrorKind, message: str) -> None:
        super().__init__(message)
        self.kind: UpstreamErrorKind = kind
        self.message = message
