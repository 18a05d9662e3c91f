"""`/api/embeddings`, which `/api/embed` came after: one text, one vector.

Source: Ollama's docs/api.md ("Generate Embedding", superseded). Older clients still ask here.
"""

from typing import Final

import msgspec

from omniroute.dialects.look import kind_of
from omniroute.errors import InvalidRequest
from omniroute.ir.json import JsonObject

OWN: Final = ("options", "keep_alive")
"""What only Ollama's servers understand."""


class _Answer(msgspec.Struct, frozen=True):
    data: list[dict[str, msgspec.Raw]]


_ANSWER: Final = msgspec.json.Decoder(_Answer)


def question(body: JsonObject) -> JsonObject:
    """The fields of the question as OpenAI names them. Raises `InvalidRequest`."""
    prompt = body.get("prompt")
    if not isinstance(prompt, str) or not prompt:
        raise InvalidRequest(f"prompt: expected a text that is not empty, got {kind_of(prompt)}")
    return {"input": prompt, **{name: value for name, value in body.items() if name != "prompt"}}


def told(body: bytes) -> bytes:
    """`body` is an answer in OpenAI's shape."""
    return msgspec.json.encode({"embedding": _ANSWER.decode(body).data[0]["embedding"]})
