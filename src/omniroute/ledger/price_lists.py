"""Price lists from files: LiteLLM's `model_prices_and_context_window.json` and models.dev's `api.json`.

Read from the files of both as of November 2026. LiteLLM gives USD per token, by `provider/model` or by a bare name
with `litellm_provider`; models.dev USD per million tokens, by provider and model. What is billed otherwise than by
tokens (whole pictures, seconds, pages) is left out. Pure.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Final, Literal, TypeAlias, TypeGuard

import msgspec

from omniroute.catalog.provider import Provider
from omniroute.ir.json import JsonObject, JsonValue
from omniroute.ledger.cost import MediaRates, Rate, Sheet

Source: TypeAlias = Literal["litellm", "modelsDev"]
SOURCES: Final[tuple[Source, ...]] = ("litellm", "modelsDev")

_PICO_PER_USD: Final = Decimal(10**12)
_PER_MILLION: Final = Decimal(10**6)
_ABOVE: Final = re.compile(r"_above_([0-9]{1,6})k_tokens")
_MOST_USD_PER_TOKEN: Final = 1
_MOST_TOKENS: Final = 10**9
_TOO_LONG: Final = 500
_KINDS: Final = ("flex", "priority")


class PriceList(msgspec.Struct, frozen=True, kw_only=True):
    """`dated` is `YYYY-MM-DD`: of two lists the later one counts. `sheets` are by provider (`label`) and model."""

    source: Source
    dated: str
    sheets: Mapping[str, Mapping[str, Sheet]]

    def __len__(self) -> int:
        return sum(map(len, self.sheets.values()))

    def sheet(self, provider: Provider, model: str, at: float) -> Sheet | None:
        """As a `prices.Book`. A model with a vendor before its name is looked for without it too."""
        names = (model, model.rpartition("/")[2]) if "/" in model else (model,)
        for own in (provider.id, provider.alias, provider.models_dev):
            models = self.sheets.get(label(own)) if own else None
            if models is None:
                continue
            for name in names:
                if name in models:
                    return models[name]
        return None


def label(name: str) -> str:
    """A provider's name as lists are searched by it: each list has its own hyphens and underscores."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def recognised(data: JsonObject) -> Source | None:
    """Whose file it is; None for neither's."""
    entries = [entry for entry in data.values() if _is_object(entry)]
    if any(_is_object(entry.get("models")) for entry in entries):
        return "modelsDev"
    return "litellm" if any("litellm_provider" in entry for entry in entries) else None


def price_list(source: Source, dated: str, data: JsonObject) -> PriceList:
    """What `data` says that can be billed by; entries that are not understood are left out."""
    sheets: dict[str, dict[str, Sheet]] = {}
    told = _litellm(data) if source == "litellm" else _models_dev(data)
    for provider, model, rates, kinds in told:
        if len(model) <= _TOO_LONG:
            named = f"{source} {dated}"
            variants = tuple((kind, Sheet(source=f"{named} {kind}", **other)) for kind, other in kinds.items())
            sheets.setdefault(label(provider), {})[model] = Sheet(source=named, variants=variants, **rates)
    return PriceList(source=source, dated=dated, sheets=sheets)


_Rates: TypeAlias = JsonObject
_Told: TypeAlias = Iterator[tuple[str, str, _Rates, Mapping[str, _Rates]]]
"""Provider, model, its rates, and those of other kinds of service."""


def _litellm(data: JsonObject) -> _Told:
    for name, entry in data.items():
        if not _is_object(entry):
            continue
        provider = entry.get("litellm_provider")
        tiers = [tier for tier in _objects(entry.get("tiered_pricing")) if _start(tier) is not None]
        whole = {**(tiers[0] if tiers else {}), **entry}
        if not isinstance(provider, str) or _pico(whole.get("input_cost_per_token")) is None:
            continue
        prefix, slash, rest = name.partition("/")
        model = rest if slash and label(prefix) == label(provider) else name
        yield provider, model, _billed(whole, tiers), _kinds(whole, tiers)


def _billed(entry: JsonObject, tiers: Iterable[JsonObject]) -> _Rates:
    return {
        "input": _rate(entry, "input_cost_per_token", tiers),
        "output": _rate(entry, "output_cost_per_token", tiers) or Rate(0),
        "cache_read": _rate(entry, "cache_read_input_token_cost", tiers),
        "cache_write": _rate(entry, "cache_creation_input_token_cost", tiers),
        "cache_write_hour": _rate(entry, "cache_creation_input_token_cost_above_1hr", tiers),
        "reasoning": _rate(entry, "output_cost_per_reasoning_token", tiers),
        "request_pico": _pico(entry.get("input_cost_per_request")) or 0,
        "media": _media(
            audio_input=_rate(entry, "input_cost_per_audio_token", tiers),
            audio_cached=_rate(entry, "cache_read_input_audio_token_cost", tiers),
            audio_output=_rate(entry, "output_cost_per_audio_token", tiers),
            image_input=_rate(entry, "input_cost_per_image_token", tiers),
            image_cached=_rate(entry, "cache_read_input_image_token_cost", tiers),
            image_output=_rate(entry, "output_cost_per_image_token", tiers),
        ),
    }


def _kinds(entry: JsonObject, tiers: Iterable[JsonObject]) -> dict[str, _Rates]:
    """What other kinds of service cost: LiteLLM's `input_cost_per_token_flex` and the like, the rest as usual."""
    kinds: dict[str, _Rates] = {}
    for kind in _KINDS:
        instead = {key.removesuffix(f"_{kind}"): value for key, value in entry.items() if key.endswith(f"_{kind}")}
        if instead.get("input_cost_per_token") is not None:
            kinds[kind] = _billed({**entry, **instead}, tiers)
    return kinds


def _models_dev(data: JsonObject) -> _Told:
    for provider, entry in data.items():
        models = entry.get("models") if _is_object(entry) else None
        if not _is_object(models):
            continue
        for model, facts in models.items():
            cost = facts.get("cost") if _is_object(facts) else None
            if not _is_object(cost):
                continue
            given, made = _million(cost, "input"), _million(cost, "output")
            if given is None or made is None:
                continue
            yield (
                provider,
                model,
                {
                    "input": given,
                    "output": made,
                    "cache_read": _million(cost, "cache_read"),
                    "cache_write": _million(cost, "cache_write"),
                    "reasoning": _million(cost, "reasoning"),
                    "media": _media(
                        audio_input=_million(cost, "input_audio"), audio_output=_million(cost, "output_audio")
                    ),
                },
                {},
            )


def _media(**rates: Rate | None) -> MediaRates | None:
    return MediaRates(**rates) if any(rates.values()) else None


def _rate(entry: JsonObject, name: str, tiers: Iterable[JsonObject]) -> Rate | None:
    """LiteLLM's price of that name, with its `_above_200k_tokens` and the like, which reprice all tokens."""
    base = _pico(entry.get(name))
    if base is None:
        return None
    steps: dict[int, int] = {}
    for key, value in entry.items():
        above = _ABOVE.fullmatch(key.removeprefix(name)) if key.startswith(name) else None
        price = _pico(value) if above is not None else None
        if above is not None and price is not None:
            steps[int(above.group(1)) * 1000] = price
    for tier in tiers:
        start, price = _start(tier), _pico(tier.get(name))
        if start and price is not None:
            steps[start] = price
    return Rate(base, tuple(sorted(steps.items())))


def _million(cost: JsonObject, name: str) -> Rate | None:
    base = _pico(cost.get(name), per=_PER_MILLION)
    if base is None:
        return None
    beyond = cost.get("context_over_200k")
    dearer = _pico(beyond.get(name), per=_PER_MILLION) if _is_object(beyond) else None
    return Rate(base, () if dearer is None else ((200_000, dearer),))


def _pico(value: JsonValue, per: Decimal = Decimal(1)) -> int | None:
    """Pico-USD per token; None for what is no price. A float is read as the decimal that it is written as."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not 0 <= value <= _MOST_USD_PER_TOKEN * int(per):
        return None
    return int(Decimal(str(value)) / per * _PICO_PER_USD)


def _start(tier: JsonObject) -> int | None:
    """The tokens from which a tier of LiteLLM's `tiered_pricing` holds."""
    bounds: JsonValue = tier.get("range")
    if not isinstance(bounds, list) or not bounds:
        return None
    first: JsonValue = bounds[0]  # pyright: ignore[reportUnknownVariableType] # JSON
    if isinstance(first, bool) or not isinstance(first, int | float) or not 0 <= first <= _MOST_TOKENS:
        return None
    return int(first)


def _objects(value: JsonValue) -> list[JsonObject]:
    return [entry for entry in value if _is_object(entry)] if isinstance(value, list) else []  # pyright: ignore[reportUnknownVariableType] # JSON


def _is_object(value: JsonValue) -> TypeGuard[JsonObject]:
    return isinstance(value, dict)
