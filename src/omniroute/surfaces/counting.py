"""Questions how many tokens a request has: `/v1/messages/count_tokens` and `/v1/responses/input_tokens`."""

from collections.abc import Iterator, Mapping
from typing import Final

from omniroute.access.routes import Route
from omniroute.dialects.base import Dialect
from omniroute.pipeline.count import CountTokens
from omniroute.pipeline.exchange import Exchange
from omniroute.surfaces.table import Endpoint

_PATHS: Final = {"anthropic": "/v1/messages/count_tokens", "openai_responses": "/v1/responses/input_tokens"}


def counting(count: CountTokens, dialects: Mapping[str, Dialect]) -> Iterator[Endpoint]:
    """Under the paths where clients of each API look for it; Google's is among the verbs of a model."""
    for name, path in _PATHS.items():
        dialect = dialects[name]
        route = Route("POST", path, "client", "count_tokens")
        yield Endpoint(route=route, handler=CountBody(count, dialect), dialect=dialect)


class CountBody:
    """The body names the model."""

    def __init__(self, count: CountTokens, dialect: Dialect) -> None:
        self._count = count
        self._dialect = dialect

    async def __call__(self, exchange: Exchange, parameter: str) -> None:
        await self._count(exchange, self._dialect)
