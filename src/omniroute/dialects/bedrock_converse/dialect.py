"""The Converse API of Amazon Bedrock, as providers speak it."""

from urllib.parse import quote

from omniroute.dialects.base import Framing
from omniroute.dialects.bedrock_converse import errors
from omniroute.dialects.bedrock_converse.request import encode_request
from omniroute.dialects.bedrock_converse.response import decode_response
from omniroute.dialects.bedrock_converse.stream_decoder import ConverseStreamDecoder
from omniroute.dialects.bedrock_converse.wire import NAME
from omniroute.ir.target import Target


class BedrockConverse:
    """`dialects.base.Outbound` for `/model/{modelId}/converse` and `/converse-stream`; a base URL is a host."""

    name = NAME
    framing: Framing = "eventstream"
    encode_request = staticmethod(encode_request)
    decode_response = staticmethod(decode_response)
    decode_failure = staticmethod(errors.decode_failure)
    stream_decoder = ConverseStreamDecoder

    def path(self, target: Target, *, stream: bool) -> str:
        """The model may be an ARN; what is escaped is what Amazon's own clients escape."""
        return f"/model/{quote(target.model, safe='-._~')}/{'converse-stream' if stream else 'converse'}"
