"""Speech from text, passed on as the provider sends it: sound, or events that carry sound.

Source: platform.openai.com/docs/api-reference/audio/createSpeech; `stream_format: "sse"` gives events, of which
`speech.audio.done` is the last one and counts the tokens.
"""

from omniroute.dialects.simple.base import Conversation, Question, Send
from omniroute.dialects.simple.event_meter import EventMeter
from omniroute.dialects.simple.plain import patched, whole
from omniroute.errors import InvalidRequest


class Speech:
    name = "speech"

    def check(self, question: Question) -> None:
        said = question.fields.get("input")
        if not isinstance(said, str) or not said:
            raise InvalidRequest('Invalid request: "input" must be the text to be spoken')

    def ask(self, question: Question) -> Conversation:
        meter = EventMeter() if question.fields.get("stream_format") == "sse" else None
        path = question.path or "/audio/speech"
        got = yield Send(path=path, body=patched(question), relay=True, meter=meter)
        return whole(got)
