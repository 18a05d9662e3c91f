"""The completions API that came before chat: text in, text out, passed through for providers that still have it.

Source: platform.openai.com/docs/api-reference/completions. A stream ends in `[DONE]`.
"""

from omniroute.dialects.simple.base import Conversation, Question, Send
from omniroute.dialects.simple.event_meter import EventMeter
from omniroute.dialects.simple.plain import asked_once, patched, whole
from omniroute.errors import InvalidRequest

_PATH = "/completions"


class Completions:
    name = "completions"

    def check(self, question: Question) -> None:
        if question.fields.get("prompt") in (None, []):
            raise InvalidRequest('Invalid request: "prompt" is missing; send a text, or a list of texts or tokens')

    def ask(self, question: Question) -> Conversation:
        if question.fields.get("stream") is not True:
            return (yield from asked_once(question, _PATH))
        got = yield Send(path=question.path or _PATH, body=patched(question), relay=True, meter=EventMeter())
        return whole(got)
