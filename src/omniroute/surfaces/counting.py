"""`POST /v1/messages/count_tokens`: how many tokens a request to Anthropic's API has."""

from collections.abc import Iterator

from omniroute.access.routes import Route
from omniroute.dialects.base import Dialect
from omniroute.pipeline.count import CountTokens
from omniroute.pipeline.exchange import Exchange
from omniroute.surfaces.table import Endpoint


def counting(count: CountTokens, dialect: Dialect) -> Iterator[Endpoint]:
    """Under the paths where Anthropic's clients look for it."""
    route = Route("POST", "/v1/messages/count_tokens", "client", "count_tokens")
    yield Endpoint(route=route, handler=CountMessages(count, dialect), dialect=dialect)


class CountMessages:
    def __init__(self, count: CountTokens, dialect: Dialect) -> None:
        self._count = count
        self._dialect = dialect

    async def __call__(self, exchange: Exchange, parameter: str) -> None:
        await self._count(exchange, self._dialect)
