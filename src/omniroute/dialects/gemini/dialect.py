"""The Gemini API of Google, in both directions."""

import msgspec

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
from omniroute.dialects.gemini import errors
from omniroute.dialects.gemini.arrays import ArrayFramer, ArrayWriter
from omniroute.dialects.gemini.frames import SseReader, SseWriter
from omniroute.dialects.gemini.glance import glance
from omniroute.dialects.gemini.request import decode_request, encode_request
from omniroute.dialects.gemini.response import decode_response, encode_response
from omniroute.dialects.gemini.stream_decoder import GeminiStreamDecoder
from omniroute.dialects.gemini.stream_encoder import GeminiStreamEncoder
from omniroute.dialects.gemini.tap import GeminiTap
from omniroute.dialects.gemini.wire import NAME, model_path
from omniroute.ir.failure import Failure
from omniroute.ir.json import JsonObject
from omniroute.ir.request import GenerateRequest
from omniroute.ir.result import GenerateResponse
from omniroute.ir.target import Target


class Gemini:
    """`dialects.base.Dialect` for `generateContent`; base URLs end in `/v1beta`.

    The model and the wish for a stream are in the path, not in the body. A stream is always asked for as
    server-sent events; a client that wants the JSON array speaks `GeminiArray`.
    """

    @property
    def name(self) -> str:
        return NAME

    @property
    def framing(self) -> Framing:
        return "sse"

    def path(self, target: Target, *, stream: bool) -> str:
        return model_path(target.model, "streamGenerateContent?alt=sse" if stream else "generateContent")

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
        return GeminiStreamDecoder(SseReader())

    def array_stream_decoder(self) -> StreamDecoder:
        """For a stream that was asked for without `alt=sse`."""
        return GeminiStreamDecoder(ArrayFramer())

    def stream_encoder(self, context: Context) -> StreamEncoder:
        return GeminiStreamEncoder(context, SseWriter())

    def tap(self, *, include_usage: bool) -> Tap:
        """Usage is part of every stream of this dialect, so there is nothing to withhold."""
        return GeminiTap()


class GeminiArray(Gemini):
    """The same for a client that asked for a stream without `alt=sse`: one JSON array, sent element by element."""

    @property
    def framing(self) -> Framing:
        return "json"

    def encode_stream_failure(self, failure: Failure, request_id: str) -> bytes:
        """The last element, behind those that were sent, and the end of the array."""
        return b",\r\n" + msgspec.json.encode(errors.error_body(failure, request_id)) + b"]"

    def stream_encoder(self, context: Context) -> StreamEncoder:
        return GeminiStreamEncoder(context, ArrayWriter())
