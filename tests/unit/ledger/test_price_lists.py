"""Price lists from files: what each field means, and which list counts."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniroute.catalog.provider import Provider
from omniroute.ir.result import Usage
from omniroute.ledger.cost import Rate, Sheet, cost
from omniroute.ledger.price_lists import PriceList, price_list, recognised
from omniroute.ledger.prices import OwnPrice, Prices

LITELLM = {
    "sample_spec": {"litellm_provider": "one of many", "input_cost_per_token": "a number"},
    "together_ai/some/model": {
        "litellm_provider": "together_ai",
        "mode": "chat",
        "input_cost_per_token": 2e-06,
        "output_cost_per_token": 8e-06,
        "cache_read_input_token_cost": 2e-07,
        "cache_creation_input_token_cost": 2.5e-06,
        "cache_creation_input_token_cost_above_1hr": 4e-06,
        "input_cost_per_token_above_200k_tokens": 4e-06,
        "output_cost_per_token_above_200k_tokens": 1.6e-05,
        "output_cost_per_reasoning_token": 9e-06,
    },
    "stepped": {
        "litellm_provider": "other",
        "tiered_pricing": [
            {"range": [0, 32000], "input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06},
            {"range": [32000, 128000], "input_cost_per_token": 3e-06, "output_cost_per_token": 4e-06},
        ],
    },
    "a-picture": {"litellm_provider": "other", "output_cost_per_image": 0.04},
}
MODELS_DEV = {
    "together": {
        "id": "together",
        "models": {
            "m": {
                "id": "m",
                "cost": {
                    "input": 1.25,
                    "output": 10,
                    "cache_read": 0.125,
                    "context_over_200k": {"input": 2.5, "output": 15},
                },
            },
            "free of numbers": {"id": "x"},
        },
    }
}


def provider(name: str, **fields) -> Provider:
    return Provider(
        **{"id": name, "alias": name, "name": name, "base_url": "https://x.test/v1", "operations": {}} | fields
    )


def test_a_file_is_recognised_by_its_shape() -> None:
    assert (recognised(LITELLM), recognised(MODELS_DEV), recognised({"a": {"b": 1}})) == (
        "litellm",
        "modelsDev",
        None,
    )


def test_litellm_gives_usd_per_token() -> None:
    found = price_list("litellm", "2026-11-01", LITELLM)
    assert found.sheet(provider("together", alias="together-ai"), "some/model", 0) == Sheet(
        source="litellm 2026-11-01",
        input=Rate(2_000_000, ((200_000, 4_000_000),)),
        output=Rate(8_000_000, ((200_000, 16_000_000),)),
        cache_read=Rate(200_000),
        cache_write=Rate(2_500_000),
        cache_write_hour=Rate(4_000_000),
        reasoning=Rate(9_000_000),
    )
    stepped = found.sheet(provider("other"), "vendor/stepped", 0)
    assert stepped is not None
    assert (stepped.input, stepped.output) == (
        Rate(1_000_000, ((32_000, 3_000_000),)),
        Rate(2_000_000, ((32_000, 4_000_000),)),
    )
    assert len(found) == 2


def test_models_dev_gives_usd_per_million() -> None:
    found = price_list("modelsDev", "2026-11-01", MODELS_DEV)
    sheet = found.sheet(provider("together-inference", models_dev="together"), "m", 0)
    assert sheet is not None
    assert (sheet.input, sheet.cache_read) == (Rate(1_250_000, ((200_000, 2_500_000),)), Rate(125_000))
    assert cost(sheet, Usage(input=250_000, output=1)).micro_usd == 625_015
    assert found.sheet(provider("together-inference"), "m", 0) is None


@pytest.mark.parametrize("price", [-1, True, "0.1", None, float("nan"), 5.0, [1], {}])
def test_what_is_no_price_is_left_out(price: object) -> None:
    entry = {"litellm_provider": "other", "input_cost_per_token": price, "output_cost_per_token": 0}
    assert len(price_list("litellm", "2026-11-01", {"m": entry})) == 0


plain = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=15,
)
names = st.sampled_from(
    ["litellm_provider", "input_cost_per_token", "models", "cost", "input", "tiered_pricing", "range"]
)


@given(st.dictionaries(names | st.text(max_size=5), plain | st.dictionaries(names, plain, max_size=4), max_size=4))
def test_any_object_can_be_read(data) -> None:
    for source in ("litellm", "modelsDev"):
        found = price_list(source, "2026-11-01", data)
        assert msgspec.json.decode(msgspec.json.encode(found), type=PriceList) == found


def test_ones_own_price_wins_then_the_later_list_then_what_comes_with_the_gateway() -> None:
    own: dict[str, dict[str, OwnPrice]] = {}
    prices = Prices(lambda: own)
    row = provider("together")

    def listed(source, usd):
        entry = {"litellm_provider": "together", "input_cost_per_token": usd, "output_cost_per_token": 0}
        return price_list(source, "2026-11-01", {"m": entry})

    def source():
        found = prices.sheet(row, "m", 0)
        return None if found is None else (found.source, found.input.pico)

    bundled = PriceList(
        source="modelsDev",
        dated="",
        sheets={"together": {"m": Sheet(source="bundled", input=Rate(1), output=Rate(1))}},
    )
    prices.use(bundled)
    assert source() == ("bundled", 1)
    prices.use_imported(listed("litellm", 2e-06), listed("litellm", 3e-06))
    assert source() == ("litellm 2026-11-01", 2_000_000)
    own = {"together": {"m": OwnPrice(input=9, output=9)}}
    assert source() == ("own", 9_000_000)
    own = {}
    prices.use_imported()
    assert source() == ("bundled", 1)
    default = prices.default(row, "m", 0)
    assert default is not None
    assert default.source == "bundled"
