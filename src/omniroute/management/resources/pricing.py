"""What models cost: the lists, those that were imported, and the operator's own prices on top of them."""

from collections.abc import Callable, Iterable
from datetime import date
from typing import Annotated, Literal

from fastapi import Query
from pydantic import Field, RootModel

from omniroute.catalog.provider import Provider
from omniroute.errors import InvalidRequest
from omniroute.ir.json import JsonObject
from omniroute.ledger.cost import Rate, Sheet
from omniroute.ledger.price_lists import SOURCES, Source, price_list, recognised
from omniroute.ledger.prices import OwnPrice
from omniroute.management.router import ManagementRouter
from omniroute.management.services import Services
from omniroute.management.shapes import Body, CallerOf, Reply, ServicesOf, iso
from omniroute.snapshot.pricing import Priced

router = ManagementRouter(auth="manage", prefix="/api/pricing", tag="pricing")

_Usd = Annotated[float, Field(ge=0, le=1_000_000)]
_Name = Annotated[str, Field(min_length=1, max_length=500)]
_Layer = Literal["default", "litellm", "modelsDev", "user"]
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


class SourcedPrices(Reply):
    pricing: PriceList
    source_map: dict[str, dict[str, _Layer]]


class PricedModel(Reply):
    """`source` is null when nobody knows the price."""

    id: str
    source: str | None


class PricedProvider(Reply):
    id: str
    name: str
    models: list[PricedModel]


class PricedModels(RootModel[dict[str, PricedProvider]]):
    """Providers with an active connection."""


class ImportBody(Body):
    """`prices` is the content of the file. Without `source` it is told by its shape, without `dated` it counts as
    of today. Nothing is downloaded: `sources` alone is refused."""

    prices: JsonObject | None = None
    source: Source | None = None
    dated: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")] | None = None
    dry_run: bool = False
    sources: list[str] | None = None


class ImportShape(Reply):
    success: bool = True
    source: Source
    dated: str
    models: int
    dry_run: bool


class ImportedList(Reply):
    source: str
    dated: str
    imported_at: str
    models: int


class SyncStatus(Reply):
    """`enabled`, `nextSync` and `intervalMs` are of a download by schedule, which there is none of."""

    enabled: Literal[False] = False
    last_sync: str | None
    last_sync_model_count: int
    next_sync: None = None
    interval_ms: Literal[0] = 0
    sources: list[ImportedList]


@router.get("")
def pricing(
    services: ServicesOf,
    include_sources: Annotated[Literal["0", "1", "false", "true"], Query(alias="includeSources")] = "0",
) -> PriceList | SourcedPrices:
    """The prices of the models that active connections have, and those that you set."""
    found = _prices(services, [*_known(services), *_named(services, services.snapshot().prices)])
    if include_sources in ("0", "false"):
        return found
    layers: dict[str, dict[str, _Layer]] = {
        provider: {model: _layer(price.source) for model, price in models.items()}
        for provider, models in found.root.items()
    }
    return SourcedPrices(pricing=found, source_map=layers)


@router.get("/defaults")
def default_pricing(services: ServicesOf) -> PriceList:
    """What the lists say that come with the gateway."""
    return _prices(services, _known(services), services.prices.default)


@router.get("/models")
def priced_models(services: ServicesOf) -> PricedModels:
    """Which models there are, and whose price each has."""
    at = services.clock.now()
    found: dict[str, PricedProvider] = {}
    for provider, model in _known(services):
        sheet = services.prices.sheet(provider, model, at)
        shape = found.setdefault(_name(provider), PricedProvider(id=provider.id, name=provider.name, models=[]))
        shape.models.append(PricedModel(id=model, source=None if sheet is None else sheet.source))
    return PricedModels(found)


@router.get("/sync")
def imported(services: ServicesOf) -> SyncStatus:
    """Which lists were imported; the one with the later date counts first."""
    rows = services.price_lists.stored()
    latest = max(rows, key=lambda row: row.imported_at, default=None)
    return SyncStatus(
        last_sync=None if latest is None else iso(latest.imported_at),
        last_sync_model_count=0 if latest is None else latest.models,
        sources=[
            ImportedList(
                source=row.source, dated=row.dated, imported_at=iso(row.imported_at) or "", models=row.models
            )
            for row in rows
        ],
    )


@router.post("/sync")
def import_prices(body: ImportBody, services: ServicesOf, caller: CallerOf) -> ImportShape:
    """Takes over LiteLLM's or models.dev's file, in the place of an earlier one of the same source. Holds from the
    next request on."""
    if body.prices is None:
        raise InvalidRequest(
            "Nothing is downloaded here; send the file as `prices`, or use `omniroute pricing import FILE`.",
            code="not_served",
        )
    source = body.source or recognised(body.prices)
    if source is None:
        raise InvalidRequest(
            "This is neither LiteLLM's model_prices_and_context_window.json nor models.dev's api.json.",
            code="unknown_price_list",
        )
    dated = _dated(body.dated) if body.dated else (iso(services.now_ms()) or "")[:10]
    found = price_list(source, dated, body.prices)
    if not len(found):
        raise InvalidRequest("There is no price by tokens in this file.", code="unknown_price_list")
    if not body.dry_run:
        services.price_lists.put(found, caller.actor, now=services.now_ms())
    return ImportShape(source=source, dated=dated, models=len(found), dry_run=body.dry_run)


@router.delete("/sync")
def forget_prices(services: ServicesOf, caller: CallerOf, source: Annotated[Source, Query()]) -> SyncStatus:
    """Takes a list away again."""
    services.price_lists.remove(source, caller.actor, now=services.now_ms())
    return imported(services)


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


def _known(services: Services) -> list[tuple[Provider, str]]:
    snapshot, table = services.snapshot(), services.models()
    return [
        (provider, model)
        for provider_id, connections in snapshot.connections.items()
        if any(connection.active for connection in connections)
        for provider in (snapshot.providers[provider_id],)
        for model in table.known(provider_id)
    ]


def _prices(
    services: Services,
    wanted: Iterable[tuple[Provider, str]],
    priced: Callable[[Provider, str, float], Sheet | None] | None = None,
) -> PriceList:
    at = services.clock.now()
    found: dict[str, dict[str, PriceShape]] = {}
    for provider, model in wanted:
        sheet = (priced or services.prices.sheet)(provider, model, at)
        if sheet is not None:
            found.setdefault(_name(provider), {})[model] = _shape(sheet)
    return PriceList(found)


def _name(provider: Provider) -> str:
    return provider.alias if provider.node else provider.id


def _layer(source: str) -> _Layer:
    """In the words of OmniRoute's earlier generation."""
    if source == "own":
        return "user"
    named = source.partition(" ")[0]
    return named if named in SOURCES else "default"


def _dated(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise InvalidRequest(f"{text!r} is not a date.", code="bad_time") from None


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
