"""Embeddings of Google's Gemini API, asked for in batches, for clients of OpenAI's.

Source: ai.google.dev/api/embeddings (`models.batchEmbedContents`). It counts no tokens.
"""

from typing import Final
from urllib.parse import quote

import msgspec

from omniroute.dialects.simple.base import Conversation, Question, Send
from omniroute.dialects.simple.embeddings import embedded
from omniroute.dialects.simple.embeddings_request import check_embeddings, dimensions, texts
from omniroute.dialects.simple.left_out import left_out
from omniroute.dialects.simple.provider_answer import garbled, refused, succeeded
from omniroute.ir.failure import Failure
from omniroute.ir.json import JsonObject

_OWN: Final = ("taskType", "title")
"""Members of Google's own request that a client may send as they are."""
_CARRIED: Final = ("input", "encoding_format", "dimensions", *_OWN)


class _Embedding(msgspec.Struct, frozen=True):
    values: msgspec.Raw


class _Answer(msgspec.Struct, frozen=True):
    embeddings: list[_Embedding]


_ANSWER = msgspec.json.Decoder(_Answer)


class GeminiEmbeddings:
    name = "gemini_embeddings"

    def check(self, question: Question) -> None:
        check_embeddings(question.fields)
        texts(question.fields)

    def ask(self, question: Question) -> Conversation:
        fields, model = question.fields, question.target.model
        shared: JsonObject = {"model": f"models/{model}"} | {name: fields[name] for name in _OWN if name in fields}
        number = dimensions(fields)
        if number is not None:
            shared["outputDimensionality"] = number
        requests = [{**shared, "content": {"parts": [{"text": text}]}} for text in texts(fields)]
        path = question.path or f"/models/{quote(model, safe='')}:batchEmbedContents"
        got = yield Send(path=path, body=msgspec.json.encode({"requests": requests}))
        if not succeeded(got):
            return refused(got)
        try:
            said = _ANSWER.decode(got.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return garbled("it holds no embeddings")
        answer = embedded(question, [{"embedding": item.values} for item in said.embeddings], None)
        if isinstance(answer, Failure):
            return answer
        return msgspec.structs.replace(answer, losses=left_out(question, _CARRIED))
