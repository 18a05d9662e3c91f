"""Costs that providers tell: believed of those that are known to, and after the operator's own prices."""

import pytest

from omniroute.catalog.loader import load
from omniroute.ir.json import JsonObject
from omniroute.ir.result import Usage
from omniroute.ledger.cost import Cost, Rate, Sheet
from omniroute.ledger.prices import OwnPrice, Prices
from omniroute.ledger.told_cost import told_cost

CATALOG = load().served(False)


class Book:
    """A list that knows every model."""

    def sheet(self, provider: object, model: str, at: float) -> Sheet:
        return Sheet(source="list", input=Rate(1_000_000), output=Rate(1_000_000))


def prices(own: dict[str, dict[str, OwnPrice]] | None = None) -> Prices:
    mine = own or {}
    found = Prices(lambda: mine)
    found.use(Book())
    return found


@pytest.mark.parametrize(
    ("raw", "micro_usd"),
    [
        ({"cost": 0.0033789, "is_byok": False, "cost_details": {"upstream_inference_cost": 0.0033789}}, 3379),
        ({"cost": 0.0001, "is_byok": True, "cost_details": {"upstream_inference_cost": 0.002}}, 2100),
        ({"cost": 0, "prompt_tokens": 9}, 0),
        ({"cost": {"input_tokens_cost": 2.4e-05, "request_cost": 0.006, "total_cost": 0.012609}}, 12_609),
        ({"cost_in_usd_ticks": 37_756_000}, 3776),
        ({"estimated_cost": 2.68e-05}, 27),
    ],
)
def test_a_cost_that_is_told_is_read_to_the_micro_usd(raw: JsonObject, micro_usd: int) -> None:
    assert told_cost(raw) == Cost(micro_usd, "provider")


@pytest.mark.parametrize(
    "raw",
    [
        {},
        {"cost": None},
        {"cost": "0.1"},
        {"cost": True},
        {"cost": -1.0},
        {"cost": 1e9},
        {"cost": {}},
        {"cost_in_usd_ticks": -5},
        {"cost_in_usd_ticks": 1.5},
    ],
)
def test_what_is_no_cost_is_not_believed(raw: JsonObject) -> None:
    assert told_cost(raw) is None


@pytest.mark.parametrize("name", ["openrouter", "perplexity", "xai", "deepinfra"])
def test_a_told_cost_comes_before_the_lists(name: str) -> None:
    usage = Usage(input=10, raw={"cost": 0.5})
    assert prices().cost(CATALOG.providers[name], "m", usage, 0.0) == Cost(500_000, "provider")


def test_ones_own_price_comes_before_a_told_cost() -> None:
    own = prices({"openrouter": {"m": OwnPrice(input=2.0, output=2.0)}})
    usage = Usage(input=10, raw={"cost": 0.5})
    assert own.cost(CATALOG.providers["openrouter"], "m", usage, 0.0) == Cost(20, "own")


def test_nobody_else_is_believed() -> None:
    usage = Usage(input=10, raw={"cost": 0.5})
    assert prices().cost(CATALOG.providers["openai"], "m", usage, 0.0) == Cost(10, "list")


def test_a_cost_of_what_was_only_estimated_is_not_the_told_one() -> None:
    usage = Usage(input=10, raw={"cost": 0.5}, estimated=True)
    assert prices().cost(CATALOG.providers["openrouter"], "m", usage, 0.0) == Cost(10, "list")
