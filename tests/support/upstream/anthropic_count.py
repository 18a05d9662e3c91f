"""Anthropic's count of a request's tokens: what the answer's script says the input was."""

from tests.support.upstream.answer import Answer
from tests.support.upstream.anthropic import error, in_band_error
from tests.support.upstream.fitting import Asked
from tests.support.upstream.wire import Request

__all__ = ["error", "in_band_error"]


def handles(request: Request) -> bool:
    return request.path.endswith("/messages/count_tokens")


def read(request: Request, body: dict) -> Asked:
    return Asked(model=body["model"], stream=False, text="")


def complaint(request: Request, body: dict) -> str | None:
    if request.header("anthropic-version") is None:
        return "anthropic-version: header is required"
    if not body["messages"]:
        return "messages: at least one message is required"
    unknown = sorted({"max_tokens", "stream", "temperature", "metadata", "stop_sequences"} & set(body))
    return f"{unknown[0]}: Extra inputs are not permitted" if unknown else None


def whole(asked: Asked, answer: Answer, number: int) -> dict:
    return {"input_tokens": answer.tokens.input_total}
