"""Claude as Google's Vertex AI serves it: Anthropic's Messages, with the model in the path."""

import re

from tests.support.upstream import anthropic
from tests.support.upstream.anthropic import (
    BROKEN_EVENT,
    error,
    error_event,
    events,
    in_band_error,
    stream_type,
    whole,
)
from tests.support.upstream.fitting import Asked
from tests.support.upstream.wire import Request

__all__ = ["BROKEN_EVENT", "error", "error_event", "events", "in_band_error", "stream_type", "whole"]

_PATH = re.compile(r".*/publishers/anthropic/models/(?P<model>[^/:]+):(?P<verb>rawPredict|streamRawPredict)")


def handles(request: Request) -> bool:
    return _PATH.fullmatch(request.path) is not None


def read(request: Request, body: dict) -> Asked:
    found = _PATH.fullmatch(request.path)
    assert found is not None
    return anthropic.read(request, {**body, "model": found["model"]})


def complaint(request: Request, body: dict) -> str | None:
    if "model" in body:
        return "model: Extra inputs are not permitted"
    if body.get("anthropic_version") != "vertex-2023-10-16":
        return "anthropic_version: Field required"
    if bool(body.get("stream")) != request.path.endswith(":streamRawPredict"):
        return "stream: does not fit the method"
    return anthropic.complaint(request, body)
