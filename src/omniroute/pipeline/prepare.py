"""From a call and its candidate to the request that goes upstream: address, credential, body, losses."""

from collections.abc import Mapping
from typing import Final

import msgspec

from omniroute.accounts.lease import Lease, lease
from omniroute.dialects.base import Dialect, Framing, Loss
from omniroute.dialects.plan import Edits, Patch, Translate, Verbatim, plan
from omniroute.ir.request import GenerateRequest
from omniroute.ir.target import Target
from omniroute.pipeline.call import Call
from omniroute.snapshot.model import Snapshot
from omniroute.upstream.transport import Deadlines, UpstreamRequest

_ACCEPT_JSON: Final = ("accept", "application/json")
_ACCEPT_STREAM: Final[dict[Framing, tuple[str, str]]] = {
    "sse": ("accept", "text/event-stream"),
    "ndjson": ("accept", "application/x-ndjson"),
    "json": _ACCEPT_JSON,
}
_FORWARDED: Final[dict[str, tuple[str, ...]]] = {"anthropic": ("anthropic-version", "anthropic-beta")}
"""Request headers that mean something to a provider of the client's own dialect; to any other they are noise."""
_FORWARDED_QUERY: Final[dict[str, tuple[bytes, ...]]] = {"anthropic": (b"beta=true",)}


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """`dialect` is the provider's; `translated` says that its answer needs decoding and encoding."""

    request: UpstreamRequest
    dialect: Dialect
    translated: bool
    losses: tuple[Loss, ...] = ()


class Outfit(msgspec.Struct, frozen=True):
    """What every request of one connection shares."""

    lease: Lease
    headers: tuple[tuple[str, str], ...]
    stream_headers: tuple[tuple[str, str], ...]
    path: str | None
    proxy: str | None


class Prepare:
    """Leases are made once per connection and snapshot."""

    def __init__(
        self,
        dialects: Mapping[str, Dialect],
        *,
        user_agent: str,
        deadlines: Deadlines,
        proxy: str | None,
    ) -> None:
        self._dialects = dialects
        self._user_agent = user_agent
        self._deadlines = deadlines
        self._proxy = proxy
        self._snapshot: Snapshot | None = None
        self._outfits: dict[str, Outfit] = {}

    def of(self, call: Call, snapshot: Snapshot) -> Prepared:
        """Raises `GatewayError` for a request that cannot be put into the target's dialect, or a connection that
        lacks something."""
        assert call.candidate is not None
        target = call.candidate.target
        upstream = self._dialects[target.dialect]
        body, translated, losses = self._body(call, target, upstream)
        outfit = self._outfit(call.candidate.account.id, snapshot)
        path = outfit.path or upstream.path(target, stream=call.stream)
        headers = outfit.stream_headers if call.stream else outfit.headers
        query = ""
        if not translated and target.dialect in _FORWARDED:
            headers = _with_forwarded(headers, call, _FORWARDED[target.dialect])
            query = _forwarded_query(call, _FORWARDED_QUERY[target.dialect])
        return Prepared(
            request=UpstreamRequest(
                method="POST",
                url=outfit.lease.url(path, query),
                headers=headers,
                body=body,
                deadlines=self._deadlines,
                private=outfit.lease.private,
                proxy=outfit.proxy,
            ),
            dialect=upstream,
            translated=translated,
            losses=losses,
        )

    def _body(self, call: Call, target: Target, upstream: Dialect) -> tuple[bytes, bool, tuple[Loss, ...]]:
        envelope = call.envelope
        edits = _edits(call, target)
        match plan(call.dialect.name, target, Edits(top=edits), envelope.fields):
            case Verbatim():
                return envelope.body, False, ()
            case Patch(edits=changed, losses=losses):
                return envelope.patched(changed), False, losses
            case Translate():
                request = msgspec.structs.replace(_decoded(call), model=target.model, stream=call.stream)
                encoded = upstream.encode_request(request, target)
                return encoded.body, upstream is not call.dialect, encoded.losses

    def _outfit(self, connection_id: str, snapshot: Snapshot) -> Outfit:
        if snapshot is not self._snapshot:
            self._snapshot = snapshot
            self._outfits = {}
        outfit = self._outfits.get(connection_id)
        if outfit is None:
            connection = snapshot.by_id[connection_id]
            provider = snapshot.providers[connection.provider]
            operation = provider.operations["chat"]
            granted = lease(provider, connection)
            shared = (("content-type", "application/json"), ("user-agent", self._user_agent), *granted.headers)
            outfit = Outfit(
                lease=granted,
                headers=(*shared, _ACCEPT_JSON),
                stream_headers=(*shared, _ACCEPT_STREAM[self._dialects[operation.codec].framing]),
                path=operation.path,
                proxy=None if provider.local else self._proxy,
            )
            self._outfits[connection_id] = outfit
        return outfit


def _edits(call: Call, target: Target) -> dict[str, bytes | None]:
    """What the gateway itself changes at the top of a body in the client's dialect."""
    envelope = call.envelope
    edits = dict(envelope.corrections)
    edits["model"] = msgspec.json.encode(target.model)
    if call.stream and envelope.stream is None:
        edits["stream"] = b"true"
    return edits


def _decoded(call: Call) -> GenerateRequest:
    if call.request is None:
        call.request = call.dialect.decode_request(call.envelope.decoded())
    return call.request


def _with_forwarded(
    headers: tuple[tuple[str, str], ...], call: Call, names: tuple[str, ...]
) -> tuple[tuple[str, str], ...]:
    """The client's own values win over the row's."""
    given = call.exchange.headers
    present = {name: given[name] for name in names if name in given}
    if not present:
        return headers
    return (*((name, value) for name, value in headers if name not in present), *present.items())


def _forwarded_query(call: Call, wanted: tuple[bytes, ...]) -> str:
    query = call.exchange.query
    if not query:
        return ""
    given = query.split(b"&")
    return "&".join(part.decode() for part in wanted if part in given)
