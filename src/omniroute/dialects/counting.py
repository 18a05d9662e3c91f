"""What a wire format must know to ask, and to answer, how many tokens a request has. Pure."""

from typing import Protocol

import msgspec

from omniroute.ir.json import JsonObject
from omniroute.ir.request import GenerateRequest
from omniroute.ir.target import Target


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """A number of tokens: the provider's own, or an estimate where `provider` is None. `said` is the provider's
    whole answer when it is of the caller's dialect."""

    tokens: int
    provider: str | None = None
    model: str = ""
    said: JsonObject | None = None


class Counter(Protocol):
    """What a provider can be asked."""

    def path(self, target: Target) -> str:
        """The path under the provider's base URL, starting with a slash."""
        ...

    def encode_question(self, request: GenerateRequest, target: Target) -> bytes:
        """Raises `InvalidRequest` for a request that the dialect cannot put."""
        ...

    def decode_answer(self, body: bytes) -> Count | None:
        """The count in a 2xx body; None when there is none."""
        ...


class Counting(Counter, Protocol):
    """Both directions: clients ask it too."""

    def decode_question(self, body: JsonObject, model: str) -> GenerateRequest:
        """The request whose tokens a client wants to know. Raises `InvalidRequest` naming the field that cannot
        be used."""
        ...

    def encode_answer(self, count: Count) -> bytes: ...
