"""`POST /model/{modelId}/count-tokens`: a request of the Converse API without what only an answer needs.

Source: docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_CountTokens.html. Some models cannot count.
"""

from typing import Final
from urllib.parse import quote

import msgspec

from omniroute.dialects.bedrock_converse.request import encode_request
from omniroute.dialects.counting import Count
from omniroute.dialects.look import as_count
from omniroute.dialects.objects import read_object
from omniroute.ir.json import JsonObject
from omniroute.ir.request import GenerateRequest
from omniroute.ir.target import Target

_COUNTED: Final = ("messages", "system", "toolConfig", "additionalModelRequestFields")


class ConverseCounting:
    """`dialects.counting.Counter`: no client of ours asks in this dialect."""

    def path(self, target: Target) -> str:
        return f"/model/{quote(target.model, safe='-._~')}/count-tokens"

    def encode_question(self, request: GenerateRequest, target: Target) -> bytes:
        body: JsonObject = msgspec.json.decode(encode_request(request, target).body)
        asked = {name: body[name] for name in _COUNTED if name in body}
        return msgspec.json.encode({"input": {"converse": asked}})

    def decode_answer(self, body: bytes) -> Count | None:
        tokens = as_count((read_object(body) or {}).get("inputTokens"))
        return None if tokens is None else Count(tokens=tokens)
