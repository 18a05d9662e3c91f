"""`POST /messages/count_tokens`: a request of the Messages API without what only an answer needs.

Source: docs.anthropic.com/en/api/messages-count-tokens, which refuses members that it does not know.
"""

import msgspec

from omniroute.dialects.anthropic.request import decode_request, encode_request
from omniroute.dialects.counting import Count
from omniroute.dialects.look import as_array, as_count, as_object
from omniroute.errors import InvalidRequest
from omniroute.ir.json import JsonObject, JsonValue
from omniroute.ir.request import GenerateRequest
from omniroute.ir.target import Target

_FOR_ANSWERS = frozenset(
    {
        *("max_tokens", "stream", "temperature", "top_p", "top_k", "stop_sequences", "metadata"),
        *("service_tier", "container", "inference_geo"),
    }
)


class AnthropicCounting:
    def decode_question(self, body: JsonObject, model: str) -> GenerateRequest:
        if not as_array(body.get("messages")):
            raise InvalidRequest("messages: expected a list with at least one message")
        return decode_request({**body, "model": model or "unknown"})

    def encode_answer(self, count: Count) -> bytes:
        if count.provider is None:
            return msgspec.json.encode({"input_tokens": count.tokens, "source": "estimated"})
        said: JsonObject = count.said or {"input_tokens": count.tokens}
        return msgspec.json.encode(
            {**said, "model": count.model, "provider": count.provider, "source": "provider"}
        )

    def path(self, target: Target) -> str:
        return "/messages/count_tokens"

    def encode_question(self, request: GenerateRequest, target: Target) -> bytes:
        body: JsonObject = msgspec.json.decode(encode_request(request, target).body)
        # Where the path of a request names the model, that of this question does not.
        asked = {"model": target.model, **body}
        return msgspec.json.encode({name: value for name, value in asked.items() if name not in _FOR_ANSWERS})

    def decode_answer(self, body: bytes) -> Count | None:
        try:
            value: JsonValue = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        said = as_object(value) or {}
        tokens = as_count(said.get("input_tokens"))
        return None if tokens is None else Count(tokens=tokens, said=said)
