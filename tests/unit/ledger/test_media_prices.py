"""Sound and pictures cost what the lists say, and what they do not say is billed as text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniroute.catalog.loader import load
from omniroute.catalog.provider import Provider
from omniroute.ir.result import MediaTokens, Usage
from omniroute.ledger.cost import Cost, MediaRates, Rate, Sheet, cost
from omniroute.ledger.price_lists import price_list
from omniroute.ledger.prices import GenaiPrices, Prices

CATALOG = load().served(False)
AT = 1_795_000_000.0  # November 2026
COUNTS = st.integers(0, 10**6)


def micro(provider: str, model: str, usage: Usage) -> int:
    prices = Prices(dict)
    prices.use(GenaiPrices())
    found = prices.cost(CATALOG.providers[provider], model, usage, AT)
    assert found is not None
    return found.micro_usd


@pytest.mark.parametrize(
    ("provider", "model", "usage", "expected"),
    [
        # USD per million: text 0.3 in, sound 1.0 in, read from the cache 0.03 and 0.1, answers 2.5.
        ("gemini", "gemini-2.5-flash", Usage(input=1000, media=MediaTokens(audio_input=400)), 180 + 400),
        (
            "gemini",
            "gemini-2.5-flash",
            Usage(cache_read=1000, output=10, media=MediaTokens(audio_cached=1000)),
            100 + 25,
        ),
        # Text 2.5 and pictures 30 out.
        ("gemini", "gemini-2.5-flash-image", Usage(output=1300, media=MediaTokens(image_output=1290)), 38_725),
        # Text 5 and pictures 10 in, all 40 out.
        (
            "openai",
            "gpt-image-1",
            Usage(input=100, output=1000, media=MediaTokens(image_input=40, image_output=1000)),
            300 + 400 + 40_000,
        ),
        # Text 2.5 and sound 6 in, 10 out.
        (
            "openai",
            "gpt-4o-transcribe",
            Usage(input=100, output=10, media=MediaTokens(audio_input=100)),
            600 + 100,
        ),
    ],
)
def test_genai_prices_knows_what_sound_and_pictures_cost(
    provider: str, model: str, usage: Usage, expected: int
) -> None:
    assert micro(provider, model, usage) == expected


def test_what_has_no_price_of_its_own_costs_what_text_does() -> None:
    sheet = Sheet(source="t", input=Rate(2_000_000), output=Rate(3_000_000))
    media = MediaTokens(audio_input=4, image_output=5)
    assert cost(sheet, Usage(input=10, output=10, media=media)) == cost(sheet, Usage(input=10, output=10))


@given(fresh=COUNTS, read=COUNTS, output=COUNTS)
def test_a_request_of_sound_alone_costs_its_tokens_at_the_prices_of_sound(fresh, read, output) -> None:
    rates = MediaRates(audio_input=Rate(7_000_000), audio_cached=Rate(1_000_000), audio_output=Rate(9_000_000))
    text = Sheet(source="t", input=Rate(2), output=Rate(3), cache_read=Rate(1), media=rates)
    media = MediaTokens(audio_input=fresh, audio_cached=read, audio_output=output)
    usage = Usage(input=fresh, cache_read=read, output=output, media=media)
    assert cost(text, usage).micro_usd == min(7 * fresh + read + 9 * output, 10**12)


def test_no_request_costs_more_than_a_million_dollars() -> None:
    assert cost(Sheet(source="t", input=Rate(10**12), output=Rate(0)), Usage(input=2**60)).micro_usd == 10**12


def test_the_cost_of_two_attempts_names_both_prices_and_fits_its_column() -> None:
    assert Cost(1, "own") + Cost(2, "own") == Cost(3, "own")
    assert Cost(1, "own") + Cost(2, "provider") == Cost(3, "own, provider")
    assert len((Cost(1, "a" * 60) + Cost(2, "b" * 60)).source) == 64


def test_imported_lists_price_sound_and_pictures_too() -> None:
    litellm = {
        "both": {
            "litellm_provider": "x",
            "input_cost_per_token": 1e-06,
            "output_cost_per_token": 2e-06,
            "input_cost_per_audio_token": 3e-06,
            "output_cost_per_audio_token": 4e-06,
            "input_cost_per_image_token": 5e-06,
            "output_cost_per_image_token": 6e-06,
            "cache_read_input_audio_token_cost": 7e-07,
            "cache_read_input_image_token_cost": 8e-07,
        }
    }
    row = Provider(id="x", alias="x", name="x", base_url="https://x.test", operations={})
    found = price_list("litellm", "2026-11-01", litellm).sheet(row, "both", AT)
    assert found is not None
    assert found.media == MediaRates(
        audio_input=Rate(3_000_000),
        audio_cached=Rate(700_000),
        audio_output=Rate(4_000_000),
        image_input=Rate(5_000_000),
        image_cached=Rate(800_000),
        image_output=Rate(6_000_000),
    )
    dev = {"x": {"models": {"both": {"cost": {"input": 1, "output": 2, "input_audio": 3, "output_audio": 4}}}}}
    found = price_list("modelsDev", "2026-11-01", dev).sheet(row, "both", AT)
    assert found is not None
    assert found.media == MediaRates(audio_input=Rate(3_000_000), audio_output=Rate(4_000_000))
