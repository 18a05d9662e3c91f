"""The endpoints where clients of Ollama and Google ask for embeddings, each in the words of its own API."""

from collections.abc import Callable, Collection, Iterator
from typing import Final, NamedTuple

import msgspec

from omniroute.access.routes import Route
from omniroute.dialects.base import Dialect
from omniroute.dialects.gemini import embed as gemini_embed
from omniroute.dialects.ollama import embed as ollama_embed
from omniroute.ir.json import JsonObject
from omniroute.pipeline.exchange import Exchange
from omniroute.pipeline.inquiry import Asked, Shape
from omniroute.pipeline.relay import Relay
from omniroute.surfaces.simple import in_json
from omniroute.surfaces.table import Endpoint, Handler


class _Verb(NamedTuple):
    fields: Callable[[bytes], JsonObject]
    shape: Shape


_VERBS: Final = {
    ":embedContent": _Verb(gemini_embed.single, gemini_embed.told_single),
    ":batchEmbedContents": _Verb(gemini_embed.batch, gemini_embed.told_batch),
}


def ollama_embedding(relay: Relay, dialect: Dialect) -> Iterator[Endpoint]:
    for path in ("/api/embed", "/v1/api/embed"):
        yield Endpoint(
            route=Route("POST", path, "client", "embeddings"),
            handler=OllamaEmbed(relay, dialect),
            dialect=dialect,
        )


def gemini_verbs(relay: Relay, dialect: Dialect, model_in: Callable[[str], str]) -> dict[str, tuple[str, Handler]]:
    """What `surfaces.gemini` serves beside text; `model_in` finds the model in a path."""
    return {name: ("embeddings", GeminiEmbed(relay, dialect, verb, model_in)) for name, verb in _VERBS.items()}


class OllamaEmbed:
    def __init__(self, relay: Relay, dialect: Dialect) -> None:
        self._relay = relay
        self._dialect = dialect

    async def __call__(self, exchange: Exchange, parameter: str) -> None:
        await self._relay(exchange, "embeddings", _of_ollama, dialect=self._dialect)


class GeminiEmbed:
    def __init__(self, relay: Relay, dialect: Dialect, verb: _Verb, model_in: Callable[[str], str]) -> None:
        self._relay = relay
        self._dialect = dialect
        self._verb = verb
        self._model_in = model_in

    async def __call__(self, exchange: Exchange, model: str) -> None:
        def read(body: bytes, content_type: str) -> Asked:
            fields: JsonObject = {"model": self._model_in(model), **self._verb.fields(body)}
            return _asked(fields, gemini_embed.OWN, self._verb.shape)

        await self._relay(exchange, "embeddings", read, dialect=self._dialect)


def _of_ollama(body: bytes, content_type: str) -> Asked:
    return _asked(in_json(body).fields, ollama_embed.OWN, ollama_embed.told)


def _asked(fields: JsonObject, own: Collection[str], shape: Shape) -> Asked:
    """Providers that are asked with the client's own body get it without what is `own` to the client's dialect.
    Vectors are numbers in both."""
    plain = {name: value for name, value in fields.items() if name not in own and name != "encoding_format"}
    return Asked(
        model=str(fields["model"]),
        fields={name: value for name, value in fields.items() if name != "encoding_format"},
        raw=msgspec.json.encode(plain),
        foreign=tuple(name for name in own if fields.get(name) is not None),
        shape=shape,
    )
