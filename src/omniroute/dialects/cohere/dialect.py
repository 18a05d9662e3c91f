"""The chat API of Cohere, version 2, as providers speak it."""

from omniroute.dialects.base import Framing, Headers
from omniroute.dialects.cohere import errors
from omniroute.dialects.cohere.request import encode_request
from omniroute.dialects.cohere.response import decode_response
from omniroute.dialects.cohere.stream_decoder import CohereStreamDecoder
from omniroute.dialects.cohere.wire import NAME
from omniroute.ir.failure import Failure
from omniroute.ir.target import Target


class Cohere:
    """`dialects.base.Outbound` for `/v2/chat`; a base URL is a host."""

    name = NAME
    framing: Framing = "sse"
    encode_request = staticmethod(encode_request)
    decode_response = staticmethod(decode_response)
    stream_decoder = CohereStreamDecoder

    def path(self, target: Target, *, stream: bool) -> str:
        return "/v2/chat"

    def decode_failure(self, status: int, headers: Headers, body: bytes) -> Failure:
        return errors.decode_failure(status, body)
