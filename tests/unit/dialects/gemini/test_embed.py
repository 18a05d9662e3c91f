"""Embeddings in the words of Google's clients."""

import msgspec
import pytest

from omniroute.dialects.gemini.embed import batch, single, told_batch, told_single
from omniroute.errors import InvalidRequest

ANSWER = msgspec.json.encode(
    {
        "object": "list",
        "data": [{"object": "embedding", "index": i, "embedding": [i, 0.5]} for i in range(2)],
        "model": "up/m",
        "usage": {"prompt_tokens": 3, "total_tokens": 3},
    }
)


def _asked(*texts: str, **more: object) -> dict[str, object]:
    return {"model": "models/m", "content": {"parts": [{"text": text} for text in texts]}, **more}


def test_one_content_is_one_text() -> None:
    asked = _asked("a", "b", output_dimensionality=7, taskType="CLUSTERING")
    assert single(msgspec.json.encode(asked)) == {"input": ["a\nb"], "dimensions": 7, "taskType": "CLUSTERING"}


def test_a_batch_is_a_list_of_texts() -> None:
    asked = {"requests": [_asked("a", title="T"), _asked("b", title="T")]}
    assert batch(msgspec.json.encode(asked)) == {"input": ["a", "b"], "title": "T"}


def test_requests_that_could_not_go_out_as_one_are_named() -> None:
    asked = {"requests": [_asked("a"), _asked("b", outputDimensionality=2)]}
    with pytest.raises(InvalidRequest, match=r"requests\[1\].outputDimensionality"):
        batch(msgspec.json.encode(asked))


@pytest.mark.parametrize("content", [None, "a", {}, {"parts": []}, {"parts": [{"text": "a"}, {"inlineData": {}}]}])
def test_what_is_no_text_is_refused(content: object) -> None:
    with pytest.raises(InvalidRequest, match="only parts with text"):
        single(msgspec.json.encode({"content": content}))


def test_vectors_are_values() -> None:
    assert msgspec.json.decode(told_single(ANSWER)) == {"embedding": {"values": [0, 0.5]}}
    assert msgspec.json.decode(told_batch(ANSWER)) == {"embeddings": [{"values": [0, 0.5]}, {"values": [1, 0.5]}]}
