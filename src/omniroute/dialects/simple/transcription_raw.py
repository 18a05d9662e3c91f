"""Hugging Face's way with speech: the model is in the path, the file is the body, the answer is a text.

Source: huggingface.co/docs/inference-providers/tasks/automatic-speech-recognition (provider hf-inference).
"""

import re
from typing import Final

from omniroute.dialects.look import as_text
from omniroute.dialects.simple.audio_file import audio, content_type
from omniroute.dialects.simple.base import Conversation, Question, Send
from omniroute.dialects.simple.provider_answer import answered, garbled
from omniroute.dialects.simple.transcript import Transcript, shown, wanted_format
from omniroute.dialects.simple.transcription import with_losses
from omniroute.errors import InvalidRequest
from omniroute.ir.failure import Failure

_MODEL: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")


class RawTranscription:
    name = "transcription_raw"

    def check(self, question: Question) -> None:
        audio(question)
        wanted_format(question, ("json", "text", "verbose_json"))
        model = question.target.model
        if ".." in model or not _MODEL.fullmatch(model):
            raise InvalidRequest(f"Invalid model ID: {model[:200]!r}")

    def ask(self, question: Question) -> Conversation:
        file = audio(question)
        got = yield Send(path=f"/models/{question.target.model}", body=file.data, content_type=content_type(file))
        said = answered(got)
        if isinstance(said, Failure):
            return said
        text = as_text(said.get("text"))
        if text is None:
            return garbled("it holds no text")
        return with_losses(shown(Transcript(text=text), question), question, ("response_format",))
