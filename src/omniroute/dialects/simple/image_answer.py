"""Pictures as OpenAI's clients want them: `{created, data: [{url | b64_json, revised_prompt?}]}`.

A picture that lies elsewhere is brought when the client wants its bytes. The other way round there is nowhere to
put it: who asked for a URL and gets bytes is told so by a loss.
"""

import base64
from collections.abc import Generator, Iterable, Sequence
from typing import Final, TypeAlias

import msgspec

from omniroute.dialects.base import Loss
from omniroute.dialects.failures import one_line
from omniroute.dialects.look import as_count, as_text
from omniroute.dialects.simple.base import Answer, Fetch, Got, Question, Step
from omniroute.dialects.simple.provider_answer import garbled, succeeded
from omniroute.errors import InvalidRequest
from omniroute.ir.failure import Failure
from omniroute.ir.json import JsonObject

MAX_PICTURES: Final = 10
"""What OpenAI allows for `n`, and more than any provider returns."""

IMAGE_FIELDS: Final = ("image", "images", "image_url", "image_urls", "imageUrls")
"""Where clients put pictures to start from."""

_INLINE: Final = ";base64,"

Fetching: TypeAlias = Generator[Step, Got, list[JsonObject] | Failure]


def check_prompt(question: Question, *, image_instead: bool = False) -> str:
    """The prompt. `image_instead`: a picture to start from will do. Raises `InvalidRequest`."""
    prompt = question.fields.get("prompt")
    if isinstance(prompt, str) and prompt.strip():
        return prompt
    if image_instead and prompt is None and any(question.fields.get(name) for name in IMAGE_FIELDS):
        return ""
    raise InvalidRequest(f"Prompt is required for image model: {question.shown_model}")


def count(question: Question) -> int:
    """`n`, 1 when it is not given. Raises `InvalidRequest`."""
    given = question.fields.get("n")
    n = 1 if given is None else as_count(given)
    if n is None or not 1 <= n <= MAX_PICTURES:
        raise InvalidRequest(f"n {given!r} must be a whole number from 1 to {MAX_PICTURES}")
    return n


def wants_bytes(question: Question) -> bool:
    return question.fields.get("response_format") == "b64_json"


def check_format(question: Question) -> None:
    """Raises `InvalidRequest` for a form of answer that does not exist."""
    wanted = question.fields.get("response_format")
    if wanted not in (None, "url", "b64_json"):
        raise InvalidRequest(f"response_format {wanted!r} must be 'url' or 'b64_json'")


def only_bytes(question: Question) -> tuple[Loss, ...]:
    """The loss of a client that asked for a URL where there are bytes only."""
    if question.fields.get("response_format") != "url":
        return ()
    return (Loss(path="response_format", what="url", how="approximated", weight="quality"),)


def from_base64(pictures: Iterable[object], **more: str) -> list[JsonObject] | Failure:
    """Pictures that came as base64, with or without a `data:` head."""
    found: list[JsonObject] = []
    for picture in pictures:
        if not isinstance(picture, str) or not picture:
            return garbled("one of its pictures is empty")
        found.append({"b64_json": _payload(picture) or picture, **more})
    return found or no_pictures()


def no_pictures() -> Failure:
    return Failure(kind="empty", status=502, message="the provider returned no picture", code="empty_answer")


def as_wanted(question: Question, pictures: Sequence[JsonObject]) -> Fetching:
    """The pictures, brought here where the client wants bytes and the provider gave an address."""
    if not wants_bytes(question) or all("url" not in picture or "b64_json" in picture for picture in pictures):
        return list(pictures)
    if len(pictures) > MAX_PICTURES:
        return garbled(f"it holds {len(pictures)} pictures")
    brought: list[JsonObject] = []
    for picture in pictures:
        if picture.get("b64_json") is not None:
            brought.append(picture)
            continue
        url = as_text(picture.get("url"))
        if not url:
            return garbled("one of its pictures has neither a URL nor bytes")
        payload = _payload(url)
        if payload is None:
            got = yield Fetch(url)
            if not succeeded(got) or not got.body:
                return _unreachable(got)
            payload = base64.b64encode(got.body).decode()
        brought.append({"b64_json": payload} | {k: v for k, v in picture.items() if k not in ("url", "b64_json")})
    return brought


def told(question: Question, pictures: Sequence[JsonObject], losses: tuple[Loss, ...]) -> Answer:
    body = {"created": question.created, "data": pictures}
    return Answer(body=msgspec.json.encode(body), losses=losses)


def _payload(url: str) -> str | None:
    """The base64 of a `data:` URL."""
    if not url.startswith("data:"):
        return None
    head, inline, payload = url.partition(_INLINE)
    return payload if inline and len(head) < 200 else None


def _unreachable(got: Got) -> Failure:
    why = (
        f"its host answered with status {got.status}"
        if got.status
        else one_line(got.body.decode(errors="replace"))
    )
    # Not the account's fault, and another one would only make, and bill, a second picture.
    return Failure(
        kind="invalid_request",
        status=502,
        message=f"the picture was made but cannot be fetched: {why}; ask with response_format 'url'",
        code="picture_unreachable",
    )
