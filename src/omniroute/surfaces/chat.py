"""The endpoints that generate: one handler for every dialect, since the dialect is all that differs."""

from collections.abc import Awaitable

from omniroute.dialects.base import Dialect
from omniroute.pipeline.exchange import Exchange
from omniroute.pipeline.generate import Generate


class Chat:
    """`POST /v1/chat/completions`, `/v1/messages` and their dedicated provider routes; `below` is what these paths
    end in after the dialect's own, such as `/compact`."""

    def __init__(self, generate: Generate, dialect: Dialect, below: str = "") -> None:
        self._generate = generate
        self._dialect = dialect
        self._below = below

    def __call__(self, exchange: Exchange, provider: str) -> Awaitable[None]:
        return self._generate(exchange, self._dialect, provider or None, below=self._below)
