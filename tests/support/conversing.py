"""Holding a codec's conversation without a network: replies from a script, and a watch that Wait moves."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import msgspec

from omniroute.dialects.simple.base import (
    Answer,
    Codec,
    Conversation,
    Fetch,
    Got,
    Question,
    Send,
    Step,
    Upload,
    Wait,
)
from omniroute.ir.failure import Failure
from omniroute.ir.target import Target

MAX_STEPS = 2000
"""No conversation is as long: one that gets there does not end."""


@dataclass
class Held:
    """A conversation that was held: what it asked for, and how it ended. `waited_s` is the sum of its waits."""

    steps: list[Step] = field(default_factory=list)
    result: Answer | Failure | None = None
    waited_s: float = 0.0

    @property
    def sends(self) -> list[Send]:
        return [step for step in self.steps if isinstance(step, Send)]

    @property
    def failure(self) -> Failure:
        assert isinstance(self.result, Failure), self.result
        return self.result

    @property
    def answer(self) -> Answer:
        assert isinstance(self.result, Answer), self.result
        return self.result

    @property
    def json(self) -> dict:
        return msgspec.json.decode(self.answer.body)


def hold(conversation: Conversation, reply: Callable[[Send | Fetch], Got]) -> Held:
    """Answers every step with `reply`; a wait takes as long as it says and anything else no time."""
    held = Held()
    got: Got | None = None
    try:
        while True:
            step = next(conversation) if got is None else conversation.send(got)
            held.steps.append(step)
            assert len(held.steps) < MAX_STEPS, "the conversation does not end"
            if isinstance(step, Wait):
                held.waited_s += step.seconds
                got = Got(elapsed_s=held.waited_s)
            else:
                got = msgspec.structs.replace(reply(step), elapsed_s=held.waited_s)
    except StopIteration as end:
        held.result = end.value
    return held


def asked(codec: Codec, question: Question, *replies: Got) -> Held:
    """Checks and asks. The last of `replies` is given as often as it is wanted."""
    codec.check(question)
    given = iter(replies)
    last = Got()

    def reply(step: Send | Fetch) -> Got:
        nonlocal last
        last = next(given, last)
        return last

    return hold(codec.ask(question), reply)


def said(value: object, status: int = 200, **headers: str) -> Got:
    """A reply in JSON."""
    return Got(status=status, headers=headers, body=msgspec.json.encode(value))


def image_question(model: str = "paint-1", *, path: str | None = None, **fields: object) -> Question:
    """A JSON question for pictures; `fields` are added to `prompt`."""
    body = {"model": f"up/{model}", "prompt": "a red fox"} | fields
    body = {name: value for name, value in body.items() if value is not ...}
    return _question(model, body, msgspec.json.encode(body), path=path)


def text_question(model: str = "small-1", *, path: str | None = None, **fields: object) -> Question:
    """A JSON question that holds `fields` beside its model."""
    body = {"model": f"up/{model}"} | fields
    return _question(model, body, msgspec.json.encode(body), path=path)


def audio_question(
    model: str = "hear-1",
    *,
    filename: str = "talk.mp3",
    content_type: str = "",
    data: bytes = b"ID3 sound",
    uploads: Iterable[Upload] | None = None,
    **fields: object,
) -> Question:
    """A form with one file."""
    file = Upload(field="file", filename=filename, content_type=content_type, data=data)
    form: dict = {"model": f"up/{model}"} | fields
    given = (file,) if uploads is None else tuple(uploads)
    return _question(model, form, b"", content_type="multipart/form-data", uploads=given)


def _question(
    model: str,
    fields: dict,
    raw: bytes,
    *,
    path: str | None = None,
    content_type: str = "application/json",
    uploads: tuple[Upload, ...] = (),
) -> Question:
    return Question(
        target=Target(provider="up", model=model, dialect="simple"),
        fields=fields,
        raw=raw,
        token="token-1",
        created=1_700_000_000,
        shown_model=f"up/{model}",
        path=path,
        content_type=content_type,
        uploads=uploads,
    )
