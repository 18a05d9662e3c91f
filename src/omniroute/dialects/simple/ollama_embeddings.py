"""Embeddings of Ollama's own API, for clients of OpenAI's.

Source: docs.ollama.com/api/embed (`/api/embed`: `input`, `dimensions`, `truncate`, `options`, `keep_alive`;
`embeddings` and `prompt_eval_count` in the answer).
"""

from typing import Final

import msgspec

from omniroute.dialects.simple.base import Conversation, Question, Send
from omniroute.dialects.simple.embeddings import embedded
from omniroute.dialects.simple.embeddings_request import check_embeddings, dimensions, texts
from omniroute.dialects.simple.left_out import left_out
from omniroute.dialects.simple.provider_answer import garbled, refused, succeeded
from omniroute.ir.failure import Failure
from omniroute.ir.json import JsonObject

_OWN: Final = ("truncate", "options", "keep_alive")
_CARRIED: Final = ("input", "encoding_format", "dimensions", *_OWN)


class _Answer(msgspec.Struct, frozen=True):
    embeddings: list[msgspec.Raw]
    prompt_eval_count: int | None = None


_ANSWER = msgspec.json.Decoder(_Answer)


class OllamaEmbeddings:
    name = "ollama_embeddings"

    def check(self, question: Question) -> None:
        check_embeddings(question.fields)
        texts(question.fields)

    def ask(self, question: Question) -> Conversation:
        fields = question.fields
        body: JsonObject = {"model": question.target.model, "input": list(texts(fields))}
        body |= {name: fields[name] for name in _OWN if name in fields}
        number = dimensions(fields)
        if number is not None:
            body["dimensions"] = number
        got = yield Send(path=question.path or "/api/embed", body=msgspec.json.encode(body))
        if not succeeded(got):
            return refused(got)
        try:
            said = _ANSWER.decode(got.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return garbled("it holds no embeddings")
        count = said.prompt_eval_count
        usage: JsonObject | None = None if count is None else {"prompt_tokens": count, "total_tokens": count}
        answer = embedded(question, [{"embedding": vector} for vector in said.embeddings], usage)
        if isinstance(answer, Failure):
            return answer
        return msgspec.structs.replace(answer, losses=left_out(question, _CARRIED))
