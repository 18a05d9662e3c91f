"""Flex, priority and fast service cost what the lists say for them; unknown kinds cost what is usual."""

import msgspec
import pytest

from omniroute.catalog.loader import load
from omniroute.catalog.provider import Provider
from omniroute.dialects.anthropic import usage as anthropic
from omniroute.dialects.base import Tap
from omniroute.dialects.openai_chat.glance import glance as chat_glance
from omniroute.dialects.openai_chat.tap import ChatTap
from omniroute.dialects.openai_responses.glance import glance as responses_glance
from omniroute.dialects.openai_responses.tap import ResponsesTap
from omniroute.dialects.registry import UPSTREAMS
from omniroute.ir.events import UsageReported
from omniroute.ir.result import GenerateResponse, Usage
from omniroute.ledger.cost import Rate, Sheet, cost
from omniroute.ledger.price_lists import PriceList, price_list
from omniroute.ledger.prices import GenaiPrices, Prices

CATALOG = load().served(False)
AT = 1_795_000_000.0  # November 2026
MILLION = 10**6
CHAT = {
    "id": "c",
    "object": "chat.completion",
    "model": "m",
    "service_tier": "flex",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7},
}
RESPONSE = {
    "id": "r",
    "object": "response",
    "model": "m",
    "status": "completed",
    "service_tier": "priority",
    "output": [
        {"type": "message", "id": "m", "role": "assistant", "content": [{"type": "output_text", "text": "x"}]}
    ],
    "usage": {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7},
}


@pytest.mark.parametrize(("tier", "micro_usd"), [(None, 10), ("flex", 5), ("priority", 17.5), ("unheard", 10)])
def test_genai_prices_knows_what_a_kind_of_service_costs(tier: str | None, micro_usd: float) -> None:
    prices = Prices(dict)
    prices.use(GenaiPrices())
    usage = Usage(input=MILLION, output=MILLION, tier=tier)
    found = prices.cost(CATALOG.providers["openai"], "o3", usage, AT)
    assert found is not None
    assert found.micro_usd == micro_usd * MILLION
    assert found.source.endswith(tier or "") or tier == "unheard"


def test_an_imported_list_knows_it_too() -> None:
    entry = {
        "litellm_provider": "x",
        "input_cost_per_token": 1e-06,
        "output_cost_per_token": 2e-06,
        "cache_read_input_token_cost": 5e-07,
        "input_cost_per_token_priority": 3e-06,
        "output_cost_per_token_priority": 4e-06,
        "input_cost_per_token_above_200k_tokens_priority": 6e-06,
    }
    row = Provider(id="x", alias="x", name="x", base_url="https://x.test", operations={})
    found = price_list("litellm", "2026-11-01", {"m": entry})
    sheet = msgspec.json.decode(msgspec.json.encode(found), type=PriceList).sheet(row, "m", AT)
    assert sheet is not None
    assert (sheet.input, [name for name, _ in sheet.variants]) == (Rate(1_000_000), ["priority"])
    dearer = sheet.of_tier("priority")
    assert (dearer.input, dearer.output) == (Rate(3_000_000, ((200_000, 6_000_000),)), Rate(4_000_000))
    assert (dearer.cache_read, dearer.source) == (Rate(500_000), "litellm 2026-11-01 priority")


def test_a_kind_of_service_without_a_price_costs_what_is_usual() -> None:
    sheet = Sheet(source="t", input=Rate(MILLION), output=Rate(MILLION))
    assert cost(sheet, Usage(input=3, tier="flex")) == cost(sheet, Usage(input=3))


def test_whole_answers_tell_their_tier() -> None:
    for body, look, dialect in (
        (CHAT, chat_glance, "openai_chat"),
        (RESPONSE, responses_glance, "openai_responses"),
    ):
        raw = msgspec.json.encode(body)
        seen, decoded = look(raw).usage, UPSTREAMS[dialect].decode_response(raw)
        assert isinstance(decoded, GenerateResponse)
        assert seen is not None
        assert decoded.usage is not None
        assert seen.tier == decoded.usage.tier == body["service_tier"]


def test_streams_tell_their_tier() -> None:
    chunk = {"id": "c", "object": "chat.completion.chunk", "model": "m", "service_tier": "flex"}
    delta = {"index": 0, "delta": {"content": "hi"}, "finish_reason": "stop"}
    chat = _sse(chunk | {"choices": [delta]}) + _sse(chunk | {"choices": [], "usage": CHAT["usage"]})
    ended = _sse({"type": "response.completed", "sequence_number": 1, "response": RESPONSE})
    told: list[tuple[str, bytes, Tap, str]] = [
        ("openai_chat", chat + b"data: [DONE]\n\n", ChatTap(include_usage=True), "flex"),
        ("openai_responses", ended, ResponsesTap(), "priority"),
    ]
    for dialect, stream, tap, tier in told:
        tap.feed(stream)
        decoder = UPSTREAMS[dialect].stream_decoder()
        events = [*decoder.feed(stream), *decoder.close()]
        (reported,) = [event.usage for event in events if isinstance(event, UsageReported)]
        assert tap.usage is not None
        assert tap.usage.tier == reported.tier == tier


@pytest.mark.parametrize(
    ("said", "tier"),
    [({"speed": "fast"}, "fast"), ({"speed": "standard"}, None), ({"service_tier": "priority"}, None)],
)
def test_anthropics_fast_mode_is_a_tier_and_a_commitment_is_not(said: dict, tier: str | None) -> None:
    assert anthropic.decode_usage({"input_tokens": 1, "output_tokens": 1, **said}).tier == tier


def _sse(data: dict) -> bytes:
    return b"data: " + msgspec.json.encode(data) + b"\n\n"
