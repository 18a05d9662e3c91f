"""OpenAI's image wire: what goes out, what comes back, and pictures that lie elsewhere."""

import base64

import msgspec
import pytest

from omniroute.dialects.base import Loss
from omniroute.dialects.simple.base import Fetch, Got, Send
from omniroute.dialects.simple.images import UNSIZED, Images
from omniroute.errors import InvalidRequest
from omniroute.ir.failure import Failure
from tests.support.conversing import asked, image_question, said

IMAGES = Images()
PIXELS = b"\x89PNG fox"
AT = "https://files.example/fox.png"


def test_the_body_goes_out_as_it_came_but_for_the_model() -> None:
    question = image_question(size="1024x1024", quality="hd", unknown={"b": 1, "a": 2})
    held = asked(IMAGES, question, said({"created": 1, "data": [{"url": AT}]}))
    assert held.sends == [
        Send(
            path="/images/generations",
            body=b'{"model":"paint-1","prompt":"a red fox","size":"1024x1024","quality":"hd",'
            b'"unknown":{"b":1,"a":2}}',
        )
    ]


def test_the_providers_answer_is_passed_on_as_it_came() -> None:
    body = b'{"created": 5, "data": [{"url": "https://files.example/a", "revised_prompt": "x"}], "more": 1e2}'
    assert asked(IMAGES, image_question(), Got(status=200, body=body)).answer.body == body


def test_a_row_can_name_another_path() -> None:
    held = asked(IMAGES, image_question(path="/pictures"), said({"created": 1, "data": [{"url": AT}]}))
    assert held.sends[0].path == "/pictures"


def test_an_answer_without_a_time_gets_ours() -> None:
    held = asked(IMAGES, image_question(), said({"data": [{"url": AT}]}))
    assert held.json == {"created": 1_700_000_000, "data": [{"url": AT}]}


def test_tokens_are_counted_where_the_provider_counts_them() -> None:
    usage = {"input_tokens": 12, "output_tokens": 4160, "total_tokens": 4172}
    held = asked(IMAGES, image_question(), said({"created": 1, "data": [{"b64_json": "AA"}], "usage": usage}))
    assert held.answer.usage is not None
    assert (held.answer.usage.input, held.answer.usage.output) == (12, 4160)


def test_a_picture_elsewhere_is_brought_when_its_bytes_are_wanted() -> None:
    given = said({"created": 1, "data": [{"url": AT, "revised_prompt": "a fox"}]})
    held = asked(IMAGES, image_question(response_format="b64_json"), given, Got(status=200, body=PIXELS))
    assert held.steps[1:] == [Fetch(AT)]
    assert held.json["data"] == [{"b64_json": base64.b64encode(PIXELS).decode(), "revised_prompt": "a fox"}]


def test_a_data_url_is_no_reason_to_ask_anybody() -> None:
    given = said({"created": 1, "data": [{"url": "data:image/png;base64,QUJD"}]})
    held = asked(IMAGES, image_question(response_format="b64_json"), given)
    assert (len(held.steps), held.json["data"]) == (1, [{"b64_json": "QUJD"}])


def test_bytes_stay_bytes_when_a_url_was_wanted() -> None:
    given = said({"created": 1, "data": [{"b64_json": "QUJD"}]})
    assert asked(IMAGES, image_question(response_format="url"), given).json["data"] == [{"b64_json": "QUJD"}]


def test_a_picture_that_cannot_be_brought_is_not_made_twice() -> None:
    given = said({"created": 1, "data": [{"url": AT}]})
    held = asked(IMAGES, image_question(response_format="b64_json"), given, Got(status=403))
    assert (held.failure.status, held.failure.kind) == (502, "invalid_request")
    assert "cannot be fetched: its host answered with status 403" in held.failure.message


def test_more_pictures_than_anybody_may_ask_for_are_not_fetched() -> None:
    given = said({"created": 1, "data": [{"url": AT}] * 11})
    held = asked(IMAGES, image_question(response_format="b64_json"), given)
    assert (len(held.steps), held.failure.kind) == (1, "protocol")


def test_fields_that_a_provider_ignores_are_dropped_and_said() -> None:
    held = asked(
        Images("images_unsized", ignored=UNSIZED),
        image_question(size="1024x1024", n=2, style=None),
        said({"created": 1, "data": [{"url": AT}]}),
    )
    assert msgspec.json.decode(held.sends[0].body) == {"model": "paint-1", "prompt": "a red fox", "n": 2}
    assert held.answer.losses == (Loss(path="size", what="size", how="dropped", weight="quality"),)


def test_a_stream_is_relayed() -> None:
    codec = IMAGES.ask(image_question(stream=True))
    step = next(codec)
    assert isinstance(step, Send)
    assert (step.relay, step.meter is not None) == (True, True)


@pytest.mark.parametrize("prompt", [..., "", "  ", 7, None, []])
def test_a_prompt_is_required(prompt: object) -> None:
    with pytest.raises(InvalidRequest, match="Prompt is required for image model: up/paint-1"):
        IMAGES.check(image_question(prompt=prompt))


def test_a_picture_to_start_from_stands_in_for_the_prompt() -> None:
    assert asked(
        IMAGES, image_question(prompt=..., image_url=AT), said({"created": 1, "data": [{"url": AT}]})
    ).answer


@pytest.mark.parametrize(
    ("reply", "failure"),
    [
        (
            said({"error": {"message": "billing hard limit", "code": "billing_hard_limit_reached"}}, 400),
            ("invalid_request", 400, "billing hard limit", "billing_hard_limit_reached"),
        ),
        (said({"error": "no such model"}, 404), ("not_found", 404, "no such model", None)),
        (said({"detail": [{"msg": "size: bad"}]}, 422), ("invalid_request", 422, "size: bad", None)),
        (
            Got(status=503, body=b"<html>busy</html>"),
            ("overloaded", 503, "the provider answered with status 503", None),
        ),
        (
            Got(status=302, body=b""),
            ("protocol", 502, "the provider answered with status 302", "upstream_protocol"),
        ),
        (said({"created": 1, "data": []}), ("empty", 502, "the provider returned no picture", "empty_answer")),
        (
            Got(status=200, body=b"[" * 100_000),
            (
                "protocol",
                502,
                "the provider's answer cannot be used: it is not a JSON object",
                "upstream_protocol",
            ),
        ),
        (said({"error": {"message": "quota exceeded"}}), ("rate_limit", 429, "quota exceeded", None)),
    ],
)
def test_what_goes_wrong_is_said_in_the_providers_words(
    reply: Got, failure: tuple[str, int, str, str | None]
) -> None:
    told: Failure = asked(IMAGES, image_question(), reply).failure
    assert (told.kind, told.status, told.message, told.code) == failure
