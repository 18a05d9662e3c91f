"""What a codec of a simple operation must know: how to hold the conversation with a provider, as pure decisions.

A conversation is a generator: it yields what is to be done next and is sent what came of it, so that an answer
that takes an upload, a job and ten looks at it is as pure, and as easy to test, as one that takes one request.
"""

from collections.abc import Generator
from typing import Protocol, TypeAlias

import msgspec

from omniroute.dialects.base import Headers, Loss
from omniroute.ir.failure import Failure
from omniroute.ir.json import JsonObject
from omniroute.ir.result import Usage
from omniroute.ir.target import Target


class Upload(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a multipart form. `content_type` is the client's word for it, empty when it gave none."""

    field: str
    filename: str
    content_type: str
    data: bytes


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What the client asked, for one target.

    `fields` is the JSON body, or the text fields of a form (a repeated field is a list). `raw` is the client's own
    body, for providers that are asked with the same one. `path` is the provider's own path for the operation, None
    where the codec's usual one is right. `foreign` names the `fields` that are words of another dialect than
    OpenAI's: they are not in `raw`. `token` is unique to the request: ids and seeds that a
    provider's wire needs are derived from it. `shown_model` is what the client is told.
    """

    target: Target
    fields: JsonObject
    raw: bytes
    token: str
    created: int
    shown_model: str
    path: str | None = None
    content_type: str = "application/json"
    uploads: tuple[Upload, ...] = ()
    foreign: tuple[str, ...] = ()


class Meter(Protocol):
    """Reads a copy of a relayed stream. It never raises: what it cannot read it passes over."""

    @property
    def usage(self) -> Usage | None: ...

    @property
    def ended(self) -> bool | None:
        """Whether the last event has been fed; None where nothing in the stream tells."""
        ...

    @property
    def failure(self) -> Failure | None:
        """An error that the stream itself carries."""
        ...

    def feed(self, chunk: bytes) -> None: ...


class Send(msgspec.Struct, frozen=True, kw_only=True):
    """A request to the provider itself, with the connection's credential. `path` is under its base URL.

    `relay`: a 2xx reply is passed on to the client as it comes, which ends the conversation; any other reply is
    sent back into it. `meter` reads what is relayed; a stream that ends while its meter says that it has
    not ended was cut.
    """

    path: str
    body: bytes = b""
    method: str = "POST"
    content_type: str = "application/json"
    query: str = ""
    relay: bool = False
    meter: Meter | None = None


class Fetch(msgspec.Struct, frozen=True):
    """A file elsewhere that the provider's answer points to: no credential, guarded like any outbound request."""

    url: str


class Wait(msgspec.Struct, frozen=True):
    """Nothing for `seconds`; the client's patience and its leaving are looked after by whoever waits."""

    seconds: float


Step: TypeAlias = Send | Fetch | Wait


class Got(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a step; of a `Wait`, status 0 and nothing else; of a `Fetch` without a reply, status 0 and the
    reason as `body`. `elapsed_s` runs from the first step."""

    status: int = 0
    headers: Headers = msgspec.field(default_factory=dict[str, str])
    body: bytes = b""
    elapsed_s: float = 0.0


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the client gets."""

    body: bytes
    content_type: str = "application/json"
    usage: Usage | None = None
    losses: tuple[Loss, ...] = ()


Conversation: TypeAlias = Generator[Step, Got, Answer | Failure]


class Codec(Protocol):
    @property
    def name(self) -> str: ...

    def check(self, question: Question) -> None:
        """Raises `InvalidRequest` naming the field that cannot be used, before anything is sent."""
        ...

    def ask(self, question: Question) -> Conversation:
        """The conversation that answers `question`. A failure is returned, not raised, so that the next account
        can be tried."""
        ...
