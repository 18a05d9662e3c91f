"""`GET /v1/models`: what can be asked for right now, in the shape of whoever asks."""

from collections.abc import Callable, Iterator

import msgspec

from omniroute.accounts.connection import Connection
from omniroute.accounts.discovery import Discovery
from omniroute.catalog.models import ModelTable
from omniroute.catalog.patterns import matches
from omniroute.catalog.provider import Provider
from omniroute.dialects.base import Dialect
from omniroute.errors import GatewayError
from omniroute.pipeline.admit import Admit
from omniroute.pipeline.exchange import Exchange
from omniroute.pipeline.failures import of_gateway
from omniroute.pipeline.refuse import refuse
from omniroute.snapshot.live import Live
from omniroute.snapshot.model import Snapshot

_BUILT_IN = "demo"
_CREATED = 1_735_689_600
"""1 January 2025: the OpenAI shape demands a time, and providers' lists do not agree on one."""


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """One model: `id` is `<provider id or node prefix>/<model>`, what a client may send as `model`."""

    id: str
    owner: str
    name: str
    context_tokens: int | None = None
    max_output_tokens: int | None = None


class Models:
    """Lists the models of active connections. Anthropic's clients are known by their version header."""

    def __init__(
        self,
        live: Live,
        admit: Admit,
        table: Callable[[], ModelTable],
        discovery: Discovery,
        *,
        openai: Dialect,
        anthropic: Dialect,
    ) -> None:
        self._live = live
        self._admit = admit
        self._table = table
        self._discovery = discovery
        self._openai = openai
        self._anthropic = anthropic

    async def __call__(self, exchange: Exchange, parameter: str) -> None:
        anthropic = "anthropic-version" in exchange.headers
        try:
            models = await self.visible(exchange)
        except GatewayError as error:
            await refuse(exchange, self._anthropic if anthropic else self._openai, of_gateway(error))
            return
        body = _anthropic_list(models) if anthropic else _openai_list(models)
        await exchange.reply(200, [(b"content-type", b"application/json")], msgspec.json.encode(body))

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


def listed(snapshot: Snapshot, table: ModelTable, discovery: Discovery) -> Iterator[Listed]:
    """Every model of every provider with an active connection, the demo last."""
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
            )
    if _BUILT_IN in snapshot.connections:
        yield Listed(id="demo/hello", owner=_BUILT_IN, name="OmniRoute demo")


def _unknown_to(table: ModelTable, snapshot: Snapshot) -> Iterator[tuple[Provider, Connection]]:
    for provider_id, connections in snapshot.connections.items():
        provider = snapshot.providers[provider_id]
        active = next((connection for connection in connections if connection.active), None)
        if active is not None and provider_id != _BUILT_IN and not table.known(provider_id):
            yield provider, active


def _openai_list(models: list[Listed]) -> dict[str, object]:
    return {
        "object": "list",
        "data": [
            {"id": model.id, "object": "model", "created": _CREATED, "owned_by": model.owner}
            | ({"context_length": model.context_tokens} if model.context_tokens else {})
            | ({"max_completion_tokens": model.max_output_tokens} if model.max_output_tokens else {})
            for model in models
        ],
    }


class Tags:
    """`GET /api/tags`: the same models for Ollama's clients."""

    def __init__(self, models: Models, dialect: Dialect) -> None:
        self._models = models
        self._dialect = dialect

    async def __call__(self, exchange: Exchange, parameter: str) -> None:
        try:
            models = await self._models.visible(exchange)
        except GatewayError as error:
            await refuse(exchange, self._dialect, of_gateway(error))
            return
        body = {
            "models": [
                {
                    "name": model.id,
                    "model": model.id,
                    "modified_at": "2025-01-01T00:00:00Z",
                    "size": 0,
                    "digest": "",
                    "details": {
                        "family": model.owner,
                        "format": "",
                        "parameter_size": "",
                        "quantization_level": "",
                    },
                }
                for model in models
            ]
        }
        await exchange.reply(200, [(b"content-type", b"application/json")], msgspec.json.encode(body))


def _anthropic_list(models: list[Listed]) -> dict[str, object]:
    return {
        "data": [
            {"type": "model", "id": model.id, "display_name": model.name, "created_at": "2025-01-01T00:00:00Z"}
            for model in models
        ],
        "has_more": False,
        "first_id": models[0].id if models else None,
        "last_id": models[-1].id if models else None,
    }
