"""Embeddings as Google's clients ask for them and are told: the names and values of `embedContent`.

Inside they are asked for as OpenAI's are: `input`, `dimensions`. Source: ai.google.dev/api/embeddings.
"""

from typing import Final

import msgspec

from omniroute.dialects.gemini.wire import camel_cased
from omniroute.dialects.look import as_object, as_text, objects_in
from omniroute.dialects.objects import read_object
from omniroute.errors import InvalidRequest
from omniroute.ir.json import JsonObject, JsonValue

OWN: Final = ("taskType", "title")
"""What only Google's providers understand."""
_SHARED: Final = ("outputDimensionality", *OWN)


class _Vectors(msgspec.Struct, frozen=True):
    data: list[dict[str, msgspec.Raw]]


_VECTORS: Final = msgspec.json.Decoder(_Vectors)


def single(body: bytes) -> JsonObject:
    """What an `embedContent` asks for. Raises `InvalidRequest`."""
    return _fields([_object(body)])


def batch(body: bytes) -> JsonObject:
    """What a `batchEmbedContents` asks for. Raises `InvalidRequest` also for requests that differ in more than
    their content: they could not go out as one."""
    requests = objects_in(_object(body).get("requests"))
    if not requests:
        raise InvalidRequest("requests: must hold at least one request with a content")
    return _fields(requests)


def told_single(body: bytes) -> bytes:
    """`body` is an answer in OpenAI's shape."""
    return msgspec.json.encode({"embedding": _values(body)[0]})


def told_batch(body: bytes) -> bytes:
    return msgspec.json.encode({"embeddings": _values(body)})


def _values(body: bytes) -> list[dict[str, msgspec.Raw]]:
    return [{"values": one["embedding"]} for one in _VECTORS.decode(body).data]


def _object(body: bytes) -> JsonObject:
    found = read_object(body)
    if found is None:
        raise InvalidRequest("Invalid JSON body: must be an object")
    return camel_cased(found)


def _fields(requests: list[JsonObject]) -> JsonObject:
    shared = {name: requests[0].get(name) for name in _SHARED}
    for i, request in enumerate(requests):
        differing = [name for name in _SHARED if request.get(name) != shared[name]]
        if differing:
            raise InvalidRequest(f"requests[{i}].{differing[0]}: must be the same for all requests of a batch")
    texts: list[JsonValue] = [_text(request, i) for i, request in enumerate(requests)]
    fields: JsonObject = {"input": texts}
    if shared["outputDimensionality"] is not None:
        fields["dimensions"] = shared["outputDimensionality"]
    return fields | {name: shared[name] for name in OWN if shared[name] is not None}


def _text(request: JsonObject, i: int) -> str:
    parts = objects_in((as_object(request.get("content")) or {}).get("parts"))
    texts = [text for part in parts if (text := as_text(part.get("text"))) is not None]
    if not texts or len(texts) < len(parts):
        raise InvalidRequest(f"content of request {i}: only parts with text can be embedded here")
    return "\n".join(texts)
