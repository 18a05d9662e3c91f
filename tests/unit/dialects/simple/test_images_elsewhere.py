"""Image wires of their own: Hyperbolic's and NanoBanana's."""

import msgspec
import pytest

from omniroute.dialects.base import Loss
from omniroute.dialects.simple.base import Fetch, Got, Send, Wait
from omniroute.dialects.simple.images_hyperbolic import HyperbolicImages
from omniroute.dialects.simple.images_nanobanana import NanoBananaImages
from omniroute.errors import InvalidRequest
from tests.support.conversing import asked, image_question, said

HYPERBOLIC = HyperbolicImages()
NANO = NanoBananaImages()
AT = "https://files.example/fox.png"
TAKEN = said({"code": 200, "msg": "success", "data": {"taskId": "t&1"}})
RUNNING = said({"code": 200, "data": {"taskId": "t&1", "successFlag": 0}})
DONE = said({"code": 200, "data": {"successFlag": 1, "response": {"resultImageUrl": AT}}})


def test_hyperbolic_is_asked_in_its_own_words() -> None:
    held = asked(HYPERBOLIC, image_question(size="512x768", seed=3), said({"images": [{"image": "AAA="}]}))
    assert held.sends[0].path == "/image/generation"
    assert msgspec.json.decode(held.sends[0].body) == {
        "seed": 3,
        "model_name": "paint-1",
        "prompt": "a red fox",
        "height": 768,
        "width": 512,
        "backend": "auto",
    }
    assert held.json == {
        "created": 1_700_000_000,
        "data": [{"b64_json": "AAA=", "revised_prompt": "a red fox"}],
    }
    assert held.answer.losses == ()


def test_hyperbolic_makes_one_picture_and_says_so() -> None:
    held = asked(HYPERBOLIC, image_question(n=2), said({"images": [{"image": "AAA="}]}))
    assert held.answer.losses == (Loss(path="n", what="n", how="dropped", weight="quality"),)


@pytest.mark.parametrize("answer", [{}, {"images": []}, {"images": ["AAA="]}, {"images": [{"image": None}]}])
def test_hyperbolic_without_a_picture_is_a_failure(answer: dict[str, object]) -> None:
    assert asked(HYPERBOLIC, image_question(), said(answer)).failure.status == 502


def test_a_task_is_looked_at_until_it_is_done() -> None:
    held = asked(NANO, image_question(size="1792x1024", n=2), TAKEN, RUNNING, DONE)
    assert msgspec.json.decode(held.sends[0].body) == {
        "prompt": "a red fox",
        "type": "TEXTTOIAMGE",
        "numImages": 2,
        "image_size": "16:9",
    }
    look = Send(method="GET", path="/record-info", query="taskId=t%261")
    assert held.sends[0].path == "/generate"
    assert held.steps[1:] == [Wait(2.5), look, Wait(2.5), look]
    assert held.json == {"created": 1_700_000_000, "data": [{"url": AT}]}
    assert held.answer.losses == (Loss(path="size", what="pixels", how="approximated", weight="quality"),)


def test_pictures_to_start_from_make_it_another_kind_of_task() -> None:
    held = asked(NANO, image_question(image_urls=[AT], size="4:3"), TAKEN, DONE)
    body = msgspec.json.decode(held.sends[0].body)
    assert (body["type"], body["imageUrls"], body["image_size"]) == ("IMAGETOIAMGE", [AT], "4:3")


@pytest.mark.parametrize(
    ("wish", "resolution"),
    [
        ({}, "1K"),
        ({"size": "1024x1024"}, "1K"),
        ({"size": "1792x1024"}, "2K"),
        ({"size": "4096x4096"}, "4K"),
        ({"quality": "hd"}, "2K"),
        ({"quality": "hd", "size": "4096x4096"}, "4K"),
    ],
)
def test_the_pro_model_knows_resolutions(wish: dict[str, object], resolution: str) -> None:
    held = asked(NANO, image_question("nanobanana-pro", **wish), TAKEN, DONE)
    body = msgspec.json.decode(held.sends[0].body)
    assert (held.sends[0].path, body["resolution"]) == ("/generate-pro", resolution)


@pytest.mark.parametrize(
    ("answer", "pictures"),
    [
        ({"image": "AAA="}, [{"b64_json": "AAA="}]),
        ({"images": [AT, {"b64_json": "AAA="}]}, [{"url": AT}, {"b64_json": "AAA="}]),
        ({"data": [{"url": AT}]}, [{"url": AT}]),
    ],
)
def test_pictures_that_come_at_once_need_no_task(answer: dict[str, object], pictures: list[object]) -> None:
    held = asked(NANO, image_question(), said(answer))
    assert (len(held.steps), held.json["data"]) == (1, pictures)


@pytest.mark.parametrize(
    ("result", "pictures"),
    [
        ({"resultImageUrls": [AT, AT]}, [{"url": AT}, {"url": AT}]),
        ({"originImageUrl": AT}, [{"url": AT}]),
        ({"resultImageBase64List": ["AAA="]}, [{"b64_json": "AAA="}]),
        ({"resultImageBase64": "AAA="}, [{"b64_json": "AAA="}]),
    ],
)
def test_every_place_of_a_result_is_known(result: dict[str, object], pictures: list[object]) -> None:
    for task in ({"response": result}, result):
        held = asked(NANO, image_question(), TAKEN, said({"data": {"successFlag": 1} | task}))
        assert held.json["data"] == pictures


def test_the_bytes_of_a_result_are_brought_when_they_are_wanted() -> None:
    held = asked(NANO, image_question(response_format="b64_json"), TAKEN, DONE, Got(status=200, body=b"fox"))
    assert held.steps[-1] == Fetch(AT)
    assert held.json["data"] == [{"b64_json": "Zm94"}]


@pytest.mark.parametrize("flag", [2, 3])
def test_a_task_that_fails_says_why(flag: int) -> None:
    held = asked(
        NANO, image_question(), TAKEN, said({"data": {"successFlag": flag, "errorMessage": "unsafe prompt"}})
    )
    assert (held.failure.status, held.failure.message) == (502, "unsafe prompt")


def test_a_task_that_never_ends_is_given_up_when_the_client_said() -> None:
    held = asked(NANO, image_question(poll_interval_ms=1000, timeout_ms=5000), TAKEN, RUNNING)
    assert (held.waited_s, held.failure.status) == (5.0, 504)


def test_a_task_that_never_ends_is_given_up_after_two_minutes() -> None:
    held = asked(NANO, image_question(), TAKEN, RUNNING)
    assert (held.waited_s, held.failure.status, held.failure.code) == (120.0, 504, "upstream_timeout")


@pytest.mark.parametrize("wrong", [{"poll_interval_ms": 1}, {"timeout_ms": 10**9}, {"timeout_ms": "soon"}])
def test_a_pace_that_would_harm_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidRequest, match="number of ms"):
        NANO.check(image_question(**wrong))


@pytest.mark.parametrize(
    ("refusal", "status", "kind"),
    [
        ({"code": 402, "msg": "no credits"}, 402, "payment"),
        ({"code": 401, "msg": "bad key"}, 401, "authentication"),
        ({"code": 429, "msg": "slow down"}, 429, "rate_limit"),
        ({"code": 501, "msg": "broken"}, 502, "server"),
        ({}, 502, "server"),
    ],
)
def test_a_refusal_that_comes_as_200_is_one(refusal: dict[str, object], status: int, kind: str) -> None:
    failure = asked(NANO, image_question(), said(refusal)).failure
    assert (failure.status, failure.kind) == (status, kind)
    assert failure.message == refusal.get("msg", "the provider neither made a picture nor took the task")


def test_a_provider_that_cannot_be_asked_for_a_moment_is_asked_again() -> None:
    busy = Got(status=503)
    assert asked(NANO, image_question(), TAKEN, busy, busy, busy, DONE).json["data"] == [{"url": AT}]


def test_a_provider_that_cannot_be_asked_any_more_is_not() -> None:
    held = asked(NANO, image_question(), TAKEN, Got(status=503))
    assert (len(held.sends), held.failure.status) == (5, 503)
