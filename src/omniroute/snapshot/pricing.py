"""The operator's own prices: they win over every list."""

from collections.abc import Mapping
from typing import Final

import msgspec
from sqlalchemy import Connection

from omniroute.access.actor import Actor, record
from omniroute.errors import GatewayError
from omniroute.ir.json import JsonObject
from omniroute.ledger.prices import OwnPrice
from omniroute.storage.repos import settings
from omniroute.storage.writer import Writer

KEY: Final = "pricing"
"""The setting that holds them: provider, then model, then an `OwnPrice`."""

Priced = Mapping[str, Mapping[str, OwnPrice]]


class Pricing:
    """Writes prices. Methods block until the change is live: the next request is billed by it, no earlier one."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def put(self, prices: Priced, actor: Actor, *, now: int) -> Priced:
        """Sets these models; the others keep theirs. Returns all of them."""

        def change(connection: Connection) -> Priced:
            known = {provider: dict(models) for provider, models in _stored(connection).items()}
            for provider, models in prices.items():
                known.setdefault(provider, {}).update(models)
            _store(connection, known)
            detail = {"models": sum(len(models) for models in prices.values())}
            record(connection, actor, at=now, action="pricing.put", detail=detail)
            return known

        return self._writer.write(change)

    def remove(self, provider: str, model: str | None, actor: Actor, *, now: int) -> Priced:
        """Takes back one model's price, or all of a provider's. Raises `GatewayError` 404 when there is none."""

        def change(connection: Connection) -> Priced:
            known = {name: dict(models) for name, models in _stored(connection).items()}
            gone = known.pop(provider, None) if model is None else known.get(provider, {}).pop(model, None)
            if gone is None:
                raise GatewayError(404, f"There is no price of yours for {model or provider!r}.", code="not_found")
            _store(connection, {name: models for name, models in known.items() if models})
            record(connection, actor, at=now, action="pricing.delete", target=f"{provider}/{model or '*'}")
            return prices_of({KEY: settings.get(connection, KEY)})

        return self._writer.write(change)


def prices_of(stored: JsonObject) -> Priced:
    """The prices among the settings."""
    return msgspec.convert(stored.get(KEY) or {}, dict[str, dict[str, OwnPrice]])


def _stored(connection: Connection) -> Priced:
    return prices_of({KEY: settings.get(connection, KEY)})


def _store(connection: Connection, prices: Priced) -> None:
    settings.put(connection, {KEY: msgspec.to_builtins(prices)})
