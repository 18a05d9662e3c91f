"""What a provider says that an answer cost, of providers whose row has the mark `tells_cost`. Pure.

- OpenRouter: `cost`, in credits, which are USD; with a key of the operator's own for the model's vendor
  (`is_byok`) that is the fee, and `cost_details.upstream_inference_cost` is what the vendor bills beside it
  (openrouter.ai/docs/use-cases/usage-accounting).
- Perplexity: `cost.total_cost`, USD (docs.perplexity.ai, chat completions).
- xAI: `cost_in_usd_ticks`, of which 10^10 are a dollar (docs.x.ai/developers/cost-tracking).
- DeepInfra: `estimated_cost`, USD (deepinfra.com/docs/openai_api).
"""

from decimal import Decimal
from typing import Final

from omniroute.ir.json import JsonObject, JsonValue
from omniroute.ledger.cost import Cost, whole

MARK: Final = "tells_cost"
SOURCE: Final = "provider"

_PICO_PER_TICK: Final = 100
_PICO_PER_USD: Final = Decimal(10**12)
_MOST_USD: Final = 10**6


def told_cost(raw: JsonObject) -> Cost | None:
    """None where `raw`, a vendor's usage object, names no cost that can be believed."""
    ticks = raw.get("cost_in_usd_ticks")
    if isinstance(ticks, int) and not isinstance(ticks, bool) and ticks >= 0:
        return Cost(whole(ticks * _PICO_PER_TICK), SOURCE)
    cost = raw.get("cost", raw.get("estimated_cost"))
    pico = _pico(_within(cost, "total_cost") if isinstance(cost, dict) else cost)
    if pico is None:
        return None
    if raw.get("is_byok") is True:
        pico += _pico(_within(raw.get("cost_details"), "upstream_inference_cost")) or 0
    return Cost(whole(pico), SOURCE)


def _within(value: JsonValue, name: str) -> JsonValue:
    return value.get(name) if isinstance(value, dict) else None  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType] # JSON


def _pico(usd: JsonValue) -> int | None:
    """A float is read as the decimal that it is written as."""
    if isinstance(usd, bool) or not isinstance(usd, int | float) or not 0 <= usd <= _MOST_USD:
        return None
    return int(Decimal(str(usd)) * _PICO_PER_USD)
