"""One body put from one dialect into another, outside of any visit: what the pipeline does, for people and tests.

Pure: the same plan, codecs and quirks as of a request that is on its way, and nothing is sent anywhere.
"""

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias, TypeVar

import msgspec

from omniroute.catalog.provider import Provider
from omniroute.dialects.base import Context, Dialect, Encoded, Outbound
from omniroute.dialects.envelope import Address, Envelope, open_envelope
from omniroute.dialects.outline import Outline
from omniroute.dialects.plan import Edits, Patch, Translate, Verbatim, plan
from omniroute.dialects.registry import DIALECTS, UPSTREAMS
from omniroute.errors import InvalidRequest, UpstreamError
from omniroute.ir.failure import Failure
from omniroute.ir.target import Target

Kind: TypeAlias = Literal["request", "answer", "stream"]
"""What a body is: what a client asks, a provider's whole answer, or the bytes of its stream."""

_NAMELESS: Final = "model"
"""Stands for the model where neither the body nor the caller names one."""

_D = TypeVar("_D", Dialect, Outbound)


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """A translation as somebody asks for it.

    `source` and `to` are names of dialects: a request goes from a client's to a provider's, an answer and a stream
    the other way. `provider` is a row whose quirks apply to a request (`to` may then be left out), `model` the
    name that it is asked under.
    """

    body: bytes
    source: str
    to: str | None = None
    kind: Kind = "request"
    provider: Provider | None = None
    model: str | None = None


def translated(wish: Wish, context: Context) -> Encoded:
    """The body in the other dialect, and what was lost. `context` is for what answers need beyond the answer.

    Raises `InvalidRequest` for a dialect that is not there and for a body that is none of the dialect's."""
    if wish.kind == "request":
        return _request(wish)
    provider = _named(wish.source, UPSTREAMS)
    client = _named(_wanted(wish), DIALECTS)
    try:
        return _answer(wish, provider, client, context) if wish.kind == "answer" else _stream(wish, context)
    except UpstreamError as error:
        raise InvalidRequest(f"the body is no answer in {wish.source!r}: {error.message}") from None


def _request(wish: Wish) -> Encoded:
    client = _named(wish.source, DIALECTS)
    envelope = _opened(wish)
    target = _target(wish, envelope.model)
    edits = dict(envelope.corrections)
    if envelope.address is None:
        edits["model"] = msgspec.json.encode(target.model)
    match plan(client.name, target, Edits(top=edits), envelope.fields):
        case Verbatim():
            return Encoded(envelope.body)
        case Patch(edits=changed, losses=losses):
            return Encoded(envelope.patched(changed), losses)
        case Translate():
            request = client.decode_request(envelope.decoded())
            request = msgspec.structs.replace(request, model=target.model)
            return UPSTREAMS[target.dialect].encode_request(request, target)


def _opened(wish: Wish) -> Envelope:
    """Some dialects name the model in the address of a request; their bodies have none."""
    try:
        fields = msgspec.json.decode(wish.body, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return open_envelope(wish.body)  # which says what is wrong with it
    if "model" in fields:
        return open_envelope(wish.body)
    streams = bytes(fields.get("stream", msgspec.Raw(b"false"))) == b"true"
    return open_envelope(wish.body, Address(wish.model or _NAMELESS, streams))


def _target(wish: Wish, asked: str) -> Target:
    model, row = wish.model or asked, wish.provider
    if row is None:
        name = _wanted(wish)
        _named(name, UPSTREAMS)
        return Target(provider="", model=model, dialect=name)
    codecs = {operation.codec: operation for operation in row.operations.values() if operation.codec in UPSTREAMS}
    if not codecs:
        raise InvalidRequest(f"provider {row.id!r} generates no text", code="unsupported_operation")
    name = wish.to or next(iter(codecs))
    if name not in codecs:
        raise InvalidRequest(
            f"provider {row.id!r} speaks {', '.join(codecs)}, not {name!r}", code="unknown_dialect"
        )
    return Target(provider=row.id, model=model, dialect=name, quirks=row.quirks)


def _answer(wish: Wish, provider: Outbound, client: Dialect, context: Context) -> Encoded:
    response = provider.decode_response(wish.body)
    if provider is client:
        return Encoded(wish.body)
    if isinstance(response, Failure):
        return Encoded(client.encode_failure(response, context.request_id).body)
    return client.encode_response(response, msgspec.structs.replace(context, model=response.model))


def _stream(wish: Wish, context: Context) -> Encoded:
    provider, client = UPSTREAMS[wish.source], DIALECTS[_wanted(wish)]
    if provider is client:
        return Encoded(wish.body)
    decoder, encoder, outline = provider.stream_decoder(), client.stream_encoder(context), Outline()
    pieces: list[bytes] = []
    for event in (*decoder.feed(wish.body), *decoder.close()):
        outline.note(event)
        pieces.append(encoder.send(event))
    pieces.append(encoder.close())
    return Encoded(b"".join(pieces), outline.losses(client, context))


def _wanted(wish: Wish) -> str:
    if wish.to is None:
        raise InvalidRequest("name the dialect to translate to", code="unknown_dialect")
    return wish.to


def _named(name: str, dialects: Mapping[str, _D]) -> _D:
    found = dialects.get(name)
    if found is None:
        raise InvalidRequest(
            f"there is no dialect {name[:80]!r} on that side; there are {', '.join(dialects)}",
            code="unknown_dialect",
        )
    return found
