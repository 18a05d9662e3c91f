"""ComfyUI: a graph of nodes is queued, its history is looked at, and the files that it saved are brought.

Source: docs.comfy.org/development/comfyui-server/comms_routes. The graph is the one every ComfyUI opens with.
"""

import base64
import hashlib
from collections.abc import Generator
from typing import Final
from urllib.parse import quote, urlencode

import msgspec

from omniroute.dialects.failures import one_line
from omniroute.dialects.look import as_array, as_count, as_object, as_text, objects_in
from omniroute.dialects.objects import read_object
from omniroute.dialects.simple.base import Conversation, Got, Question, Send, Step
from omniroute.dialects.simple.image_answer import (
    MAX_PICTURES,
    check_format,
    check_prompt,
    count,
    no_pictures,
    only_bytes,
    told,
)
from omniroute.dialects.simple.image_size import pixels
from omniroute.dialects.simple.left_out import left_out
from omniroute.dialects.simple.polling import Pace, until_done
from omniroute.dialects.simple.provider_answer import answered, garbled, given_up, refused, succeeded
from omniroute.errors import InvalidRequest
from omniroute.ir.failure import Failure
from omniroute.ir.json import JsonObject

_SIDE: Final = 1024
_PACE: Final = Pace(every_s=2.0, limit_s=120.0)
_CARRIED: Final = ("prompt", "negative_prompt", "size", "n", "seed", "response_format")
_SEEDS: Final = 2**63


class ComfyUiImages:
    name = "images_comfyui"

    def check(self, question: Question) -> None:
        check_prompt(question)
        check_format(question)
        count(question)
        pixels(question.fields, _SIDE)
        _seed(question)

    def ask(self, question: Question) -> Conversation:
        got = yield Send(path="/prompt", body=msgspec.json.encode({"prompt": workflow(question)}))
        if not succeeded(got):
            return _with_node_errors(refused(got), got.body)
        said = answered(got)
        if isinstance(said, Failure):
            return said
        job = as_text(said.get("prompt_id"))
        if not job:
            return garbled("it holds no prompt_id")
        look = Send(method="GET", path=f"/history/{quote(job, safe='')}")
        files = yield from until_done(
            look, lambda seen: _files(seen, job), _PACE, began_s=got.elapsed_s, job="the picture"
        )
        if isinstance(files, Failure):
            return files
        pictures: list[JsonObject] = []
        for file in files:
            picture = yield from _brought(file)
            if isinstance(picture, Failure):
                return picture
            pictures.append(picture)
        return told(question, pictures, left_out(question, _CARRIED) + only_bytes(question))


def workflow(question: Question) -> JsonObject:
    """Text to picture with one checkpoint."""
    size = pixels(question.fields, _SIDE)
    negative = as_text(question.fields.get("negative_prompt")) or ""
    return {
        "3": _node(
            "KSampler",
            seed=_seed(question),
            steps=20,
            cfg=7,
            sampler_name="euler",
            scheduler="normal",
            denoise=1,
            model=["4", 0],
            positive=["6", 0],
            negative=["7", 0],
            latent_image=["5", 0],
        ),
        "4": _node("CheckpointLoaderSimple", ckpt_name=question.target.model),
        "5": _node("EmptyLatentImage", width=size.width, height=size.height, batch_size=count(question)),
        "6": _node("CLIPTextEncode", text=check_prompt(question), clip=["4", 1]),
        "7": _node("CLIPTextEncode", text=negative, clip=["4", 1]),
        "8": _node("VAEDecode", samples=["3", 0], vae=["4", 2]),
        "9": _node("SaveImage", filename_prefix="omniroute", images=["8", 0]),
    }


def _node(kind: str, **inputs: object) -> JsonObject:
    return {"class_type": kind, "inputs": inputs}


def _seed(question: Question) -> int:
    """The client's, else one that no other request has."""
    given = question.fields.get("seed")
    if given is None:
        return int.from_bytes(hashlib.sha256(question.token.encode()).digest()[:8]) % _SEEDS
    seed = as_count(given)
    if seed is None or not 0 <= seed < _SEEDS:
        raise InvalidRequest(f"seed {given!r} must be a whole number from 0 to 2**63 - 1")
    return seed


def _files(got: Got, job: str) -> list[JsonObject] | Failure | None:
    """The saved files of a finished job; None while it is queued or runs."""
    history = read_object(got.body)
    if history is None:
        return garbled("its history is not a JSON object")
    entry = as_object(history.get(job)) or {}
    status = as_object(entry.get("status")) or {}
    if status.get("status_str") == "error":
        return _broken(status)
    outputs = as_object(entry.get("outputs")) or {}
    files = [file for output in outputs.values() for file in objects_in((as_object(output) or {}).get("images"))]
    if files:
        return files[:MAX_PICTURES]
    return no_pictures() if status.get("completed") is True else None


def _brought(file: JsonObject) -> Generator[Step, Got, JsonObject | Failure]:
    named = {name: as_text(file.get(name)) or "" for name in ("filename", "subfolder", "type")}
    got = yield Send(method="GET", path="/view", query=urlencode(named))
    if not succeeded(got):
        return msgspec.structs.replace(refused(got), kind="server", status=502)
    if not got.body:
        return garbled("one of its pictures is empty")
    return {"b64_json": base64.b64encode(got.body).decode()}


def _broken(status: JsonObject) -> Failure:
    """Why a job failed, in the words of the node that did."""
    words = None
    for message in as_array(status.get("messages")) or ():
        for said in objects_in(message):
            words = as_text(said.get("exception_message")) or words
    return given_up(words, otherwise="a node of the workflow failed")


def _with_node_errors(failure: Failure, body: bytes) -> Failure:
    """A refused workflow says only that it is invalid; its nodes say what is wrong (mostly: no such model)."""
    nodes = as_object((read_object(body) or {}).get("node_errors")) or {}
    for node in nodes.values():
        for error in objects_in((as_object(node) or {}).get("errors")):
            details = one_line(error.get("details"))
            if details:
                return msgspec.structs.replace(failure, message=f"{failure.message}: {details}")
    return failure
