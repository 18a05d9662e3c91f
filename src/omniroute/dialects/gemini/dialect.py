"""The Gemini API of Google, in both directions."""

import msgspec

from omniroute.dialects.base import (
    Context,
    Framing,
    Headers,
    StreamEncoder,
    Tap,
)
from omniroute.dialects.gemini import errors
from omniroute.dialects.gemini.arrays import ArrayWriter
from omniroute.dialects.gemini.frames import SseWriter
from omniroute.dialects.gemini.glance import glance
from omniroute.dialects.gemini.request import decode_request, encode_request
from omniroute.dialects.gemini.response import decode_response, encode_response
from omniroute.dialects.gemini.stream_decoder import GeminiStreamDecoder
from omniroute.dialects.gemini.stream_encoder import GeminiStreamEncoder
from omniroute.dialects.gemini.tap import GeminiTap
from omniroute.dialects.gemini.wire import NAME, model_path
from omniroute.ir.failure import Failure
from omniroute.ir.target import Target


class Gemini:
    """`dialects.base.Dialect` for `generateContent`; base URLs end in `/v1beta`.

    The model and the wish for a stream are in the path, not in the body. A stream is always asked for as
    server-sent events; a client that wants the JSON array speaks `GeminiArray`.
    """

    name = NAME
    framing: Framing = "sse"
    decode_request = staticmethod(decode_request)
    encode_request = staticmethod(encode_request)
    decode_response = staticmethod(decode_response)
    encode_response = staticmethod(encode_response)
    glance = staticmethod(glance)
    encode_failure = staticmethod(errors.encode_failure)
    stream_decoder = GeminiStreamDecoder

    def path(self, target: Target, *, stream: bool) -> str:
        return model_path(target.model, "streamGenerateContent?alt=sse" if stream else "generateContent")

    def decode_failure(self, status: int, headers: Headers, body: bytes) -> Failure:
        return errors.decode_failure(status, body)

    def encode_stream_failure(self, failure: Failure, request_id: str) -> bytes:
        return errors.encode_stream_failure(failure, request_id)

    def stream_encoder(self, context: Context) -> StreamEncoder:
        return GeminiStreamEncoder(context, SseWriter())

    def tap(self, *, include_usage: bool) -> Tap:
        """Usage is part of every stream of this dialect, so there is nothing to withhold."""
        return GeminiTap()


class GeminiArray(Gemini):
    """The same for a client that asked for a stream without `alt=sse`: one JSON array, sent element by element."""

    framing: Framing = "json"

    def encode_stream_failure(self, failure: Failure, request_id: str) -> bytes:
        """The last element, behind those that were sent, and the end of the array."""
        return b",\r\n" + msgspec.json.encode(errors.error_body(failure, request_id)) + b"]"

    def stream_encoder(self, context: Context) -> StreamEncoder:
        return GeminiStreamEncoder(context, ArrayWriter())
