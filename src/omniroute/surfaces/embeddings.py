"""`GET /v1/embeddings`: which models make embeddings, and how long their vectors are."""

from collections.abc import Iterator

import msgspec

from omniroute.access.routes import Route
from omniroute.dialects.base import Dialect
from omniroute.errors import GatewayError
from omniroute.pipeline.exchange import Exchange
from omniroute.pipeline.failures import of_gateway
from omniroute.pipeline.headers import JSON
from omniroute.pipeline.refuse import refuse
from omniroute.surfaces.listing import OPENAI
from omniroute.surfaces.models import Models
from omniroute.surfaces.table import Endpoint


def embedding_models(models: Models, dialect: Dialect) -> Iterator[Endpoint]:
    for path in ("/v1/embeddings", "/embeddings"):
        yield Endpoint(
            route=Route("GET", path, "client", "models"), handler=EmbeddingModels(models, dialect), dialect=dialect
        )


class EmbeddingModels:
    """The embedding models of active connections; `dimensions` is null where nobody told us."""

    def __init__(self, models: Models, dialect: Dialect) -> None:
        self._models = models
        self._dialect = dialect

    async def __call__(self, exchange: Exchange, parameter: str) -> None:
        try:
            models = await self._models.visible(exchange)
        except GatewayError as error:
            await refuse(exchange, self._dialect, of_gateway(error))
            return
        data = [{"dimensions": None} | OPENAI.one(model) for model in models if model.operation == "embeddings"]
        body = msgspec.json.encode({"object": "list", "data": data})
        await exchange.reply(200, [JSON], body)
