"""The chat API of Cohere, version 2, as providers speak it."""

from omniroute.dialects.base import Encoded, Framing, Headers, StreamDecoder
from omniroute.dialects.cohere import errors
from omniroute.dialects.cohere.request import encode_request
from omniroute.dialects.cohere.response import decode_response
from omniroute.dialects.cohere.stream_decoder import CohereStreamDecoder
from omniroute.dialects.cohere.wire import NAME
from omniroute.ir.failure import Failure
from omniroute.ir.request import GenerateRequest
from omniroute.ir.result import GenerateResponse
from omniroute.ir.target import Target


class Cohere:
    """`dialects.base.Outbound` for `/v2/chat`; a base URL is a host."""

    @property
    def name(self) -> str:
        return NAME

    @property
    def framing(self) -> Framing:
        return "sse"

    def path(self, target: Target, *, stream: bool) -> str:
        return "/v2/chat"

    def encode_request(self, request: GenerateRequest, target: Target) -> Encoded:
        return encode_request(request, target)

    def decode_response(self, body: bytes) -> GenerateResponse | Failure:
        return decode_response(body)

    def decode_failure(self, status: int, headers: Headers, body: bytes) -> Failure:
        return errors.decode_failure(status, body)

    def stream_decoder(self) -> StreamDecoder:
        return CohereStreamDecoder()
