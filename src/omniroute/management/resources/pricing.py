"""What models cost: the lists, and the operator's own prices on top of them."""

from typing import Annotated

from fastapi import Query
from pydantic import Field, RootModel

from omniroute.catalog.provider import Provider
from omniroute.ledger.cost import Rate, Sheet
from omniroute.ledger.prices import OwnPrice
from omniroute.management.router import ManagementRouter
from omniroute.management.services import Services
from omniroute.management.shapes import Body, CallerOf, Reply, ServicesOf
from omniroute.snapshot.pricing import Priced

router = ManagementRouter(auth="manage", prefix="/api/pricing", tag="pricing")

_Usd = Annotated[float, Field(ge=0, le=1_000_000)]
_Name = Annotated[str, Field(min_length=1, max_length=500)]
_PICO_PER_USD_PER_MILLION = 1_000_000


class PriceBody(Body):
    """USD per million tokens. What is left out is billed as input, `reasoning` as output."""

    input: _Usd
    output: _Usd
    cached: _Usd | None = None
    cache_creation: Annotated[_Usd | None, Field(alias="cache_creation")] = None
    reasoning: _Usd | None = None


class PriceChange(RootModel[dict[_Name, dict[_Name, PriceBody]]]):
    """Provider (an id or the prefix of a node), then model."""


class PriceShape(Reply):
    input: float
    output: float
    cached: float | None
    cache_creation: Annotated[float | None, Field(alias="cache_creation")]
    reasoning: float | None
    source: str


class PriceList(RootModel[dict[str, dict[str, PriceShape]]]):
    """Provider, then model; `source` names the list that the price is from, `own` for yours."""


@router.get("")
def pricing(services: ServicesOf) -> PriceList:
    """The prices of the models that active connections have, and those that you set."""
    snapshot, table = services.snapshot(), services.models()
    known = [
        (provider, model)
        for provider_id, connections in snapshot.connections.items()
        if any(connection.active for connection in connections)
        for provider in (snapshot.providers[provider_id],)
        for model in table.known(provider_id)
    ]
    return _prices(services, [*known, *_named(services, snapshot.prices)])


@router.patch("")
def change_pricing(body: PriceChange, services: ServicesOf, caller: CallerOf) -> PriceList:
    """Sets the prices of these models, from the next request on. The others keep theirs."""
    own = {
        provider: {
            model: OwnPrice(
                input=price.input,
                output=price.output,
                cached=price.cached,
                cache_creation=price.cache_creation,
                reasoning=price.reasoning,
            )
            for model, price in models.items()
        }
        for provider, models in body.root.items()
    }
    return _prices(services, _named(services, services.pricing.put(own, caller.actor, now=services.now_ms())))


@router.delete("")
def reset_pricing(
    services: ServicesOf,
    caller: CallerOf,
    provider: Annotated[str, Query(min_length=1, max_length=200)],
    model: Annotated[str | None, Query(max_length=500)] = None,
) -> PriceList:
    """Takes back your price of a model, or of all of a provider's: the lists hold again."""
    left = services.pricing.remove(provider, model, caller.actor, now=services.now_ms())
    return _prices(services, _named(services, left))


def _named(services: Services, own: Priced) -> list[tuple[Provider, str]]:
    return [
        (provider, model)
        for name, models in own.items()
        if (provider := services.snapshot().providers.get(name)) is not None
        for model in models
    ]


def _prices(services: Services, wanted: list[tuple[Provider, str]]) -> PriceList:
    at = services.clock.now()
    found: dict[str, dict[str, PriceShape]] = {}
    for provider, model in wanted:
        sheet = services.prices.sheet(provider, model, at)
        if sheet is not None:
            name = provider.alias if provider.node else provider.id
            found.setdefault(name, {})[model] = _shape(sheet)
    return PriceList(found)


def _shape(sheet: Sheet) -> PriceShape:
    return PriceShape(
        input=_usd(sheet.input) or 0.0,
        output=_usd(sheet.output) or 0.0,
        cached=_usd(sheet.cache_read),
        cache_creation=_usd(sheet.cache_write),
        reasoning=_usd(sheet.reasoning),
        source=sheet.source,
    )


def _usd(rate: Rate | None) -> float | None:
    return None if rate is None else rate.pico / _PICO_PER_USD_PER_MILLION
