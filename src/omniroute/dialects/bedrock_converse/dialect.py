"""The Converse API of Amazon Bedrock, as providers speak it."""

from urllib.parse import quote

from omniroute.dialects.base import Encoded, Framing, Headers, StreamDecoder
from omniroute.dialects.bedrock_converse import errors
from omniroute.dialects.bedrock_converse.request import encode_request
from omniroute.dialects.bedrock_converse.response import decode_response
from omniroute.dialects.bedrock_converse.stream_decoder import ConverseStreamDecoder
from omniroute.dialects.bedrock_converse.wire import NAME
from omniroute.ir.failure import Failure
from omniroute.ir.request import GenerateRequest
from omniroute.ir.result import GenerateResponse
from omniroute.ir.target import Target


class BedrockConverse:
    """`dialects.base.Outbound` for `/model/{modelId}/converse` and `/converse-stream`; a base URL is a host."""

    @property
    def name(self) -> str:
        return NAME

    @property
    def framing(self) -> Framing:
        return "eventstream"

    def path(self, target: Target, *, stream: bool) -> str:
        """The model may be an ARN; what is escaped is what Amazon's own clients escape."""
        return f"/model/{quote(target.model, safe='-._~')}/{'converse-stream' if stream else 'converse'}"

    def encode_request(self, request: GenerateRequest, target: Target) -> Encoded:
        return encode_request(request, target)

    def decode_response(self, body: bytes) -> GenerateResponse | Failure:
        return decode_response(body)

    def decode_failure(self, status: int, headers: Headers, body: bytes) -> Failure:
        return errors.decode_failure(status, headers, body)

    def stream_decoder(self) -> StreamDecoder:
        return ConverseStreamDecoder()
