"""Embeddings as Google's and Ollama's servers speak them; the vectors are those of `openai_embeddings`."""

import re

from tests.support.upstream.answer import Answer
from tests.support.upstream.fitting import Asked
from tests.support.upstream.openai_embeddings import DIMENSIONS, vector
from tests.support.upstream.wire import Request

_BATCH = re.compile(r".*/models/(?P<model>[^/]+):batchEmbedContents")
_OLLAMA = ("model", "input", "truncate", "options", "keep_alive", "dimensions")


def handles(request: Request) -> bool:
    return request.path.endswith("/api/embed") or _BATCH.fullmatch(request.path) is not None


def read(request: Request, body: dict) -> Asked:
    if request.path.endswith("/api/embed"):
        inputs, length = body["input"], body.get("dimensions", DIMENSIONS)
        texts = [inputs] if isinstance(inputs, str) else inputs
        vectors = tuple(vector(text, length) for text in texts)
        return Asked(model=body["model"], stream=False, text="", vectors=vectors)
    vectors = tuple(
        vector(one["content"]["parts"][0]["text"], one.get("outputDimensionality", DIMENSIONS))
        for one in body["requests"]
    )
    return Asked(model=body["requests"][0]["model"], stream=False, text="", vectors=vectors)


def complaint(request: Request, body: dict) -> str | None:
    found = _BATCH.fullmatch(request.path)
    if found is None:
        unknown = sorted(set(body) - set(_OLLAMA))
        return f"unknown field {unknown[0]!r}" if unknown else None
    wrong = [one["model"] for one in body["requests"] if one["model"] != f"models/{found['model']}"]
    return f"unexpected model name {wrong[0]!r}" if wrong else None


def whole(asked: Asked, answer: Answer, number: int) -> dict:
    if asked.model.startswith("models/"):
        return {"embeddings": [{"values": list(one)} for one in asked.vectors]}
    return {
        "model": asked.model,
        "embeddings": [list(one) for one in asked.vectors],
        "total_duration": 14143917,
        "load_duration": 1019500,
        "prompt_eval_count": answer.tokens.input_total,
    }


def error(status: int, message: str) -> dict:
    return {"error": {"code": status, "message": message, "status": "INVALID_ARGUMENT"}}


def in_band_error(kind: str, message: str) -> dict:
    return error(500, message)
