"""What a wire format must know how to do. Pure: no I/O, no clock, no randomness."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, NamedTuple, Protocol, TypeAlias

import msgspec

from omniroute.ir.events import Event
from omniroute.ir.failure import Failure
from omniroute.ir.json import JsonObject
from omniroute.ir.request import GenerateRequest
from omniroute.ir.result import Finish, GenerateResponse, Usage
from omniroute.ir.target import Target

Headers: TypeAlias = Mapping[str, str]
"""HTTP headers, names in lower case."""

Framing: TypeAlias = Literal["sse", "ndjson", "json", "eventstream"]
"""How a stream is cut into events; `eventstream` is Amazon's binary one, which only providers speak."""

_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


class Loss(msgspec.Struct, frozen=True, kw_only=True):
    """Something a translation could not carry as it was.

    `path` points into the representation (`turns[2].parts[0].cache`), `what` names it in one or two words
    (`cache mark`), `weight` says what it may change: the bill, the quality, or the meaning.
    """

    path: str
    what: str
    how: Literal["dropped", "approximated", "moved", "added"]
    weight: Literal["cost", "quality", "meaning"]


class Encoded(NamedTuple):
    """`renamed` are the tools that had to be named differently: the caller's name for each name in the body."""

    body: bytes
    losses: tuple[Loss, ...] = ()
    renamed: Mapping[str, str] = _NOTHING

    def with_losses(self, earlier: tuple[Loss, ...]) -> "Encoded":
        """With what was lost before it was encoded."""
        return self._replace(losses=(*earlier, *self.losses))


class ErrorReply(NamedTuple):
    """An error as the client's own API would send it."""

    status: int
    body: bytes
    content_type: str = "application/json"


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """What an encoder of answers needs beyond the answer itself.

    `token` is unique to the request and used for ids the wire needs but nobody gave; `created` is unix
    seconds; `model` is what the client is told; `include_usage` is OpenAI's stream option as the client set it.
    `input_tokens` is an estimate for dialects that must name a number before the provider does. `request` is what
    the client asked, for dialects whose answers repeat it or name tools in the client's own way; None when nobody
    decoded it.
    """

    request_id: str
    token: str
    created: int
    model: str
    include_usage: bool = False
    input_tokens: int = 0
    request: GenerateRequest | None = None


class StreamEncoder(Protocol):
    def send(self, event: Event) -> bytes:
        """Wire bytes for one event; empty when the event has none of its own."""
        ...

    def close(self) -> bytes:
        """What is still owed; a stream that saw no terminal event ends in the dialect's error event."""
        ...


class StreamDecoder(Protocol):
    """Bytes in any chunking to events; the same events whatever the chunking."""

    def feed(self, chunk: bytes) -> list[Event]: ...

    def close(self) -> list[Event]:
        """The stream ended. Yields the missing closes and, if no terminal event came, `Failed(kind=cut)`."""
        ...


class Tapped(msgspec.Struct, frozen=True):
    """What a tap says about one chunk.

    `forward` is what the client gets now: whole frames only, a torn tail is held back until it is whole.
    `useful` is true once the stream has shown content, a tool call or a terminal event. `terminal` is true
    when `forward` holds the stream's last event. `failure` is an in-band error that `forward` carries.
    """

    forward: bytes
    useful: bool
    terminal: bool
    failure: Failure | None


class Tap(Protocol):
    """Reads a copy of a same-dialect stream for usage, finish and failure. It never changes a frame."""

    @property
    def usage(self) -> Usage | None: ...

    @property
    def finish(self) -> Finish | None: ...

    def feed(self, chunk: bytes) -> Tapped: ...

    def close(self) -> bytes:
        """The upstream ended. Bytes still owed to the client: nothing after a terminal event, else the held
        tail if it is whole, and the dialect's error event for a cut stream."""
        ...


class Glance(msgspec.Struct, frozen=True):
    """What a whole same-dialect answer says about itself, read without decoding its content."""

    usage: Usage | None
    finish: Finish | None
    empty: bool
    """True when the answer holds no content at all."""


class Inbound(Protocol):
    """What a client speaks to us."""

    def decode_request(self, body: JsonObject) -> GenerateRequest:
        """Raises `InvalidRequest` naming the field that cannot be used."""
        ...

    def encode_response(self, response: GenerateResponse, context: Context) -> Encoded: ...

    def encode_failure(self, failure: Failure, request_id: str) -> ErrorReply: ...

    def encode_stream_failure(self, failure: Failure, request_id: str) -> bytes:
        """The in-band error event(s) that end a stream which has already begun."""
        ...

    def stream_encoder(self, context: Context) -> StreamEncoder: ...


class Outbound(Protocol):
    """What a provider speaks. Of some wire formats this is the only direction: no client of ours speaks them."""

    @property
    def name(self) -> str: ...

    @property
    def framing(self) -> Framing: ...

    def path(self, target: Target, *, stream: bool) -> str:
        """The path under the provider's base URL, starting with a slash."""
        ...

    def encode_request(self, request: GenerateRequest, target: Target) -> Encoded:
        """The body for `target`, with `request.stream` deciding whether a stream is asked for."""
        ...

    def decode_response(self, body: bytes) -> GenerateResponse | Failure:
        """A 2xx body. Raises `UpstreamError(kind="protocol")` when it is not this dialect's answer."""
        ...

    def decode_failure(self, status: int, headers: Headers, body: bytes) -> Failure: ...

    def stream_decoder(self) -> StreamDecoder: ...


class Dialect(Inbound, Outbound, Protocol):
    """Both directions of one wire format, and the eyes for answers that pass through unchanged between them."""

    def glance(self, body: bytes) -> Glance:
        """A 2xx body that is passed on untouched. Raises `UpstreamError(kind="protocol")` when it is not JSON of
        this dialect. About 2 us for a small body: a typed decode of the few fields needed."""
        ...

    def tap(self, *, include_usage: bool) -> Tap:
        """`include_usage` false withholds the usage-only chunk that the gateway asked for on its own."""
        ...
