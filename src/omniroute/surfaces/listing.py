"""A model in a list, and how each vendor's clients want to see it.

The shapes are those of the vendors' references: platform.openai.com/docs/api-reference/models,
docs.anthropic.com/en/api/models-list, ai.google.dev/api/models, and Ollama's docs/api.md.
"""

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

import msgspec

from omniroute.catalog.provider import OperationName
from omniroute.pipeline.exchange import Exchange

Body: TypeAlias = dict[str, object]

_CREATED: Final = 1_735_689_600
_CREATED_TEXT: Final = "2025-01-01T00:00:00Z"
"""The shapes demand a time, and providers' lists do not agree on one."""
_TYPES: Final[dict[OperationName, Body]] = {
    "embeddings": {"type": "embedding"},
    "images": {"type": "image"},
    "rerank": {"type": "rerank"},
    "moderations": {"type": "moderation"},
    "transcription": {"type": "audio", "subtype": "transcription"},
    "speech": {"type": "audio", "subtype": "speech"},
}
"""What OpenAI's clients are told of a model that does not chat; OpenAI itself has no word for it."""
_METHODS: Final = ["generateContent", "streamGenerateContent", "countTokens"]
_USUAL_CONTEXT: Final = 128_000
_USUAL_OUTPUT: Final = 8192
"""What Google's clients are told where nothing is known: they take an absent limit for 0."""


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """One model: `id` is `<provider id or node prefix>/<model>`, what a client may send as `model`, `operation`
    what it is for and `dimensions` the length of its vectors, as far as that is known."""

    id: str
    owner: str
    name: str
    context_tokens: int | None = None
    max_output_tokens: int | None = None
    reasoning: bool = False
    tools: bool | None = None
    images: bool | None = None
    operation: OperationName | None = None
    dimensions: int | None = None


class Shape(msgspec.Struct, frozen=True):
    """`dialect` is the name of the one in which its clients hear about errors."""

    dialect: str
    one: Callable[[Listed], Body]
    several: Callable[[Sequence[Listed]], Body]


def shape_for(exchange: Exchange) -> Shape:
    """By what only one vendor's clients send: Google's key header, parameter or name, Anthropic's version."""
    headers = exchange.headers
    if (
        exchange.path.startswith("/v1beta")
        or "x-goog-api-key" in headers
        or any(part.startswith(b"key=") for part in exchange.query.split(b"&"))
        or "google-genai" in headers.get("user-agent", "")
    ):
        return GOOGLE
    return ANTHROPIC if "anthropic-version" in headers else OPENAI


def _openai(model: Listed) -> Body:
    shown: Body = {"id": model.id, "object": "model", "created": _CREATED, "owned_by": model.owner}
    if model.context_tokens:
        shown["context_length"] = model.context_tokens
    if model.max_output_tokens and model.operation != "embeddings":
        shown["max_completion_tokens"] = model.max_output_tokens
    if model.operation in _TYPES:
        shown |= _TYPES[model.operation]
    if model.dimensions:
        shown["dimensions"] = model.dimensions
    return shown


def _openai_list(models: Sequence[Listed]) -> Body:
    return {"object": "list", "data": [_openai(model) for model in models]}


def _anthropic(model: Listed) -> Body:
    return {"type": "model", "id": model.id, "display_name": model.name, "created_at": _CREATED_TEXT}


def _anthropic_list(models: Sequence[Listed]) -> Body:
    shown = [_anthropic(model) for model in models if _generates(model)]
    return {
        "data": shown,
        "has_more": False,
        "first_id": shown[0]["id"] if shown else None,
        "last_id": shown[-1]["id"] if shown else None,
    }


def _google(model: Listed) -> Body:
    shown: Body = {
        "name": f"models/{model.id}",
        "displayName": model.name,
        "inputTokenLimit": model.context_tokens or _USUAL_CONTEXT,
        "outputTokenLimit": model.max_output_tokens or _USUAL_OUTPUT,
        "supportedGenerationMethods": _METHODS,
    }
    if model.reasoning:
        shown["thinking"] = True
    return shown


def _google_list(models: Sequence[Listed]) -> Body:
    return {"models": [_google(model) for model in models if _generates(model)]}


def _generates(model: Listed) -> bool:
    """Nothing else can be asked for in the dialects of Anthropic and Google."""
    return model.operation in (None, "chat", "responses")


def _ollama(model: Listed) -> Body:
    return {
        "name": model.id,
        "model": model.id,
        "modified_at": _CREATED_TEXT,
        "size": 0,
        "digest": "",
        "details": {"family": model.owner, "format": "", "parameter_size": "", "quantization_level": ""},
    }


def _ollama_list(models: Sequence[Listed]) -> Body:
    return {"models": [_ollama(model) for model in models]}


OPENAI: Final = Shape("openai_chat", _openai, _openai_list)
ANTHROPIC: Final = Shape("anthropic", _anthropic, _anthropic_list)
GOOGLE: Final = Shape("gemini", _google, _google_list)
OLLAMA: Final = Shape("ollama", _ollama, _ollama_list)
