"""Embeddings in the words of Ollama's clients."""

import msgspec

from omniroute.dialects.ollama.embed import told


def test_vectors_come_with_the_count_of_their_prompt() -> None:
    answer = {
        "object": "list",
        "data": [{"object": "embedding", "index": 0, "embedding": [1, 0.5]}],
        "model": "up/m",
        "usage": {"prompt_tokens": 3, "total_tokens": 3},
    }
    assert msgspec.json.decode(told(msgspec.json.encode(answer))) == {
        "model": "up/m",
        "embeddings": [[1, 0.5]],
        "total_duration": 0,
        "load_duration": 0,
        "prompt_eval_count": 3,
    }
