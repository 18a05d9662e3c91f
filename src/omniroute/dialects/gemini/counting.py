"""`POST /models/{model}:countTokens`: contents alone, or a whole request in `generateContentRequest`.

Source: ai.google.dev/api/tokens.
"""

import msgspec

from omniroute.dialects.counting import Count
from omniroute.dialects.gemini.request import decode_request, encode_request
from omniroute.dialects.gemini.wire import camel_cased, model_path, read_object, resource
from omniroute.dialects.look import as_count, as_object
from omniroute.errors import InvalidRequest
from omniroute.ir.json import JsonObject
from omniroute.ir.request import GenerateRequest
from omniroute.ir.target import Target


class GeminiCounting:
    def decode_question(self, body: JsonObject, model: str) -> GenerateRequest:
        said = camel_cased(body)
        whole = as_object(said.get("generateContentRequest"))
        if not (whole or said).get("contents"):
            raise InvalidRequest("contents: expected at least one content")
        return decode_request({**(whole or said), "model": model})

    def encode_answer(self, count: Count) -> bytes:
        return msgspec.json.encode(count.said or {"totalTokens": count.tokens})

    def path(self, target: Target) -> str:
        return model_path(target.model, "countTokens")

    def encode_question(self, request: GenerateRequest, target: Target) -> bytes:
        body: JsonObject = msgspec.json.decode(encode_request(request, target).body)
        return msgspec.json.encode({"generateContentRequest": {"model": resource(target.model), **body}})

    def decode_answer(self, body: bytes) -> Count | None:
        said = read_object(body) or {}
        tokens = as_count(said.get("totalTokens"))
        return None if tokens is None else Count(tokens=tokens, said=said)
