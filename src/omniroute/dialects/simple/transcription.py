"""OpenAI's transcription wire, which most providers have taken over: a form goes there, and what comes back is
passed on in its own content type.

Source: platform.openai.com/docs/api-reference/audio/createTranscription.
"""

from collections.abc import Iterator
from typing import Final

from omniroute.dialects.look import as_array, as_text
from omniroute.dialects.objects import read_object
from omniroute.dialects.simple.audio_file import audio
from omniroute.dialects.simple.base import Answer, Conversation, Question, Send
from omniroute.dialects.simple.event_meter import EventMeter
from omniroute.dialects.simple.form_body import form
from omniroute.dialects.simple.left_out import left_out
from omniroute.dialects.simple.provider_answer import answered, garbled, refused, succeeded
from omniroute.dialects.simple.transcript import Transcript, shown, wanted_format
from omniroute.dialects.simple.usage import usage_in
from omniroute.ir.failure import Failure
from omniroute.ir.json import JsonValue

_PATH: Final = "/audio/transcriptions"
_PLAIN: Final = "text/plain; charset=utf-8"


class Transcription:
    """Passes on every field of the form."""

    name = "transcription"

    def check(self, question: Question) -> None:
        audio(question)

    def ask(self, question: Question) -> Conversation:
        sent = form(_texts(question), question.uploads, question.token)
        stream = as_text(question.fields.get("stream")) in ("true", "True", "1")
        got = yield Send(
            path=question.path or _PATH,
            body=sent.body,
            content_type=sent.content_type,
            relay=stream,
            meter=EventMeter() if stream else None,
        )
        if not succeeded(got):
            return refused(got)
        said = read_object(got.body)
        if said is not None:
            checked = answered(got)
            if isinstance(checked, Failure):
                return checked
        elif question.fields.get("response_format") in (None, "json", "verbose_json"):
            return garbled("it is not a JSON object")
        return Answer(
            body=got.body,
            content_type=got.headers.get("content-type") or ("application/json" if said is not None else _PLAIN),
            usage=usage_in(said or {}),
        )


class BareTranscription:
    """Providers that take the file and the model, and answer with a text (docs.nvidia.com/nim/riva)."""

    name = "transcription_bare"

    def check(self, question: Question) -> None:
        audio(question)
        wanted_format(question, ("json", "text", "verbose_json"))

    def ask(self, question: Question) -> Conversation:
        sent = form([("model", question.target.model)], [audio(question)], question.token)
        got = yield Send(path=question.path or _PATH, body=sent.body, content_type=sent.content_type)
        said = answered(got)
        if isinstance(said, Failure):
            return said
        text = as_text(said.get("text", said.get("transcript")))
        if text is None:
            return garbled("it holds neither text nor transcript")
        return with_losses(shown(Transcript(text=text), question), question, ("response_format",))


def with_losses(answer: Answer, question: Question, carried: tuple[str, ...]) -> Answer:
    """`answer`, and what of the question the provider was not told."""
    return Answer(
        body=answer.body, content_type=answer.content_type, losses=left_out(question, ("file", *carried))
    )


def _texts(question: Question) -> Iterator[tuple[str, str]]:
    """The fields of the form, a repeated one as often as it came, with the provider's own name of the model."""
    yield "model", question.target.model
    for name, value in question.fields.items():
        if name == "model":
            continue
        values: JsonValue = as_array(value)
        for item in (value,) if values is None else values:
            if item is not None:
                yield name, item if isinstance(item, str) else str(item)
