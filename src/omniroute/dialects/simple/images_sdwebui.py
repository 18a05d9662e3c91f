"""The API of Stable Diffusion WebUI (started with --api): one request that waits until the pictures are there.

Source: github.com/AUTOMATIC1111/stable-diffusion-webui/wiki/API.
"""

from typing import Final

import msgspec

from omniroute.dialects.look import as_array
from omniroute.dialects.simple.base import Conversation, Question, Send
from omniroute.dialects.simple.image_answer import (
    check_format,
    check_prompt,
    count,
    from_base64,
    only_bytes,
    told,
)
from omniroute.dialects.simple.image_size import pixels
from omniroute.dialects.simple.left_out import left_out, without
from omniroute.dialects.simple.provider_answer import answered
from omniroute.ir.failure import Failure
from omniroute.ir.json import JsonObject

_SIDE: Final = 512
_DEFAULTS: Final = {"negative_prompt": "", "steps": 20, "cfg_scale": 7, "sampler_name": "Euler a"}
_NATIVE: Final = (*_DEFAULTS, "seed", "scheduler", "styles")
"""Fields of its own that a client may give as they are."""


class SdWebuiImages:
    name = "images_sdwebui"

    def check(self, question: Question) -> None:
        check_prompt(question)
        check_format(question)
        count(question)
        pixels(question.fields, _SIDE)

    def ask(self, question: Question) -> Conversation:
        got = yield Send(path="/sdapi/v1/txt2img", body=msgspec.json.encode(_body(question)))
        said = answered(got)
        if isinstance(said, Failure):
            return said
        # A grid of all pictures may come first; what was asked for is what comes last.
        images = list(as_array(said.get("images")) or ())[-count(question) :]
        pictures = from_base64(images)
        if isinstance(pictures, Failure):
            return pictures
        carried = ("prompt", "size", "n", "response_format", *_NATIVE)
        return told(question, pictures, left_out(question, carried) + only_bytes(question))


def _body(question: Question) -> JsonObject:
    size = pixels(question.fields, _SIDE)
    native = {name: value for name, value in without(question.fields, ()).items() if name in _NATIVE}
    return {
        **_DEFAULTS,
        **native,
        "prompt": check_prompt(question),
        "width": size.width,
        "height": size.height,
        "batch_size": count(question),
        "override_settings": {"sd_model_checkpoint": question.target.model},
    }
