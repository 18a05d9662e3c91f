"""Deepgram's transcription of a file: its bytes are the body, and the wishes are in the query.

Source: developers.deepgram.com/reference/speech-to-text/listen-pre-recorded.
"""

from collections.abc import Iterator
from typing import Final
from urllib.parse import urlencode

from omniroute.dialects.look import as_object, as_text, objects_in
from omniroute.dialects.simple.audio_file import audio, content_type
from omniroute.dialects.simple.base import Conversation, Question, Send
from omniroute.dialects.simple.provider_answer import answered, garbled
from omniroute.dialects.simple.transcript import FORMATS, Transcript, Word, shown, wanted_format
from omniroute.dialects.simple.transcription import with_losses
from omniroute.dialects.simple.word_times import seconds
from omniroute.ir.failure import Failure
from omniroute.ir.json import JsonObject

_CARRIED: Final = ("language", "response_format", "timestamp_granularities", "timestamp_granularities[]")


class DeepgramTranscription:
    name = "transcription_deepgram"

    def check(self, question: Question) -> None:
        audio(question)
        wanted_format(question, FORMATS)

    def ask(self, question: Question) -> Conversation:
        file = audio(question)
        language = as_text(question.fields.get("language"))
        wishes = {"model": question.target.model, "smart_format": "true", "punctuate": "true"}
        wishes |= {"language": language} if language else {"detect_language": "true"}
        got = yield Send(
            path=question.path or "/listen",
            query=urlencode(wishes),
            body=file.data,
            content_type=content_type(file),
        )
        said = answered(got)
        if isinstance(said, Failure):
            return said
        channels = objects_in((as_object(said.get("results")) or {}).get("channels"))
        if not channels:
            return garbled("it holds no channels")
        transcript = _transcript(channels[0], as_object(said.get("metadata")) or {}, language)
        return with_losses(shown(transcript, question), question, _CARRIED)


def _transcript(channel: JsonObject, metadata: JsonObject, language: str | None) -> Transcript:
    alternatives = objects_in(channel.get("alternatives"))
    best = alternatives[0] if alternatives else {}
    text = as_text(best.get("transcript"))
    return Transcript(
        text=text or "",
        language=as_text(channel.get("detected_language")) or language,
        duration=seconds(metadata.get("duration")),
        words=tuple(_words(best)),
        extra={"noSpeechDetected": True} if text is None else {},
    )


def _words(alternative: JsonObject) -> Iterator[Word]:
    for word in objects_in(alternative.get("words")):
        text = as_text(word.get("punctuated_word")) or as_text(word.get("word"))
        start, end = seconds(word.get("start")), seconds(word.get("end"))
        if text and start is not None and end is not None:
            yield Word(text=text, start=start, end=end)
