"""`GET /v1/models` and its like: what can be asked for right now, in the shape of whoever asks."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

import msgspec

from omniroute.access.routes import Route
from omniroute.accounts.connection import Connection
from omniroute.accounts.discovery import Discovery
from omniroute.catalog.models import ModelTable, operation_named
from omniroute.catalog.patterns import matches
from omniroute.catalog.provider import Provider
from omniroute.dialects.base import Dialect
from omniroute.errors import GatewayError
from omniroute.pipeline.admit import Admit
from omniroute.pipeline.exchange import Exchange
from omniroute.pipeline.failures import of_gateway
from omniroute.pipeline.headers import JSON
from omniroute.pipeline.refuse import refuse
from omniroute.snapshot.live import Live
from omniroute.snapshot.model import Snapshot
from omniroute.surfaces.listing import OLLAMA, Body, Listed, Shape, shape_for
from omniroute.surfaces.table import Endpoint

_BUILT_IN: Final = "demo"
_LISTS: Final = {"/v1/models": "openai_chat", "/v1": "openai_chat", "/v1beta/models": "gemini"}
_TAGS: Final = ("/api/tags", "/v1/api/tags")


class Models:
    """The models of active connections, as far as the caller may use them."""

    def __init__(self, live: Live, admit: Admit, table: Callable[[], ModelTable], discovery: Discovery) -> None:
        self._live = live
        self._admit = admit
        self._table = table
        self._discovery = discovery

    def admit(self, exchange: Exchange) -> None:
        """Raises `GatewayError` for a caller who may not even ask."""
        self._admit.grant(exchange, self._live.current)

    async def visible(self, exchange: Exchange) -> list[Listed]:
        """What the caller may ask for. Raises `GatewayError` when nobody may tell."""
        snapshot = self._live.current
        grant = self._admit.grant(exchange, snapshot)
        await self._discovery.refresh(_unknown_to(self._table(), snapshot))
        return [
            model
            for model in listed(snapshot, self._table(), self._discovery)
            if not grant.models or any(matches(pattern, model.id) for pattern in grant.models)
        ]


def model_lists(models: Models, dialects: Mapping[str, Dialect]) -> Iterator[Endpoint]:
    """One endpoint for every path under which somebody looks for models, or for one of them."""
    several, one = ListModels(models, dialects), ShowModel(models, dialects)
    for path, dialect in _LISTS.items():
        yield Endpoint(route=Route("GET", path, "client", "models"), handler=several, dialect=dialects[dialect])
        if path != "/v1":
            route = Route("GET", path + "/{model...}", "client", "models")
            yield Endpoint(route=route, handler=one, dialect=dialects[dialect])
    tags = ListModels(models, dialects, OLLAMA)
    for path in _TAGS:
        yield Endpoint(route=Route("GET", path, "client", "models"), handler=tags, dialect=dialects["ollama"])


class ListModels:
    """Every model; `shape` None means the one that fits the caller."""

    def __init__(self, models: Models, dialects: Mapping[str, Dialect], shape: Shape | None = None) -> None:
        self._models = models
        self._dialects = dialects
        self._shape = shape

    async def __call__(self, exchange: Exchange, parameter: str) -> None:
        shape = self._shape or shape_for(exchange)
        try:
            models = await self._models.visible(exchange)
        except GatewayError as error:
            await refuse(exchange, self._dialects[shape.dialect], of_gateway(error))
            return
        await _reply(exchange, shape.several(models))


class ShowModel:
    """One model, by the id that the list gives it; Google's clients write `models/` before it."""

    def __init__(self, models: Models, dialects: Mapping[str, Dialect]) -> None:
        self._models = models
        self._dialects = dialects

    async def __call__(self, exchange: Exchange, model: str) -> None:
        shape = shape_for(exchange)
        name = model.removeprefix("models/")
        try:
            found = next((one for one in await self._models.visible(exchange) if one.id == name), None)
            if found is None:
                raise GatewayError(
                    404, f"model {name[:200]!r} is not in the list of models", code="model_not_found"
                )
        except GatewayError as error:
            await refuse(exchange, self._dialects[shape.dialect], of_gateway(error))
            return
        await _reply(exchange, shape.one(found))


async def _reply(exchange: Exchange, body: Body) -> None:
    await exchange.reply(200, [JSON], msgspec.json.encode(body))


def listed(snapshot: Snapshot, table: ModelTable, discovery: Discovery) -> Iterator[Listed]:
    """The combos, then every model of every provider with an active connection, the demo last."""
    for combo in snapshot.combos.values():
        if combo.active and not combo.hidden:
            yield Listed(id=combo.name, owner="combo", name=combo.name)
    active = [
        provider_id
        for provider_id, connections in snapshot.connections.items()
        if provider_id != _BUILT_IN and any(connection.active for connection in connections)
    ]
    for provider_id in active:
        provider = snapshot.providers[provider_id]
        prefix = provider.alias if provider.node else provider.id
        known = {model.id: model for model in table.served(provider) if not model.deprecated}
        for model_id in dict.fromkeys((*known, *discovery.of(provider_id))):
            model = known.get(model_id)
            yield Listed(
                id=f"{prefix}/{model_id}",
                owner=prefix,
                name=model.name if model else model_id,
                context_tokens=model.facts.context_tokens if model else None,
                max_output_tokens=model.facts.max_output_tokens if model else None,
                reasoning=bool(model and model.facts.reasoning),
                tools=model.facts.tools if model else None,
                images=model.facts.images if model else None,
                operation=model.operation if model else operation_named(model_id),
                dimensions=model.dimensions if model else None,
            )
    if _BUILT_IN in snapshot.connections:
        yield Listed(id="demo/hello", owner=_BUILT_IN, name="OmniRoute demo")


def _unknown_to(table: ModelTable, snapshot: Snapshot) -> Iterator[tuple[Provider, Connection]]:
    for provider_id, connections in snapshot.connections.items():
        provider = snapshot.providers[provider_id]
        active = next((connection for connection in connections if connection.active), None)
        if active is not None and provider_id != _BUILT_IN and not table.known(provider_id):
            yield provider, active
