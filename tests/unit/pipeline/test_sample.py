"""Estimates of streams count words, not the frames around them."""

import pytest

from omniroute.ledger.records import Settled
from omniroute.pipeline.sample import text_share
from omniroute.upstream.scripted import Answer, Fault
from tests.unit.pipeline.stage import Exchange, stage
from tests.unit.pipeline.test_budgets import FOUR

PIECES = {
    "chat": b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"%s"}}]}\n\n',
    "chat tools": b'data: {"choices":[{"delta":{"tool_calls":[{"function":{"arguments":"%s"}}]}}]}\n\n',
    "responses": b'data: {"type":"response.output_text.delta","delta":"%s","item_id":"i"}\n\n',
    "anthropic": b'event: x\ndata: {"type":"content_block_delta","delta":{"type":"text_delta","text":"%s"}}\n\n',
    "anthropic tools": b'data: {"delta":{"type":"input_json_delta","partial_json":"%s"}}\n\n',
    "gemini": b'data: {"candidates":[{"content":{"parts":[{"text":"%s"}]}}]}\n\n',
    "ollama": b'{"model":"m","message":{"role":"assistant","content":"%s"},"done":false}\n',
}


@pytest.mark.parametrize("name", PIECES)
def test_the_text_of_a_piece_is_found_in_every_dialect(name: str) -> None:
    for text in (b"four", b'say \\"hi\\" ' * 20):
        piece = PIECES[name] % text
        assert round(text_share(piece) * len(piece)) == len(text)


def test_a_piece_without_text_stands_for_a_stream_that_has_some() -> None:
    assert 0 < text_share(b'data: {"type":"ping"}\n\n') < 0.05
    assert text_share(b"\xff\xfb sound") == 1.0


async def test_a_stream_that_was_cut_is_estimated_by_its_words() -> None:
    cut = Answer(headers={"content-type": "text/event-stream"}, chunks=(*[FOUR] * 50, Fault("closed")))
    on = stage(cut)
    body = {"model": "up/m", "stream": True, "messages": [{"role": "user", "content": "count"}]}
    await on.ask(Exchange(body))
    (record,) = [one for one in on.journal.records if isinstance(one, Settled)]
    assert (record.outcome, record.usage_source) == ("cut", "estimated")
    assert 45 <= record.output_tokens <= 55
