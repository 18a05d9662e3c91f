"""The Responses API as one object: what Codex and OpenAI's newer SDKs speak."""

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
from omniroute.dialects.openai_failures import decode_failure
from omniroute.dialects.openai_responses import errors
from omniroute.dialects.openai_responses.glance import glance
from omniroute.dialects.openai_responses.request import decode_request, encode_request
from omniroute.dialects.openai_responses.response import decode_response, encode_response
from omniroute.dialects.openai_responses.stream_decoder import ResponsesStreamDecoder
from omniroute.dialects.openai_responses.stream_encoder import ResponsesStreamEncoder
from omniroute.dialects.openai_responses.tap import ResponsesTap
from omniroute.dialects.openai_responses.wire import NAME
from omniroute.ir.failure import Failure
from omniroute.ir.fold import fold
from omniroute.ir.json import JsonObject
from omniroute.ir.request import GenerateRequest
from omniroute.ir.result import GenerateResponse
from omniroute.ir.target import Target


class OpenAIResponses:
    """`dialects.base.Dialect` for `/v1/responses`. Holds no state; base URLs end in `/v1`."""

    @property
    def name(self) -> str:
        return NAME

    @property
    def framing(self) -> Framing:
        return "sse"

    def path(self, target: Target, *, stream: bool) -> str:
        return "/responses"

    def decode_request(self, body: JsonObject) -> GenerateRequest:
        return decode_request(body)

    def encode_request(self, request: GenerateRequest, target: Target) -> Encoded:
        return encode_request(request, target)

    def decode_response(self, body: bytes) -> GenerateResponse | Failure:
        """Also of a server that answers with a stream although none was asked for, as Codex backends do."""
        if body.lstrip().startswith((b"data:", b"event:", b":")):
            decoder = ResponsesStreamDecoder()
            return fold([*decoder.feed(body), *decoder.close()])
        return decode_response(body)

    def encode_response(self, response: GenerateResponse, context: Context) -> Encoded:
        return encode_response(response, context)

    def glance(self, body: bytes) -> Glance:
        return glance(body)

    def decode_failure(self, status: int, headers: Headers, body: bytes) -> Failure:
        return decode_failure(status, body)

    def encode_failure(self, failure: Failure, request_id: str) -> ErrorReply:
        return errors.encode_failure(failure)

    def encode_stream_failure(self, failure: Failure, request_id: str) -> bytes:
        return errors.encode_stream_failure(failure)

    def stream_decoder(self) -> StreamDecoder:
        return ResponsesStreamDecoder()

    def stream_encoder(self, context: Context) -> StreamEncoder:
        return ResponsesStreamEncoder(context)

    def tap(self, *, include_usage: bool) -> Tap:
        """Usage is part of every stream of this dialect, so there is nothing to withhold."""
        return ResponsesTap()
