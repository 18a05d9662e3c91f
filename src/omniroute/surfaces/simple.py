"""The routes of one question and one answer, whose bodies are JSON."""

from collections.abc import Iterator
from typing import Final

import msgspec

from omniroute.access.routes import Route
from omniroute.catalog.provider import OperationName
from omniroute.dialects.base import Dialect
from omniroute.dialects.envelope import open_envelope
from omniroute.errors import InvalidRequest
from omniroute.pipeline.exchange import Exchange
from omniroute.pipeline.inquiry import Asked, Reading
from omniroute.pipeline.relay import Relay
from omniroute.surfaces.table import Endpoint

_PATHS: Final[dict[str, OperationName]] = {
    "embeddings": "embeddings",
    "completions": "completions",
    "moderations": "moderations",
    "rerank": "rerank",
    "audio/speech": "speech",
}
_WITHOUT_MODEL: Final[dict[OperationName, str]] = {"moderations": "omni-moderation-latest"}
"""What is meant by a request that names no model (platform.openai.com/docs/api-reference/moderations)."""


class Simple:
    """`POST /v1/embeddings` and its like; `reading` makes sense of the body."""

    def __init__(self, relay: Relay, operation: OperationName, reading: Reading) -> None:
        self._relay = relay
        self._operation: OperationName = operation
        self._reading = reading

    async def __call__(self, exchange: Exchange, provider: str) -> None:
        await self._relay(exchange, self._operation, self._reading, provider or None)


def simple(relay: Relay, dialect: Dialect) -> Iterator[Endpoint]:
    """Every operation that is asked for in JSON, under the paths where clients look for it."""
    for path, operation in _PATHS.items():
        handler = Simple(relay, operation, reading(_WITHOUT_MODEL.get(operation)))
        yield from endpoints(path, operation, handler, dialect)


def endpoints(path: str, operation: OperationName, handler: Simple, dialect: Dialect) -> Iterator[Endpoint]:
    """`POST` of a path like `embeddings`, as it is, bare, and on the routes of single providers."""
    for place in (f"/v1/{path}", f"/{path}", f"/v1/providers/{{provider}}/{path}"):
        yield Endpoint(route=Route("POST", place, "client", operation), handler=handler, dialect=dialect)


def reading(without_model: str | None = None) -> Reading:
    """Reads JSON bodies; `without_model` is what a body that names no model means."""

    def read(body: bytes, content_type: str) -> Asked:
        if content_type.startswith("multipart/"):
            raise InvalidRequest("Invalid JSON body: it is a form; send application/json")
        return in_json(body, without_model)

    return read


def in_json(body: bytes, without_model: str | None = None) -> Asked:
    """A JSON body. Raises `InvalidRequest`."""
    if without_model is not None:
        body = _with_model(body, without_model)
    envelope = open_envelope(body)
    raw = envelope.patched(envelope.corrections)
    if envelope.corrections:
        envelope = open_envelope(raw)
    return Asked(model=envelope.model, fields=envelope.decoded(), raw=raw, stream=envelope.stream is True)


def _with_model(body: bytes, model: str) -> bytes:
    """The body with `model` in it when it has none; what is no object is left to be complained about."""
    try:
        fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return body
    if "model" in fields and bytes(fields["model"]) != b"null":
        return body
    return msgspec.json.encode({**fields, "model": model})
