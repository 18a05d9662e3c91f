"""`POST /responses/input_tokens`: a request of the Responses API without what only an answer needs.

Source: platform.openai.com/docs/api-reference/responses/input-tokens.
"""

from typing import Final

import msgspec

from omniroute.dialects.counting import Count
from omniroute.dialects.look import as_count
from omniroute.dialects.objects import read_object
from omniroute.dialects.openai_responses.request import decode_request, encode_request
from omniroute.ir.json import JsonObject
from omniroute.ir.request import GenerateRequest
from omniroute.ir.target import Target

_COUNTED: Final = (
    *("model", "input", "instructions", "tools", "tool_choice", "parallel_tool_calls", "reasoning", "text"),
    *("previous_response_id", "conversation", "truncation"),
)


class ResponsesCounting:
    def decode_question(self, body: JsonObject, model: str) -> GenerateRequest:
        return decode_request({**body, "model": model or "unknown"})

    def encode_answer(self, count: Count) -> bytes:
        return msgspec.json.encode({"object": "response.input_tokens", "input_tokens": count.tokens})

    def path(self, target: Target) -> str:
        return "/responses/input_tokens"

    def encode_question(self, request: GenerateRequest, target: Target) -> bytes:
        body: JsonObject = msgspec.json.decode(encode_request(request, target).body)
        return msgspec.json.encode({name: body[name] for name in _COUNTED if name in body})

    def decode_answer(self, body: bytes) -> Count | None:
        tokens = as_count((read_object(body) or {}).get("input_tokens"))
        return None if tokens is None else Count(tokens=tokens)
