"""From a call and its candidate to the request that goes upstream: address, credential, body, losses."""

from collections.abc import Mapping
from typing import Final

import msgspec

from omniroute.accounts.lease import Lease, lease
from omniroute.accounts.signing import Signer
from omniroute.catalog.provider import Operation
from omniroute.dialects.base import Dialect, Encoded, Framing, Loss, Outbound
from omniroute.dialects.filling import filled
from omniroute.dialects.hearing import Hooks, hooks_of
from omniroute.dialects.plan import Edits, Patch, Translate, Verbatim, plan
from omniroute.dialects.reading import written_in
from omniroute.dialects.registry import AS_BYTES
from omniroute.dialects.renamed import Renamed
from omniroute.errors import InvalidRequest
from omniroute.ir.request import GenerateRequest
from omniroute.ir.target import Target
from omniroute.pipeline.call import Call
from omniroute.pipeline.forwarding import LONG, forwarded_headers, forwarded_query, with_long_context
from omniroute.pipeline.phases import Schedule
from omniroute.pipeline.replay import Remembering, Replay
from omniroute.pipeline.revision import Revision
from omniroute.pipeline.ruling import held_to_rules
from omniroute.pipeline.timings import Timings
from omniroute.snapshot.model import Snapshot
from omniroute.upstream.transport import UpstreamRequest

_ACCEPT_JSON: Final = ("accept", "application/json")
_ACCEPT_STREAM: Final[dict[Framing, tuple[str, str]]] = {
    "sse": ("accept", "text/event-stream"),
    "ndjson": ("accept", "application/x-ndjson"),
    "json": _ACCEPT_JSON,
    "eventstream": ("accept", "application/vnd.amazon.eventstream"),
}


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """`dialect` is the provider's; `translated` says that its answer needs decoding and encoding, `renamed`
    which tools it calls by another name than the client, `remembering` hears what the client cannot keep, `hooks`
    say what this provider's answer means. A request with a `signer` goes nowhere before it is signed."""

    request: UpstreamRequest
    schedule: Schedule
    dialect: Outbound
    translated: bool
    losses: tuple[Loss, ...] = ()
    renamed: Renamed = {}
    remembering: Remembering | None = None
    hooks: Hooks = ()
    signer: Signer | None = None


class Outfit(msgspec.Struct, frozen=True):
    """What every request of one connection shares."""

    lease: Lease
    headers: tuple[tuple[str, str], ...]
    stream_headers: tuple[tuple[str, str], ...]
    operation: Operation
    proxy: str | None


class Prepare:
    """Leases are made once per connection and snapshot."""

    def __init__(
        self,
        dialects: Mapping[str, Dialect],
        *,
        upstreams: Mapping[str, Outbound],
        user_agent: str,
        timings: Timings,
        proxy: str | None,
        replay: Replay,
    ) -> None:
        self._replay = replay
        self._dialects = dialects
        self._upstreams = upstreams
        self._user_agent = user_agent
        self._timings = timings
        self._proxy = proxy
        self._snapshot: Snapshot | None = None
        self._outfits: dict[str, Outfit] = {}

    def of(self, call: Call, snapshot: Snapshot) -> Prepared:
        """Raises `GatewayError` for a request that cannot be put into the target's dialect, or a connection that
        lacks something."""
        assert call.candidate is not None
        target = call.candidate.target
        upstream = self._upstreams[target.dialect]
        hooks = hooks_of(target)
        translated = _translates(call, upstream) or (bool(hooks) and not _several(call))
        encoded = self._body(call, target, upstream)
        revision = _revision(call)
        outfit = self._outfit(call.candidate.account.id, snapshot)
        path = outfit.operation.address(target.model, stream=call.stream) or upstream.path(
            target, stream=call.stream
        )
        if call.below:
            path += _below(call, target)
        headers = outfit.stream_headers if call.stream else outfit.headers
        query = ""
        if not translated:
            headers = forwarded_headers(headers, call.exchange, target.dialect)
            query = "" if outfit.operation.bare else forwarded_query(call.exchange, target.dialect)
        if call.envelope.model.endswith(LONG):
            headers = with_long_context(headers, target.dialect)
        schedule = self._timings.of(call, snapshot)
        return Prepared(
            schedule=schedule,
            request=UpstreamRequest(
                method="POST",
                url=outfit.lease.url(path, query),
                headers=headers,
                body=encoded.body,
                deadlines=schedule.deadlines,
                private=outfit.lease.private,
                proxy=outfit.proxy,
            ),
            dialect=upstream,
            translated=translated,
            losses=_all_losses(call, revision, encoded),
            renamed=encoded.renamed,
            remembering=self._replay.remembering(call) if translated else None,
            hooks=hooks,
            signer=outfit.lease.signer,
        )

    def decoded(self, call: Call) -> GenerateRequest:
        """The request in the representation. Raises `InvalidRequest`."""
        return _decoded(call, self._dialects[written_in(call.dialect.name, call.envelope.fields)])

    def body(self, call: Call, target: Target) -> bytes:
        """What would be sent to `target`. Raises `GatewayError` as `of` does."""
        return self._body(call, target, self._upstreams[target.dialect]).body

    def losses(self, call: Call, target: Target) -> tuple[Loss, ...]:
        """What the body for `target` would lack. Raises `GatewayError` as `of` does."""
        return self._body(call, target, self._upstreams[target.dialect]).losses

    def _body(self, call: Call, target: Target, upstream: Outbound) -> Encoded:
        envelope = call.envelope
        edits = _edits(call, target)
        revision = _revision(call)
        if revision is not None:
            edits.update(revision.edits)
        written = self._dialects[written_in(call.dialect.name, envelope.fields)]
        deep = call.thread is not None and call.thread.resolved
        held = None
        if call.thinking is not None or call.most_tokens is not None:
            held = held_to_rules(call, _decoded(call, written), target)
        match plan(written.name, target, Edits(top=edits, deep=deep or held is not None), envelope.fields):
            case Verbatim():
                return Encoded(envelope.body)
            case Patch(edits=changed, losses=losses):
                return Encoded(envelope.patched(changed), losses)
            case Translate():
                asked = _decoded(call, written) if held is None else held.request
                request = msgspec.structs.replace(asked, model=target.model, stream=call.stream)
                if revision is not None:
                    request = revision.of(request)
                if call.thread is not None:
                    request = call.thread.fitting(request, call.candidate, target)
                request = self._replay.restored(call, request)
                encoded = (
                    _filled(call, request, target, upstream)
                    if call.files
                    else upstream.encode_request(request, target)
                )
                return encoded if held is None else encoded.with_losses(held.losses)

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
                stream_headers=(*shared, _ACCEPT_STREAM[self._upstreams[operation.codec].framing]),
                operation=operation,
                proxy=None if provider.local else self._proxy,
            )
            self._outfits[connection_id] = outfit
        return outfit


def _all_losses(call: Call, revision: Revision | None, encoded: Encoded) -> tuple[Loss, ...]:
    if revision is None and not call.amended:
        return encoded.losses
    return (*call.amended, *(() if revision is None else revision.losses), *encoded.losses)


def _revision(call: Call) -> Revision | None:
    if call.conducted is None or call.candidate is None:
        return None
    return call.conducted.revision(call.candidate)


def _translates(call: Call, upstream: Outbound) -> bool:
    """Whether the answer is not what the client reads: another dialect's, or a stream in other frames."""
    return upstream.name != call.dialect.name or (call.stream and upstream.framing != call.dialect.framing)


def _several(call: Call) -> bool:
    """Whether several answers are wanted, which only an answer that is passed on can hold."""
    return "n" in call.envelope.fields and call.envelope.value("n") not in (None, 1)


def _edits(call: Call, target: Target) -> dict[str, bytes | None]:
    """What the gateway itself changes at the top of a body in the client's dialect."""
    envelope = call.envelope
    edits = dict(envelope.corrections)
    if envelope.address is not None:
        return edits
    edits["model"] = msgspec.json.encode(target.model)
    if call.stream and envelope.stream is None:
        edits["stream"] = b"true"
    if call.below:
        edits["stream"] = None
    return edits


def _decoded(call: Call, written: Dialect) -> GenerateRequest:
    if call.request is None:
        call.request = written.decode_request(call.envelope.decoded())
    return call.request


def _filled(call: Call, request: GenerateRequest, target: Target, upstream: Outbound) -> Encoded:
    needs = AS_BYTES.get(target.dialect)
    if needs is None:
        return upstream.encode_request(request, target)
    request, added = filled(request, call.files, needs)
    encoded = upstream.encode_request(request, target)
    return encoded._replace(losses=(*added, *encoded.losses))


def _below(call: Call, target: Target) -> str:
    if target.dialect != call.dialect.name:
        raise InvalidRequest(
            f"{call.below!r} is an operation of providers that speak the same API as this path, which"
            f" {target.provider!r} (model {target.model!r}) does not; choose a model of one that does",
            code="unsupported_operation",
        )
    return call.below
