"""One request, one answer, both in the provider's own shape: what most simple operations need and no more."""

from collections.abc import Mapping

import msgspec

from omniroute.dialects.envelope import open_envelope
from omniroute.dialects.simple.base import Answer, Conversation, Got, Question, Send
from omniroute.dialects.simple.provider_answer import answered
from omniroute.dialects.simple.usage import usage_in
from omniroute.ir.failure import Failure
from omniroute.ir.json import JsonValue


def patched(question: Question, edits: Mapping[str, JsonValue] | None = None) -> bytes:
    """The client's own JSON body for the target: its model, and `edits`. All other members stay as they are."""
    changed = {name: msgspec.json.encode(value) for name, value in (edits or {}).items()}
    return open_envelope(question.raw).patched({"model": msgspec.json.encode(question.target.model), **changed})


def asked_once(question: Question, path: str) -> Conversation:
    """The client's body there, the provider's body back."""
    return whole((yield Send(path=question.path or path, body=patched(question))))


def whole(got: Got) -> Answer | Failure:
    """The provider's body as the answer, or the failure that it tells of."""
    said = answered(got)
    return said if isinstance(said, Failure) else Answer(body=got.body, usage=usage_in(said))
