"""Image servers on one's own machine: Stable Diffusion WebUI and ComfyUI."""

import base64

import msgspec
import pytest

from omniroute.dialects.base import Loss
from omniroute.dialects.simple.base import Got, Send, Wait
from omniroute.dialects.simple.images_comfyui import ComfyUiImages, workflow
from omniroute.dialects.simple.images_sdwebui import SdWebuiImages
from omniroute.errors import InvalidRequest
from tests.support.conversing import asked, image_question, said

WEBUI = SdWebuiImages()
COMFY = ComfyUiImages()
PIXELS = b"\x89PNG fox"
FILE = {"filename": "omniroute_00001_.png", "subfolder": "a b", "type": "output"}
QUEUED = said({"prompt_id": "job/1", "number": 3, "node_errors": {}})
SAVED = said({"job/1": {"outputs": {"9": {"images": [FILE]}}, "status": {"status_str": "success"}}})


def test_the_webui_is_told_checkpoint_pixels_and_number() -> None:
    held = asked(WEBUI, image_question(n=2, size="768x512", steps=30), said({"images": ["AAA=", "BBB="]}))
    assert [step.path for step in held.sends] == ["/sdapi/v1/txt2img"]
    assert msgspec.json.decode(held.sends[0].body) == {
        "prompt": "a red fox",
        "negative_prompt": "",
        "width": 768,
        "height": 512,
        "steps": 30,
        "cfg_scale": 7,
        "sampler_name": "Euler a",
        "batch_size": 2,
        "override_settings": {"sd_model_checkpoint": "paint-1"},
    }
    assert held.json == {"created": 1_700_000_000, "data": [{"b64_json": "AAA="}, {"b64_json": "BBB="}]}


def test_the_grid_that_the_webui_puts_first_is_left_away() -> None:
    held = asked(WEBUI, image_question(n=2), said({"images": ["GRID", "AAA=", "data:image/png;base64,BBB="]}))
    assert held.json["data"] == [{"b64_json": "AAA="}, {"b64_json": "BBB="}]


def test_what_the_webui_has_no_place_for_is_said() -> None:
    held = asked(WEBUI, image_question(quality="hd", user="u", response_format="url"), said({"images": ["AAA="]}))
    assert held.answer.losses == (
        Loss(path="quality", what="quality", how="dropped", weight="quality"),
        Loss(path="response_format", what="url", how="approximated", weight="quality"),
    )


@pytest.mark.parametrize("images", [[], [""], [7], "AAA", None])
def test_a_webui_answer_without_pictures_is_a_failure(images: object) -> None:
    assert asked(WEBUI, image_question(), said({"images": images})).failure.status == 502


@pytest.mark.parametrize(
    "wrong", [{"n": 0}, {"n": 11}, {"n": "many"}, {"n": True}, {"size": "16:9"}, {"response_format": "png"}]
)
@pytest.mark.parametrize("codec", [WEBUI, COMFY])
def test_a_wish_that_cannot_be_is_refused_before_anything_is_sent(
    codec: SdWebuiImages | ComfyUiImages, wrong: dict[str, object]
) -> None:
    with pytest.raises(InvalidRequest, match=repr(next(iter(wrong.values())))):
        codec.check(image_question(**wrong))


def test_comfyui_is_queued_looked_at_and_its_files_are_brought() -> None:
    running = said({})
    held = asked(COMFY, image_question(), QUEUED, running, running, SAVED, Got(status=200, body=PIXELS))
    look = Send(method="GET", path="/history/job%2F1")
    assert held.steps[1:] == [
        *(Wait(2.0), look) * 3,
        Send(method="GET", path="/view", query="filename=omniroute_00001_.png&subfolder=a+b&type=output"),
    ]
    assert held.json["data"] == [{"b64_json": base64.b64encode(PIXELS).decode()}]


def test_the_workflow_is_the_one_that_comfyui_opens_with() -> None:
    nodes = workflow(image_question(n=3, size="512x768", seed=7, negative_prompt="rain"))
    assert {number: node["class_type"] for number, node in nodes.items()} == {
        "3": "KSampler",
        "4": "CheckpointLoaderSimple",
        "5": "EmptyLatentImage",
        "6": "CLIPTextEncode",
        "7": "CLIPTextEncode",
        "8": "VAEDecode",
        "9": "SaveImage",
    }
    assert nodes["3"]["inputs"]["seed"] == 7
    assert nodes["4"]["inputs"] == {"ckpt_name": "paint-1"}
    assert nodes["5"]["inputs"] == {"width": 512, "height": 768, "batch_size": 3}
    assert (nodes["6"]["inputs"]["text"], nodes["7"]["inputs"]["text"]) == ("a red fox", "rain")


def test_every_request_has_a_seed_of_its_own() -> None:
    question = image_question()
    other = msgspec.structs.replace(question, token="token-2")
    seeds = [workflow(each)["3"]["inputs"]["seed"] for each in (question, question, other)]
    assert seeds[0] == seeds[1] != seeds[2]


def test_a_job_that_does_not_end_is_given_up_after_two_minutes() -> None:
    held = asked(COMFY, image_question(), QUEUED, said({}))
    assert (held.waited_s, held.failure.status, held.failure.kind) == (120.0, 504, "timeout")
    assert "has not finished the picture within 120 s" in held.failure.message


def test_a_node_that_fails_is_quoted() -> None:
    status = {
        "status_str": "error",
        "messages": [
            ["execution_start", {}],
            ["execution_error", {"exception_message": "CUDA out of memory\nTraceback"}],
        ],
    }
    held = asked(COMFY, image_question(), QUEUED, said({"job/1": {"status": status, "outputs": {}}}))
    assert (held.failure.status, held.failure.message) == (502, "CUDA out of memory")


def test_an_unknown_checkpoint_is_named() -> None:
    refusal = {
        "error": {
            "type": "prompt_outputs_failed_validation",
            "message": "Prompt outputs failed validation",
            "details": "",
        },
        "node_errors": {"4": {"errors": [{"details": "ckpt_name: 'paint-1' not in ['sdxl']"}]}},
    }
    held = asked(COMFY, image_question(), said(refusal, 400))
    assert (held.failure.status, held.failure.message) == (
        400,
        "Prompt outputs failed validation: ckpt_name: 'paint-1' not in ['sdxl']",
    )


@pytest.mark.parametrize(
    "replies",
    [
        [said({})],
        [QUEUED, Got(status=404)],
        [QUEUED, said([])],
        [QUEUED, SAVED, Got(status=404)],
        [QUEUED, SAVED, Got(status=200)],
        [QUEUED, said({"job/1": {"outputs": {}, "status": {"completed": True}}})],
    ],
)
def test_whatever_else_goes_wrong_is_a_failure(replies: list[Got]) -> None:
    assert asked(COMFY, image_question(), *replies).failure.status == 502
