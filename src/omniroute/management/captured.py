"""What was captured of a request, as it is shown."""

from omniroute.ledger.captures import Capture
from omniroute.ledger.excerpt import Kept
from omniroute.management.shapes import Reply


class BodyShape(Reply):
    """`text` is null for what is no text. `size` and `leftOut` are bytes."""

    headers: dict[str, str]
    text: str | None
    size: int
    left_out: int


class CaptureShape(Reply):
    """As the client sent it and as it got it. Secrets are taken out."""

    method: str
    path: str
    status: int
    request: BodyShape
    response: BodyShape


def capture_shape(capture: Capture) -> CaptureShape:
    return CaptureShape(
        method=capture.method,
        path=capture.path,
        status=capture.status,
        request=_body(capture.request_headers, capture.request),
        response=_body(capture.response_headers, capture.response),
    )


def _body(headers: dict[str, str], kept: Kept) -> BodyShape:
    return BodyShape(headers=headers, text=kept.text, size=kept.size, left_out=kept.left_out)
