"""`/v1/images/generations`: pictures for a prompt, and which models make them."""

from collections.abc import Iterator

import msgspec

from omniroute.access.routes import Route
from omniroute.dialects.base import Dialect
from omniroute.errors import GatewayError
from omniroute.pipeline.exchange import Exchange
from omniroute.pipeline.failures import of_gateway
from omniroute.pipeline.headers import JSON
from omniroute.pipeline.refuse import refuse
from omniroute.pipeline.relay import Relay
from omniroute.snapshot.live import Live
from omniroute.snapshot.model import Snapshot
from omniroute.surfaces.listing import OPENAI, Body, Listed
from omniroute.surfaces.models import Models
from omniroute.surfaces.simple import Simple, endpoints, reading
from omniroute.surfaces.table import Endpoint


def images(relay: Relay, models: Models, live: Live, dialect: Dialect) -> Iterator[Endpoint]:
    yield from endpoints("images/generations", "images", Simple(relay, "images", reading()), dialect)
    for path in ("/v1/images/generations", "/images/generations"):
        yield Endpoint(
            route=Route("GET", path, "client", "models"),
            handler=ImageModels(models, live, dialect),
            dialect=dialect,
        )


class ImageModels:
    """The image models of active connections; `supported_sizes` is null where nobody told us."""

    def __init__(self, models: Models, live: Live, dialect: Dialect) -> None:
        self._models = models
        self._live = live
        self._dialect = dialect

    async def __call__(self, exchange: Exchange, parameter: str) -> None:
        try:
            models = await self._models.visible(exchange)
        except GatewayError as error:
            await refuse(exchange, self._dialect, of_gateway(error))
            return
        snapshot = self._live.current
        data = [_shown(model, snapshot) for model in models if model.operation == "images"]
        body = msgspec.json.encode({"object": "list", "data": data})
        await exchange.reply(200, [JSON], body)


def _shown(model: Listed, snapshot: Snapshot) -> Body:
    provider = snapshot.providers.get(model.owner)
    operation = provider.operations.get("images") if provider is not None else None
    return OPENAI.one(model) | {
        "supported_sizes": list(operation.sizes) if operation is not None and operation.sizes else None,
        "input_modalities": ["text"],
        "output_modalities": ["image"],
    }
