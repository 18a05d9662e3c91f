"""OpenAI's embeddings as its server speaks them; the same input gives the same vector."""

import base64
import hashlib
import struct

import msgspec

from tests.support.upstream.answer import Answer
from tests.support.upstream.fitting import Asked
from tests.support.upstream.openai_chat import error, in_band_error
from tests.support.upstream.wire import Request

__all__ = ["error", "in_band_error"]

DIMENSIONS = 8


def handles(request: Request) -> bool:
    return request.path.endswith("/embeddings")


def read(request: Request, body: dict) -> Asked:
    dimensions = body.get("dimensions", DIMENSIONS)
    vectors = tuple(vector(one, dimensions) for one in _inputs(body["input"]))
    return Asked(
        model=body["model"],
        stream=False,
        text="",
        vectors=vectors,
        packed=body.get("encoding_format", "float") == "base64",
    )


def complaint(request: Request, body: dict) -> str | None:
    if body.get("encoding_format", "float") not in ("float", "base64"):
        return f"Invalid value: {body['encoding_format']!r}. Supported values are: 'float' and 'base64'."
    return None if body["input"] else "'input' is too short"


def whole(asked: Asked, answer: Answer, number: int) -> dict:
    return {
        "object": "list",
        "data": [
            {"object": "embedding", "index": index, "embedding": _packed(one) if asked.packed else list(one)}
            for index, one in enumerate(asked.vectors)
        ],
        "model": asked.model,
        "usage": {"prompt_tokens": answer.tokens.input_total, "total_tokens": answer.tokens.input_total},
    }


def vector(given: object, dimensions: int = DIMENSIONS) -> tuple[float, ...]:
    """Numbers that 32 bits hold exactly, so that both encodings of a vector are equal."""
    digest = hashlib.shake_128(msgspec.json.encode(given)).digest(dimensions)
    return tuple(byte / 256 - 0.5 for byte in digest)


def _inputs(given: str | list) -> list:
    whole = isinstance(given, str) or (bool(given) and isinstance(given[0], int))
    return [given] if whole else list(given)


def _packed(one: tuple[float, ...]) -> str:
    return base64.b64encode(struct.pack(f"<{len(one)}f", *one)).decode()
