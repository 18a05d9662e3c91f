"""The chat dialect as one object: OpenAI's Chat Completions API, which most providers speak."""

from omniroute.dialects.base import (
    ErrorReply,
    Framing,
    Headers,
    Tap,
)
from omniroute.dialects.openai_chat import errors
from omniroute.dialects.openai_chat.glance import glance
from omniroute.dialects.openai_chat.request import decode_request, encode_request
from omniroute.dialects.openai_chat.response import decode_response, encode_response
from omniroute.dialects.openai_chat.stream_decoder import ChatStreamDecoder
from omniroute.dialects.openai_chat.stream_encoder import ChatStreamEncoder
from omniroute.dialects.openai_chat.tap import ChatTap
from omniroute.dialects.openai_chat.wire import NAME
from omniroute.dialects.openai_failures import decode_failure
from omniroute.ir.failure import Failure
from omniroute.ir.fold import fold
from omniroute.ir.result import GenerateResponse
from omniroute.ir.target import Target


class OpenAIChat:
    """Both directions. Holds no state; what a stream needs lives in its decoder, encoder or tap."""

    name = NAME
    framing: Framing = "sse"
    decode_request = staticmethod(decode_request)
    encode_request = staticmethod(encode_request)
    encode_response = staticmethod(encode_response)
    glance = staticmethod(glance)
    stream_decoder = ChatStreamDecoder
    stream_encoder = ChatStreamEncoder

    def path(self, target: Target, *, stream: bool) -> str:
        return "/chat/completions"

    def decode_response(self, body: bytes) -> GenerateResponse | Failure:
        """Also of a server that answers with a stream although none was asked for."""
        if body.lstrip().startswith((b"data:", b"event:", b":")):
            decoder = ChatStreamDecoder()
            return fold([*decoder.feed(body), *decoder.close()])
        return decode_response(body)

    def decode_failure(self, status: int, headers: Headers, body: bytes) -> Failure:
        return decode_failure(status, body)

    def encode_failure(self, failure: Failure, request_id: str) -> ErrorReply:
        return errors.encode_failure(failure)

    def encode_stream_failure(self, failure: Failure, request_id: str) -> bytes:
        return errors.encode_stream_failure(failure)

    def tap(self, *, include_usage: bool) -> Tap:
        return ChatTap(include_usage=include_usage)
