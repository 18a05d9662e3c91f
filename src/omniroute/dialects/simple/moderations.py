"""Moderations, passed through for providers that have them.

Source: platform.openai.com/docs/api-reference/moderations.
"""

from omniroute.dialects.simple.base import Conversation, Question
from omniroute.dialects.simple.plain import asked_once
from omniroute.errors import InvalidRequest


class Moderations:
    name = "moderations"

    def check(self, question: Question) -> None:
        if not question.fields.get("input"):
            raise InvalidRequest('Invalid request: "input" is missing; send a text or a list of texts and images')

    def ask(self, question: Question) -> Conversation:
        return asked_once(question, "/moderations")
