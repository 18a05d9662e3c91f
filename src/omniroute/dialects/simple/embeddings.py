"""Embeddings as OpenAI's API has them, which most providers of embeddings speak.

Source: platform.openai.com/docs/api-reference/embeddings. The openai SDKs ask for base64 unless told otherwise. A
provider that refuses the word gets the request again without it, and whatever form the vectors come in, the client
gets the one that it asked for.
"""

import msgspec

from omniroute.dialects.objects import read_object
from omniroute.dialects.openai_failures import failure_in_answer
from omniroute.dialects.simple.base import Answer, Conversation, Got, Question, Send
from omniroute.dialects.simple.embeddings_request import check_embeddings, dimensions, wants_base64
from omniroute.dialects.simple.left_out import foreign
from omniroute.dialects.simple.plain import patched
from omniroute.dialects.simple.provider_answer import garbled, refused, succeeded
from omniroute.dialects.simple.usage import usage_of
from omniroute.dialects.simple.vectors import is_packed, packed, unpacked
from omniroute.ir.failure import Failure
from omniroute.ir.json import JsonObject

_NO_USAGE: JsonObject = {"prompt_tokens": 0, "total_tokens": 0}


class _Answer(msgspec.Struct, frozen=True):
    data: list[dict[str, msgspec.Raw]]
    usage: JsonObject | None = None


_ANSWER = msgspec.json.Decoder(_Answer)


class Embeddings:
    name = "embeddings"

    def check(self, question: Question) -> None:
        check_embeddings(question.fields)

    def ask(self, question: Question) -> Conversation:
        path = question.path or "/embeddings"
        body = patched(question, _corrected(question.fields))
        got = yield Send(path=path, body=body)
        if "encoding_format" in question.fields and _refuses_encoding(got):
            got = yield Send(path=path, body=_without_encoding(body))
        answer = _answer(question, got)
        if isinstance(answer, Failure) or not question.foreign:
            return answer
        return msgspec.structs.replace(answer, losses=foreign(question))


def _corrected(fields: JsonObject) -> JsonObject:
    number = dimensions(fields)
    return {} if number is None or number is fields["dimensions"] else {"dimensions": number}


def _refuses_encoding(got: Got) -> bool:
    """Whether a provider says that it knows no `encoding_format`, or no base64: by name, in the error."""
    said = got.body[:4096].lower()
    return got.status in (400, 422) and (b"encoding_format" in said or b"base64" in said)


def _without_encoding(body: bytes) -> bytes:
    fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    fields.pop("encoding_format", None)
    return msgspec.json.encode(fields)


def _answer(question: Question, got: Got) -> Answer | Failure:
    if not succeeded(got):
        return refused(got)
    try:
        said = _ANSWER.decode(got.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return failure_in_answer(read_object(got.body) or {}) or garbled("it holds no embeddings")
    return embedded(question, said.data, said.usage)


def embedded(
    question: Question, items: list[dict[str, msgspec.Raw]], usage: JsonObject | None
) -> Answer | Failure:
    """The answer to the client: members of an item stay as they are, the vector in the form that was asked for."""
    if not items:
        return Failure(
            kind="empty", status=502, message="the provider returned no embeddings", code="empty_answer"
        )
    try:
        data = [_item(index, item, question) for index, item in enumerate(items)]
    except ValueError as error:
        return garbled(str(error))
    body = {"object": "list", "data": data, "model": question.shown_model, "usage": usage or _NO_USAGE}
    return Answer(body=msgspec.json.encode(body), usage=None if usage is None else usage_of(usage))


def _item(index: int, item: dict[str, msgspec.Raw], question: Question) -> dict[str, object]:
    vector = item.get("embedding")
    if vector is None:
        raise ValueError("an item of it holds no embedding")
    if is_packed(vector) is not wants_base64(question.fields):
        vector = unpacked(vector) if is_packed(vector) else packed(vector)
    return {"object": "embedding", "index": index, **item, "embedding": vector}
