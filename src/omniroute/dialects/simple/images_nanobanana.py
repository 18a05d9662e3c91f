"""NanoBanana's API: a picture is a task, and a task is looked at until it is done.

Source: docs.nanobananaapi.ai (generate, generate-pro, record-info). `TEXTTOIAMGE` is how its wire spells it.
"""

from typing import Final
from urllib.parse import urlencode

import msgspec

from omniroute.dialects.base import Loss
from omniroute.dialects.failures import one_line
from omniroute.dialects.look import as_array, as_count, as_object, as_text
from omniroute.dialects.simple.base import Conversation, Got, Question, Send
from omniroute.dialects.simple.image_answer import (
    IMAGE_FIELDS,
    as_wanted,
    check_format,
    check_prompt,
    count,
    no_pictures,
    only_bytes,
    told,
)
from omniroute.dialects.simple.image_size import longest_side, ratio
from omniroute.dialects.simple.left_out import left_out
from omniroute.dialects.simple.polling import Pace, until_done
from omniroute.dialects.simple.provider_answer import answered, given_up
from omniroute.errors import InvalidRequest
from omniroute.ir.failure import Failure
from omniroute.ir.json import JsonObject, JsonValue

_EVERY_MS: Final = 2_500
_LIMIT_MS: Final = 120_000
_SHORTEST_MS: Final = 250
_LONGEST_MS: Final = 600_000
_DONE: Final = 1
_FAILED: Final = (2, 3)
_CARRIED: Final = ("prompt", "n", "size", "quality", "response_format", "poll_interval_ms", "timeout_ms")


class NanoBananaImages:
    name = "images_nanobanana"

    def check(self, question: Question) -> None:
        check_prompt(question)
        check_format(question)
        count(question)
        _pace(question.fields)

    def ask(self, question: Question) -> Conversation:
        pro = question.target.model.endswith("-pro")
        body = _pro_body(question) if pro else _body(question)
        got = yield Send(path="/generate-pro" if pro else "/generate", body=msgspec.json.encode(body))
        said = answered(got)
        if isinstance(said, Failure):
            return said
        pictures = _pictures(said)
        if not pictures:
            task = _task(said)
            if task is None:
                return _no_task(said)
            look = Send(method="GET", path="/record-info", query=urlencode({"taskId": task}))
            found = yield from until_done(
                look, _result, _pace(question.fields), began_s=got.elapsed_s, job="the picture"
            )
            if isinstance(found, Failure):
                return found
            pictures = found
        wanted = yield from as_wanted(question, pictures)
        if isinstance(wanted, Failure):
            return wanted
        return told(question, wanted, _losses(question, wanted, pro=pro))


def _body(question: Question) -> JsonObject:
    given = _given_images(question.fields)
    return {
        "prompt": check_prompt(question),
        "type": "IMAGETOIAMGE" if given else "TEXTTOIAMGE",
        "numImages": count(question),
        "image_size": ratio(question.fields).text,
    } | ({"imageUrls": given} if given else {})


def _pro_body(question: Question) -> JsonObject:
    given = _given_images(question.fields)
    return {
        "prompt": check_prompt(question),
        "resolution": _resolution(question.fields),
        "aspectRatio": ratio(question.fields).text,
    } | ({"imageUrls": given} if given else {})


def _resolution(fields: JsonObject) -> str:
    side = longest_side(fields) or 0
    if side > 2048:
        return "4K"
    return "2K" if side > 1024 or fields.get("quality") == "hd" else "1K"


def _given_images(fields: JsonObject) -> list[str]:
    for name in IMAGE_FIELDS:
        value = fields.get(name)
        urls = (
            [value]
            if isinstance(value, str)
            else [text for item in as_array(value) or () if (text := as_text(item))]
        )
        if urls:
            return urls
    return []


def _task(said: JsonObject) -> str | None:
    return as_text((as_object(said.get("data")) or {}).get("taskId")) or None


def _no_task(said: JsonObject) -> Failure:
    """Its refusals come as 200 with a `code` and a `msg`."""
    words = one_line(said.get("msg")) or "the provider neither made a picture nor took the task"
    code = as_count(said.get("code"))
    if code == 429:
        return Failure(kind="rate_limit", status=429, message=words)
    if code == 401:
        return Failure(kind="authentication", status=401, message=words)
    if code == 402:
        return Failure(kind="payment", status=402, message=words)
    return Failure(kind="server", status=502, message=words, code="no_task")


def _result(got: Got) -> list[JsonObject] | Failure | None:
    """What a look at the task shows; None while it is under way."""
    said = answered(got)
    if isinstance(said, Failure):
        return said
    task = as_object(said.get("data")) or {}
    flag = as_count(task.get("successFlag"))
    if flag in _FAILED:
        return given_up(task.get("errorMessage"), otherwise="the provider gave the task up")
    if flag != _DONE:
        return None
    return _pictures(as_object(task.get("response")) or {}) or _pictures(task) or no_pictures()


def _pictures(said: JsonObject) -> list[JsonObject]:
    """Wherever an answer holds pictures: as addresses, or as base64."""
    for name in ("resultImageUrls", "resultImageUrl", "originImageUrl"):
        found = [{"url": url} for url in _texts(said.get(name))]
        if found:
            return found
    for name in ("resultImageBase64List", "resultImageBase64"):
        found = [{"b64_json": text} for text in _texts(said.get(name))]
        if found:
            return found
    for name in ("images", "image", "data"):
        found = _loose(said.get(name))
        if found:
            return found
    return []


def _loose(value: JsonValue) -> list[JsonObject]:
    """Pictures of an answer that came at once: texts, or objects with `url` or `b64_json`."""
    items = as_array(value)
    found: list[JsonObject] = []
    for item in (value,) if items is None else items:
        fields = as_object(item) or {}
        url, inline = as_text(fields.get("url")), as_text(fields.get("b64_json"))
        text = as_text(item)
        if url or (text and text.startswith(("https://", "http://", "data:"))):
            found.append({"url": url or text})
        elif inline or text:
            found.append({"b64_json": inline or text})
    return found


def _texts(value: JsonValue) -> list[str]:
    values = as_array(value)
    return [text for item in ((value,) if values is None else values) if (text := as_text(item))]


def _pace(fields: JsonObject) -> Pace:
    return Pace(
        every_s=_milliseconds(fields, "poll_interval_ms", _EVERY_MS) / 1000,
        limit_s=_milliseconds(fields, "timeout_ms", _LIMIT_MS) / 1000,
    )


def _milliseconds(fields: JsonObject, name: str, default: int) -> int:
    given = fields.get(name)
    value = default if given is None else as_count(given)
    if value is None or not _SHORTEST_MS <= value <= _LONGEST_MS:
        raise InvalidRequest(f"{name} {given!r} must be a number of ms from {_SHORTEST_MS} to {_LONGEST_MS}")
    return value


def _losses(question: Question, pictures: list[JsonObject], *, pro: bool) -> tuple[Loss, ...]:
    losses = left_out(question, (*_CARRIED, *IMAGE_FIELDS))
    if pro and count(question) > 1:
        losses += (Loss(path="n", what="n", how="dropped", weight="quality"),)
    if not pro and question.fields.get("quality") is not None:
        losses += (Loss(path="quality", what="quality", how="dropped", weight="quality"),)
    if not ratio(question.fields).exact:
        losses += (Loss(path="size", what="pixels", how="approximated", weight="quality"),)
    return losses + (only_bytes(question) if any("b64_json" in picture for picture in pictures) else ())
