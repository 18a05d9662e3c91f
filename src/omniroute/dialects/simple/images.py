"""OpenAI's image wire, which many providers have taken over: one request, and the answer is passed on.

Source: platform.openai.com/docs/api-reference/images/create.
"""

from collections.abc import Collection
from typing import Final

import msgspec

from omniroute.dialects.look import objects_in
from omniroute.dialects.simple.base import Answer, Conversation, Question, Send
from omniroute.dialects.simple.event_meter import EventMeter
from omniroute.dialects.simple.image_answer import as_wanted, check_prompt, no_pictures
from omniroute.dialects.simple.left_out import left_out, without
from omniroute.dialects.simple.plain import patched
from omniroute.dialects.simple.provider_answer import answered
from omniroute.dialects.simple.usage import usage_in
from omniroute.ir.failure import Failure

UNSIZED: Final = ("size", "quality", "style")
"""What xAI's models ignore (docs.x.ai/docs/guides/image-generations): better dropped and said than sent."""


class Images:
    """`ignored` are fields that the provider has no use for."""

    def __init__(self, name: str = "images", *, ignored: Collection[str] = ()) -> None:
        self._name = name
        self._ignored = frozenset(ignored)

    @property
    def name(self) -> str:
        return self._name

    def check(self, question: Question) -> None:
        check_prompt(question, image_instead=True)

    def ask(self, question: Question) -> Conversation:
        stream = question.fields.get("stream") is True
        got = yield Send(
            path=question.path or "/images/generations",
            body=self._body(question),
            relay=stream,
            meter=EventMeter() if stream else None,
        )
        said = answered(got)
        if isinstance(said, Failure):
            return said
        given = objects_in(said.get("data"))
        if not given:
            return no_pictures()
        pictures = yield from as_wanted(question, given)
        if isinstance(pictures, Failure):
            return pictures
        body = got.body
        if pictures != given or "created" not in said:
            body = msgspec.json.encode({"created": question.created} | said | {"data": pictures})
        losses = left_out(question, carried=question.fields.keys() - self._ignored)
        return Answer(body=body, usage=usage_in(said), losses=losses)

    def _body(self, question: Question) -> bytes:
        if not self._ignored & question.fields.keys():
            return patched(question)
        return msgspec.json.encode(without(question.fields, self._ignored) | {"model": question.target.model})
