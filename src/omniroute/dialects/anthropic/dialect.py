"""The Messages API of Anthropic, in both directions."""

from omniroute.dialects.anthropic import errors
from omniroute.dialects.anthropic.glance import glance
from omniroute.dialects.anthropic.request import decode_request, encode_request
from omniroute.dialects.anthropic.response import decode_response, encode_response
from omniroute.dialects.anthropic.stream_decoder import AnthropicStreamDecoder
from omniroute.dialects.anthropic.stream_encoder import AnthropicStreamEncoder
from omniroute.dialects.anthropic.tap import AnthropicTap
from omniroute.dialects.anthropic.wire import NAME
from omniroute.dialects.base import (
    Context,
    Encoded,
    ErrorReply,
    Framing,
    Glance,
    Headers,
    StreamDecoder,
    StreamEncoder,
    Tap,
)
from omniroute.ir.failure import Failure
from omniroute.ir.json import JsonObject
from omniroute.ir.request import GenerateRequest
from omniroute.ir.result import GenerateResponse
from omniroute.ir.target import Target


class Anthropic:
    """`dialects.base.Dialect` for `/v1/messages`; base URLs end in `/v1`."""

    @property
    def name(self) -> str:
        return NAME

    @property
    def framing(self) -> Framing:
        return "sse"

    def path(self, target: Target, *, stream: bool) -> str:
        return "/messages"

    def decode_request(self, body: JsonObject) -> GenerateRequest:
        return decode_request(body)

    def encode_request(self, request: GenerateRequest, target: Target) -> Encoded:
        return encode_request(request, target)

    def decode_response(self, body: bytes) -> GenerateResponse | Failure:
        return decode_response(body)

    def glance(self, body: bytes) -> Glance:
        return glance(body)

    def encode_response(self, response: GenerateResponse, context: Context) -> Encoded:
        return encode_response(response, context)

    def decode_failure(self, status: int, headers: Headers, body: bytes) -> Failure:
        return errors.decode_failure(status, body)

    def encode_failure(self, failure: Failure, request_id: str) -> ErrorReply:
        return errors.encode_failure(failure, request_id)

    def encode_stream_failure(self, failure: Failure, request_id: str) -> bytes:
        return errors.encode_stream_failure(failure, request_id)

    def stream_decoder(self) -> StreamDecoder:
        return AnthropicStreamDecoder()

    def stream_encoder(self, context: Context) -> StreamEncoder:
        return AnthropicStreamEncoder(context)

    def tap(self, *, include_usage: bool) -> Tap:
        """Usage is part of every stream of this dialect, so there is nothing to withhold."""
        return AnthropicTap()
