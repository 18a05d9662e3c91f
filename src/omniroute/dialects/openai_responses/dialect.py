"""The Responses API as one object: what Codex and OpenAI's newer SDKs speak."""

from omniroute.dialects.base import (
    ErrorReply,
    Framing,
    Headers,
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
from omniroute.ir.result import GenerateResponse
from omniroute.ir.target import Target


class OpenAIResponses:
    """`dialects.base.Dialect` for `/v1/responses`. Holds no state; base URLs end in `/v1`."""

    name = NAME
    framing: Framing = "sse"
    decode_request = staticmethod(decode_request)
    encode_request = staticmethod(encode_request)
    encode_response = staticmethod(encode_response)
    glance = staticmethod(glance)
    stream_decoder = ResponsesStreamDecoder
    stream_encoder = ResponsesStreamEncoder

    def path(self, target: Target, *, stream: bool) -> str:
        return "/responses"

    def decode_response(self, body: bytes) -> GenerateResponse | Failure:
        """Also of a server that answers with a stream although none was asked for, as Codex backends do."""
        if body.lstrip().startswith((b"data:", b"event:", b":")):
            decoder = ResponsesStreamDecoder()
            return fold([*decoder.feed(body), *decoder.close()])
        return decode_response(body)

    def decode_failure(self, status: int, headers: Headers, body: bytes) -> Failure:
        return decode_failure(status, body)

    def encode_failure(self, failure: Failure, request_id: str) -> ErrorReply:
        return errors.encode_failure(failure)

    def encode_stream_failure(self, failure: Failure, request_id: str) -> bytes:
        return errors.encode_stream_failure(failure)

    def tap(self, *, include_usage: bool) -> Tap:
        """Usage is part of every stream of this dialect, so there is nothing to withhold."""
        return ResponsesTap()
