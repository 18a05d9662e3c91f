"""OpenAI's completions, moderations and speech, and Cohere's rerank, as their servers speak them."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from tests.support.upstream import sse
from tests.support.upstream.answer import Answer, Say, split
from tests.support.upstream.fitting import Asked
from tests.support.upstream.openai_chat import CREATED, error, error_event, in_band_error
from tests.support.upstream.wire import Request

__all__ = ["error", "error_event", "in_band_error"]

Kind: TypeAlias = Literal["completions", "moderations", "speech", "rerank"]
SOUND = b"ID3\x04" + bytes(range(256)) * 40
BROKEN_EVENT = b'data: {"id":"cmpl-broken","choices":[{"index":0,"text":"lost\n\n'

_PATHS: dict[str, Kind] = {
    "/chat/completions": "completions",
    "/completions": "completions",
    "/moderations": "moderations",
    "/audio/speech": "speech",
    "/rerank": "rerank",
}
_NEEDED: dict[Kind, tuple[str, ...]] = {
    "completions": ("prompt",),
    "moderations": ("input",),
    "speech": ("input", "voice"),
    "rerank": ("query", "documents"),
}


@dataclass(frozen=True, kw_only=True)
class AskedSimply(Asked):
    kind: Kind
    documents: tuple[str, ...] = ()


def handles(request: Request) -> bool:
    return _kind(request) is not None and not request.path.endswith("/chat/completions")


def stream_type(asked: AskedSimply) -> str:
    return "audio/mpeg" if asked.kind == "speech" else "text/event-stream"


def complaint(request: Request, body: dict) -> str | None:
    kind = _kind(request)
    assert kind is not None
    missing = [name for name in ("model", *_NEEDED[kind]) if name not in body]
    return f"Missing required parameter: '{missing[0]}'." if missing else None


def read(request: Request, body: dict) -> AskedSimply:
    kind = _kind(request)
    assert kind is not None
    said = body.get("prompt", body.get("input", body.get("query")))
    return AskedSimply(
        kind=kind,
        model=body["model"],
        stream=kind == "speech" or body.get("stream", False),
        text=said if isinstance(said, str) else str(said),
        include_usage=(body.get("stream_options") or {}).get("include_usage", False),
        documents=tuple(body.get("documents", ())),
    )


def whole(asked: AskedSimply, answer: Answer, number: int) -> dict:
    match asked.kind:
        case "moderations":
            return _moderation(asked, number)
        case "rerank":
            return _reranked(asked, number)
        case _:
            choice = {"text": _text(answer), "index": 0, "logprobs": None, "finish_reason": "stop"}
            return _head(asked, number) | {"choices": [choice], "usage": _usage(answer)}


def events(asked: AskedSimply, answer: Answer, number: int) -> list[bytes]:
    if asked.kind == "speech":
        return [SOUND[at : at + 1000] for at in range(0, len(SOUND), 1000)]
    head = _head(asked, number)
    pieces: list[tuple[str, str | None]] = [(piece, None) for piece in split(_text(answer), 3)]
    chunks = [
        head | {"choices": [{"text": text, "index": 0, "logprobs": None, "finish_reason": finish}]}
        for text, finish in [*pieces, ("", "stop")]
    ]
    if asked.include_usage:
        chunks.append(head | {"choices": [], "usage": _usage(answer)})
    return [*(sse.data(chunk) for chunk in chunks), b"data: [DONE]\n\n"]


def _kind(request: Request) -> Kind | None:
    return next((kind for path, kind in _PATHS.items() if request.path.endswith(path)), None)


def _head(asked: AskedSimply, number: int) -> dict:
    return {"id": f"cmpl-{number}", "object": "text_completion", "created": CREATED, "model": asked.model}


def _text(answer: Answer) -> str:
    return "".join(part.text for part in answer.parts if isinstance(part, Say))


def _usage(answer: Answer) -> dict:
    read, written = answer.tokens.input_total, answer.tokens.output
    return {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}


def _moderation(asked: AskedSimply, number: int) -> dict:
    flagged = "attack" in asked.text
    result = {
        "flagged": flagged,
        "categories": {"violence": flagged},
        "category_scores": {"violence": 0.9 if flagged else 0.1},
        "category_applied_input_types": {"violence": ["text"]},
    }
    return {"id": f"modr-{number}", "model": asked.model, "results": [result]}


def _reranked(asked: AskedSimply, number: int) -> dict:
    scores = {index: float(asked.text in document) for index, document in enumerate(asked.documents)}
    order = sorted(scores, key=lambda index: -scores[index])
    return {
        "id": f"rerank-{number}",
        "results": [{"index": index, "relevance_score": scores[index]} for index in order],
        "meta": {"billed_units": {"search_units": 1}, "tokens": {"input_tokens": 21}},
    }
