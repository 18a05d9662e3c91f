"""Hyperbolic's image wire: pixels as two fields, pictures as base64.

Source: docs.hyperbolic.xyz/docs/image-generation.
"""

from typing import Final

import msgspec

from omniroute.dialects.look import as_array, as_object
from omniroute.dialects.simple.base import Conversation, Question, Send
from omniroute.dialects.simple.image_answer import check_format, check_prompt, from_base64, only_bytes, told
from omniroute.dialects.simple.image_size import pixels
from omniroute.dialects.simple.left_out import left_out, without
from omniroute.dialects.simple.provider_answer import answered
from omniroute.ir.failure import Failure

_SIDE: Final = 1024
_NATIVE: Final = ("steps", "cfg_scale", "seed", "negative_prompt", "strength", "image", "enable_refiner")
"""Fields of its own that a client may give as they are."""


class HyperbolicImages:
    name = "images_hyperbolic"

    def check(self, question: Question) -> None:
        check_prompt(question)
        check_format(question)
        pixels(question.fields, _SIDE)

    def ask(self, question: Question) -> Conversation:
        prompt = check_prompt(question)
        size = pixels(question.fields, _SIDE)
        native = {name: value for name, value in without(question.fields, ()).items() if name in _NATIVE}
        body = native | {
            "model_name": question.target.model,
            "prompt": prompt,
            "height": size.height,
            "width": size.width,
            "backend": "auto",
        }
        got = yield Send(path="/image/generation", body=msgspec.json.encode(body))
        said = answered(got)
        if isinstance(said, Failure):
            return said
        images = [(as_object(item) or {}).get("image") for item in as_array(said.get("images")) or ()]
        pictures = from_base64(images, revised_prompt=prompt)
        if isinstance(pictures, Failure):
            return pictures
        carried = ("prompt", "size", "response_format", *_NATIVE)
        return told(question, pictures, left_out(question, carried) + only_bytes(question))
