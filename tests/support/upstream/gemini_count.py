"""Gemini's count of a request's tokens: what the answer's script says the input was."""

import re
from urllib.parse import unquote

from tests.support.upstream.answer import Answer
from tests.support.upstream.fitting import Asked
from tests.support.upstream.gemini import error, in_band_error
from tests.support.upstream.wire import Request

__all__ = ["error", "in_band_error"]

_PATH = re.compile(r".*/models/(?P<model>[^/].*):countTokens")


def handles(request: Request) -> bool:
    return _PATH.fullmatch(request.path) is not None


def read(request: Request, body: dict) -> Asked:
    found = _PATH.fullmatch(request.path)
    assert found is not None
    return Asked(model=unquote(found["model"]), stream=False, text="")


def complaint(request: Request, body: dict) -> str | None:
    unknown = sorted(set(body) - {"contents", "generateContentRequest"})
    if unknown:
        return f'Invalid JSON payload received. Unknown name "{unknown[0]}": Cannot find field.'
    inner = body.get("generateContentRequest")
    if inner is not None and not inner.get("model", "").startswith("models/"):
        return "* CountTokensRequest.generate_content_request.model: unexpected model name format"
    contents = body.get("contents") or (inner or {}).get("contents")
    return None if contents else "* CountTokensRequest.contents: contents is not specified"


def whole(asked: Asked, answer: Answer, number: int) -> dict:
    total = answer.tokens.input_total
    return {"totalTokens": total, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": total}]}
