"""What Ollama's clients ask of a server beside text: one model in full, what is loaded, its version, and
embeddings as they were asked for once."""

from collections.abc import Iterator
from typing import Final

import msgspec

from omniroute.access.routes import Route
from omniroute.dialects.base import Dialect
from omniroute.dialects.look import as_object, as_text
from omniroute.dialects.objects import read_object
from omniroute.dialects.ollama import embedding
from omniroute.errors import GatewayError, InvalidRequest
from omniroute.ir.json import JsonObject
from omniroute.pipeline.exchange import Exchange
from omniroute.pipeline.failures import of_gateway
from omniroute.pipeline.headers import JSON
from omniroute.pipeline.inquiry import Asked
from omniroute.pipeline.refuse import refuse
from omniroute.pipeline.relay import Relay
from omniroute.surfaces.listing import OLLAMA, Body, Listed
from omniroute.surfaces.models import Models
from omniroute.surfaces.simple import in_json
from omniroute.surfaces.table import Endpoint, Handler

SPOKEN: Final = "0.12.0"
"""The version of Ollama whose API is spoken here; clients leave out what the version that they see lacks."""

_BASES: Final = ("/api", "/v1/api")


def ollama_server(models: Models, relay: Relay, dialect: Dialect) -> Iterator[Endpoint]:
    """Beside `/api/chat`, `/api/tags` and `/api/embed`."""
    handlers: tuple[tuple[str, str, str, Handler], ...] = (
        ("POST", "/show", "models", ShowInFull(models, dialect)),
        ("GET", "/ps", "models", Loaded(models, dialect)),
        ("GET", "/version", "models", Version(models, dialect)),
        ("POST", "/embeddings", "embeddings", OneEmbedding(relay, dialect)),
    )
    for base in _BASES:
        for method, path, operation, handler in handlers:
            route = Route(method, base + path, "client", operation)
            yield Endpoint(route=route, handler=handler, dialect=dialect)


class ShowInFull:
    """`POST /api/show`: what is known of a model; of its weights and templates nothing is."""

    def __init__(self, models: Models, dialect: Dialect) -> None:
        self._models = models
        self._dialect = dialect

    async def __call__(self, exchange: Exchange, parameter: str) -> None:
        try:
            models = await self._models.visible(exchange)
            name = _named(await exchange.body())
            found = next((one for one in models if one.id in (name, name.removesuffix(":latest"))), None)
            if found is None:
                raise GatewayError(404, f"model {name[:200]!r} not found", code="model_not_found")
        except GatewayError as error:
            await refuse(exchange, self._dialect, of_gateway(error))
            return
        await _reply(exchange, _shown(found))


class Loaded:
    """`GET /api/ps`: no model is loaded here, they run at their providers."""

    def __init__(self, models: Models, dialect: Dialect) -> None:
        self._models = models
        self._dialect = dialect

    async def __call__(self, exchange: Exchange, parameter: str) -> None:
        await _known(self._models, self._dialect, exchange, {"models": []})


class Version:
    """`GET /api/version`."""

    def __init__(self, models: Models, dialect: Dialect) -> None:
        self._models = models
        self._dialect = dialect

    async def __call__(self, exchange: Exchange, parameter: str) -> None:
        await _known(self._models, self._dialect, exchange, {"version": SPOKEN})


class OneEmbedding:
    """`POST /api/embeddings`."""

    def __init__(self, relay: Relay, dialect: Dialect) -> None:
        self._relay = relay
        self._dialect = dialect

    async def __call__(self, exchange: Exchange, parameter: str) -> None:
        await self._relay(exchange, "embeddings", _one_embedding, dialect=self._dialect)


def _one_embedding(body: bytes, content_type: str) -> Asked:
    read = in_json(body)
    fields = embedding.question(read.fields)
    plain = {name: value for name, value in fields.items() if name not in embedding.OWN}
    return Asked(
        model=read.model,
        fields=fields,
        raw=msgspec.json.encode(plain),
        foreign=tuple(name for name in embedding.OWN if fields.get(name) is not None),
        shape=embedding.told,
    )


def _named(body: bytes) -> str:
    """The model in the body; older clients say `name`."""
    said = read_object(body)
    name = as_text((said or {}).get("model")) or as_text((said or {}).get("name"))
    if not name:
        raise InvalidRequest("model: expected the name of a model, as /api/tags lists it")
    return name


def _shown(model: Listed) -> Body:
    listed = OLLAMA.one(model)
    details = as_object(listed.get("details")) or {}
    family = model.owner
    info: JsonObject = {"general.architecture": family, "general.basename": model.name}
    if model.context_tokens is not None:
        info[f"{family}.context_length"] = model.context_tokens
    if model.dimensions is not None:
        info[f"{family}.embedding_length"] = model.dimensions
    return {
        "modelfile": "",
        "parameters": "",
        "template": "",
        "license": "",
        "details": {**details, "families": [family], "parent_model": ""},
        "model_info": info,
        "capabilities": _capabilities(model),
        "modified_at": listed.get("modified_at"),
    }


def _capabilities(model: Listed) -> list[str]:
    """In Ollama's words. Tools are offered to a model of which nothing is known: most have them."""
    if model.operation == "embeddings":
        return ["embedding"]
    if model.operation not in (None, "chat", "responses"):
        return []
    found = ["completion"]
    found += ["tools"] if model.tools is not False else []
    found += ["vision"] if model.images else []
    found += ["thinking"] if model.reasoning else []
    return found


async def _known(models: Models, dialect: Dialect, exchange: Exchange, body: Body) -> None:
    """`body`, for who may ask at all."""
    try:
        models.admit(exchange)
    except GatewayError as error:
        await refuse(exchange, dialect, of_gateway(error))
        return
    await _reply(exchange, body)


async def _reply(exchange: Exchange, body: Body) -> None:
    await exchange.reply(200, [JSON], msgspec.json.encode(body))
