"""AssemblyAI: the file is uploaded, a transcript of it is ordered, and the order is looked at until it is done.

Source: assemblyai.com/docs/api-reference (upload, transcripts). The model `best` is its older `speech_model`.
"""

from collections.abc import Iterator
from typing import Final
from urllib.parse import quote

import msgspec

from omniroute.dialects.look import as_text, objects_in
from omniroute.dialects.objects import read_object
from omniroute.dialects.simple.audio_file import audio
from omniroute.dialects.simple.base import Conversation, Got, Question, Send
from omniroute.dialects.simple.polling import Pace, until_done
from omniroute.dialects.simple.provider_answer import answered, garbled, given_up
from omniroute.dialects.simple.transcript import FORMATS, Transcript, Word, shown, wanted_format
from omniroute.dialects.simple.transcription import with_losses
from omniroute.dialects.simple.word_times import seconds
from omniroute.ir.failure import Failure
from omniroute.ir.json import JsonObject

_PACE: Final = Pace(every_s=2.0, limit_s=120.0)
_OLDER: Final = ("best", "nano")
_MILLISECOND: Final = 0.001
_CARRIED: Final = ("language", "response_format", "timestamp_granularities", "timestamp_granularities[]")


class AssemblyAiTranscription:
    name = "transcription_assemblyai"

    def check(self, question: Question) -> None:
        audio(question)
        wanted_format(question, FORMATS)

    def ask(self, question: Question) -> Conversation:
        got = yield Send(path="/upload", body=audio(question).data, content_type="application/octet-stream")
        uploaded = answered(got)
        if isinstance(uploaded, Failure):
            return uploaded
        url = as_text(uploaded.get("upload_url"))
        if not url:
            return garbled("it holds no upload_url")
        got = yield Send(path="/transcript", body=msgspec.json.encode(_order(question, url)))
        ordered = answered(got)
        if isinstance(ordered, Failure):
            return ordered
        job = as_text(ordered.get("id"))
        if not job:
            return garbled("it holds no id")
        look = Send(method="GET", path=f"/transcript/{quote(job, safe='')}")
        transcript = yield from until_done(look, _result, _PACE, began_s=got.elapsed_s, job="the transcript")
        if isinstance(transcript, Failure):
            return transcript
        return with_losses(shown(transcript, question), question, _CARRIED)


def _order(question: Question, url: str) -> JsonObject:
    model = question.target.model
    language = as_text(question.fields.get("language"))
    return {
        "audio_url": url,
        **({"speech_model": model} if model in _OLDER else {"speech_models": [model]}),
        **({"language_code": language} if language else {"language_detection": True}),
    }


def _result(got: Got) -> Transcript | Failure | None:
    """What a look at the order shows; None while it waits or is worked on."""
    said = read_object(got.body)
    if said is None:
        return garbled("it is not a JSON object")
    match said.get("status"):
        case "completed":
            return Transcript(
                text=as_text(said.get("text")) or "",
                language=as_text(said.get("language_code")),
                duration=seconds(said.get("audio_duration")),
                words=tuple(_words(said)),
            )
        case "error":
            return given_up(said.get("error"), otherwise="the provider gave the transcript up", status=500)
        case _:
            return None


def _words(said: JsonObject) -> Iterator[Word]:
    for word in objects_in(said.get("words")):
        text = as_text(word.get("text"))
        start, end = (seconds(word.get(name), _MILLISECOND) for name in ("start", "end"))
        if text and start is not None and end is not None:
            yield Word(text=text, start=start, end=end)
