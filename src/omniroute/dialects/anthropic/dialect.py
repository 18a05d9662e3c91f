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
    Framing,
    Headers,
    Tap,
)
from omniroute.ir.failure import Failure
from omniroute.ir.target import Target


class Anthropic:
    """`dialects.base.Dialect` for `/v1/messages`; base URLs end in `/v1`."""

    name = NAME
    framing: Framing = "sse"
    decode_request = staticmethod(decode_request)
    encode_request = staticmethod(encode_request)
    decode_response = staticmethod(decode_response)
    encode_response = staticmethod(encode_response)
    glance = staticmethod(glance)
    encode_failure = staticmethod(errors.encode_failure)
    encode_stream_failure = staticmethod(errors.encode_stream_failure)
    stream_decoder = AnthropicStreamDecoder
    stream_encoder = AnthropicStreamEncoder

    def path(self, target: Target, *, stream: bool) -> str:
        return "/messages"

    def decode_failure(self, status: int, headers: Headers, body: bytes) -> Failure:
        return errors.decode_failure(status, body)

    def tap(self, *, include_usage: bool) -> Tap:
        """Usage is part of every stream of this dialect, so there is nothing to withhold."""
        return AnthropicTap()
