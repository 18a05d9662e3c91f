"""Hard budgets and simple operations: every prompt has an answer, a query is read with each text."""

import msgspec
import pytest

from omniroute.ledger.budgets import budgets
from omniroute.upstream.scripted import Answer
from tests.support.budgets import budget
from tests.unit.pipeline.relay_stage import RelayStage

JSON = {"content-type": "application/json"}
TEXTS = {"object": "text_completion", "choices": [{"index": 0, "text": "hi", "finish_reason": "stop"}]}
RANKS = {"results": [{"index": 0, "relevance_score": 0.5}]}


def hard(answer: object, limit: int) -> RelayStage:
    """Prices are unknown: 15 dollars for a million tokens in, 75 out."""
    on = RelayStage(lambda request: Answer(headers=JSON, chunks=(msgspec.json.encode(answer),)))
    on.live.current = msgspec.structs.replace(on.live.current, budgets=budgets([budget("b", limit, mode="hard")]))
    on.relay._allowance.spending.priced()
    return on


@pytest.mark.parametrize(
    ("prompt", "more", "status"),
    [
        ("a", {}, 200),
        (["a"], {}, 200),
        ([1, 2, 3], {}, 200),
        (["a"] * 60, {}, 402),
        ([[1, 2]] * 60, {}, 402),
        (["a"] * 20, {"n": 3}, 402),
        ("a", {"best_of": 60}, 402),
    ],
)
async def test_a_completion_of_many_prompts_sets_aside_an_answer_for_each(prompt, more, status) -> None:
    on = hard(TEXTS, 400_000)
    exchange = await on.ask({"model": "up/m", "prompt": prompt, "max_tokens": 100, **more}, "completions")
    assert exchange.status == status, exchange.received


@pytest.mark.parametrize(("documents", "status"), [(10, 200), (100, 402)])
async def test_reranking_sets_the_query_aside_for_every_document(documents, status) -> None:
    on = hard(RANKS, 400_000)
    body = {"model": "up/r", "query": "x" * 1_000, "documents": ["text"] * documents}
    exchange = await on.ask(body, "rerank")
    assert exchange.status == status, exchange.received
