"""What a request costs: exact, in whole micro-USD, whichever buckets were used."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniroute.catalog.loader import load
from omniroute.ir.result import Usage
from omniroute.ledger.cost import Rate, Sheet, cost, per_token_usd
from omniroute.ledger.prices import GenaiPrices, OwnPrice, Prices

CATALOG = load().served(False)
AT = 1_780_000_000.0
SONNET = Sheet(
    source="test",
    input=Rate(3_000_000),
    output=Rate(15_000_000),
    cache_read=Rate(300_000),
    cache_write=Rate(3_750_000),
    cache_write_hour=Rate(6_000_000),
)


def micro(usage: Usage, sheet: Sheet = SONNET) -> int:
    return cost(sheet, usage).micro_usd


def test_each_bucket_has_its_own_price() -> None:
    assert micro(Usage(input=1_000_000)) == 3_000_000
    assert micro(Usage(output=1_000_000)) == 15_000_000
    assert micro(Usage(cache_read=1_000_000)) == 300_000
    assert micro(Usage(cache_write=1_000_000)) == 3_750_000


def test_reasoning_is_part_of_the_output_and_not_billed_twice() -> None:
    assert micro(Usage(output=100, reasoning=60)) == micro(Usage(output=100))


def test_reasoning_with_a_price_of_its_own_is_billed_apart() -> None:
    sheet = Sheet(source="test", input=Rate(0), output=Rate(1_000_000), reasoning=Rate(4_000_000))
    assert micro(Usage(output=100, reasoning=60), sheet) == 40 + 240


def test_a_cache_write_for_an_hour_is_dearer_than_one_for_five_minutes() -> None:
    assert micro(Usage(cache_write=1_000_000, cache_write_hour=600_000)) == 1_500_000 + 3_600_000


def test_crossing_a_tier_reprices_every_token() -> None:
    sheet = Sheet(source="test", input=Rate(1_250_000, ((200_000, 2_500_000),)), output=Rate(10_000_000))
    assert micro(Usage(input=200_000), sheet) == 250_000
    assert micro(Usage(input=200_001), sheet) == 500_003  # half a micro-USD rounds up


def test_a_single_cheap_token_is_rounded_once() -> None:
    sheet = Sheet(source="test", input=Rate(150_000), output=Rate(600_000))
    assert micro(Usage(input=3, output=1), sheet) == 1  # 1.05 micro-USD, and not 3 roundings of less than one


@given(
    st.builds(Usage, input=st.integers(0, 10**7), output=st.integers(0, 10**6), cache_read=st.integers(0, 10**7)),
    st.builds(Usage, input=st.integers(0, 10**7), output=st.integers(0, 10**6), cache_read=st.integers(0, 10**7)),
)
def test_the_cost_of_two_requests_is_that_of_both_together_to_a_micro_usd(one: Usage, other: Usage) -> None:
    both = Usage(
        input=one.input + other.input,
        output=one.output + other.output,
        cache_read=one.cache_read + other.cache_read,
    )
    assert abs(micro(one) + micro(other) - micro(both)) <= 1


@given(
    fresh=st.integers(0, 10**7),
    output=st.integers(0, 10**6),
    sheet=st.sampled_from([SONNET, Sheet(source="s", input=Rate(3), output=Rate(5, ((9, 7),)), request_pico=11)]),
)
def test_what_a_choice_compares_is_what_would_be_billed(fresh: int, output: int, sheet: Sheet) -> None:
    billed = cost(sheet, Usage(input=fresh, output=output)).micro_usd
    given, made, once = per_token_usd(sheet, fresh)
    assert fresh * given + output * made + once == pytest.approx(billed / 1e6, abs=0.51e-6)


def prices(own: dict[str, dict[str, OwnPrice]] | None = None) -> Prices:
    mine = own or {}
    found = Prices(lambda: mine)
    found.use(GenaiPrices())
    return found


def test_genai_prices_knows_a_model_by_its_providers_address() -> None:
    provider = CATALOG.providers["anthropic"]
    sheet = prices().sheet(provider, "claude-sonnet-4-5", AT)
    assert sheet is not None
    assert (sheet.input.pico, sheet.output.pico) == (3_000_000, 15_000_000)
    assert sheet.cache_read is not None
    assert sheet.cache_read.pico == 300_000
    assert sheet.source.startswith("genai-prices ")


def test_history_keeps_its_prices() -> None:
    openai = CATALOG.providers["openai"]
    spring, now = prices().sheet(openai, "o3", 1_746_000_000.0), prices().sheet(openai, "o3", AT)
    assert spring is not None
    assert now is not None
    assert (spring.input.pico, now.input.pico) == (10_000_000, 2_000_000)


def test_ones_own_price_wins_and_the_unknown_is_unknown() -> None:
    openai = CATALOG.providers["openai"]
    own = prices({"openai": {"gpt-4o": OwnPrice(input=1.0, output=2.0)}}).sheet(openai, "gpt-4o", AT)
    assert own is not None
    assert (own.source, own.input.pico) == ("own", 1_000_000)
    assert prices().cost(openai, "no-such-model", Usage(input=5), AT) is None


def test_a_local_server_costs_nothing() -> None:
    local = next(provider for provider in CATALOG.providers.values() if provider.local)
    found = prices().cost(local, "anything", Usage(input=10**9), AT)
    assert found is not None
    assert (found.micro_usd, found.source) == (0, "local")


def test_the_demo_costs_nothing() -> None:
    found = prices().cost(CATALOG.providers["demo"], "hello", Usage(input=5, output=13), AT)
    assert found is not None
    assert (found.micro_usd, found.source) == (0, "demo")


def test_nothing_is_known_before_the_lists_are_loaded() -> None:
    assert Prices(dict).sheet(CATALOG.providers["openai"], "gpt-4o", AT) is None
