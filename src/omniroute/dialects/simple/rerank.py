"""Reranking, passed through in the shape of the provider: documents ordered by what they say about a query.

There is no OpenAI API for it. Cohere's, Jina's and those who follow them (docs.cohere.com/reference/rerank,
api.jina.ai/redoc) agree on `query`, `documents` and `top_n` in the request and on `results` in the answer.
"""

from omniroute.dialects.look import as_array
from omniroute.dialects.simple.base import Conversation, Question
from omniroute.dialects.simple.plain import asked_once
from omniroute.errors import InvalidRequest


class Rerank:
    name = "rerank"

    def check(self, question: Question) -> None:
        if not question.fields.get("query"):
            raise InvalidRequest('Invalid request: "query" is missing; send what documents are ordered by')
        if not as_array(question.fields.get("documents")):
            raise InvalidRequest('Invalid request: "documents" is missing; send a list that is not empty')

    def ask(self, question: Question) -> Conversation:
        return asked_once(question, "/rerank")
