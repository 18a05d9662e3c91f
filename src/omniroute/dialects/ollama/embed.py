"""Embeddings as Ollama's clients are told of them. What they ask is named as OpenAI names it, but for `OWN`.

Source: docs.ollama.com/api/embed.
"""

from typing import Final

import msgspec

from omniroute.dialects.ollama.metrics import encode_usage
from omniroute.ir.result import Usage

OWN: Final = ("truncate", "options", "keep_alive")
"""What only Ollama's servers understand."""


class _Spent(msgspec.Struct, frozen=True):
    prompt_tokens: int = 0


class _Answer(msgspec.Struct, frozen=True):
    data: list[dict[str, msgspec.Raw]]
    model: str
    usage: _Spent = _Spent()


_ANSWER: Final = msgspec.json.Decoder(_Answer)
_TOLD: Final = ("total_duration", "load_duration", "prompt_eval_count")


def told(body: bytes) -> bytes:
    """`body` is an answer in OpenAI's shape."""
    answer = _ANSWER.decode(body)
    metrics = encode_usage(Usage(input=answer.usage.prompt_tokens), native=False)
    return msgspec.json.encode(
        {
            "model": answer.model,
            "embeddings": [one["embedding"] for one in answer.data],
            **{name: metrics[name] for name in _TOLD},
        }
    )
