"""Ollama's native chat API, in both directions."""

from omniroute.dialects.base import (
    ErrorReply,
    Framing,
    Glance,
    Headers,
    Tap,
)
from omniroute.dialects.objects import read_object
from omniroute.dialects.ollama import errors
from omniroute.dialects.ollama.glance import glance
from omniroute.dialects.ollama.request import decode_request, encode_request
from omniroute.dialects.ollama.response import decode_response, encode_response
from omniroute.dialects.ollama.stream_decoder import OllamaStreamDecoder
from omniroute.dialects.ollama.stream_encoder import OllamaStreamEncoder
from omniroute.dialects.ollama.tap import OllamaTap
from omniroute.dialects.ollama.wire import NAME
from omniroute.errors import UpstreamError
from omniroute.ir.failure import Failure
from omniroute.ir.fold import fold
from omniroute.ir.result import GenerateResponse
from omniroute.ir.target import Target


class Ollama:
    """`dialects.base.Dialect` for `/api/chat`; base URLs are the root of a server.

    A stream is `application/x-ndjson`, everything else `application/json`.
    """

    name = NAME
    framing: Framing = "ndjson"
    decode_request = staticmethod(decode_request)
    encode_request = staticmethod(encode_request)
    encode_response = staticmethod(encode_response)
    stream_decoder = OllamaStreamDecoder
    stream_encoder = OllamaStreamEncoder

    def path(self, target: Target, *, stream: bool) -> str:
        return "/api/chat"

    def decode_response(self, body: bytes) -> GenerateResponse | Failure:
        """Also of a server that answers with a stream although none was asked for."""
        first, _, more = body.strip().partition(b"\n")
        if more and read_object(first) is not None:
            decoder = OllamaStreamDecoder()
            return fold([*decoder.feed(body), *decoder.close()])
        return decode_response(body)

    def glance(self, body: bytes) -> Glance:
        seen = glance(body)
        if seen is not None:
            return seen
        decoded = self.decode_response(body)
        if isinstance(decoded, Failure):
            raise UpstreamError("protocol", f"the provider answered 200 with an error: {decoded.message}")
        return Glance(usage=decoded.usage, finish=decoded.finish, empty=not decoded.parts)

    def decode_failure(self, status: int, headers: Headers, body: bytes) -> Failure:
        return errors.decode_failure(status, body)

    def encode_failure(self, failure: Failure, request_id: str) -> ErrorReply:
        """The wire has no place for a request id."""
        return errors.encode_failure(failure)

    def encode_stream_failure(self, failure: Failure, request_id: str) -> bytes:
        return errors.encode_stream_failure(failure)

    def tap(self, *, include_usage: bool) -> Tap:
        """Usage is part of every stream of this dialect, so there is nothing to withhold."""
        return OllamaTap()
