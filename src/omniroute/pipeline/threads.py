"""Taking up a conversation: what a request of the Responses API refers to is found and put in its place."""

from typing import Final

import msgspec

from omniroute.clock import Ids
from omniroute.dialects.base import Dialect
from omniroute.dialects.envelope import Envelope, open_envelope
from omniroute.dialects.look import as_array, as_object
from omniroute.dialects.openai_responses import stored
from omniroute.dialects.openai_responses.wire import NAME
from omniroute.errors import InvalidRequest
from omniroute.ir.json import JsonObject, JsonValue
from omniroute.ir.request import GenerateRequest, Turn
from omniroute.pipeline.call import Call
from omniroute.pipeline.filing import Filing
from omniroute.pipeline.overhear import Overhearing
from omniroute.pipeline.seals import Origin
from omniroute.pipeline.stored import Elsewhere, Entry, Spoken, Storage
from omniroute.pipeline.thread import Thread, sealed_by
from omniroute.routing.candidate import Candidate
from omniroute.routing.lineup import Lineup

RESPONSES: Final = NAME
"""The dialect whose requests may refer to earlier ones."""

_PREVIOUS: Final = "previous_response_id"
_REFERENCE: Final = b'"item_reference"'
_ELSEWHERE: Final = ("conversation", "prompt")
"""Members by which a request means what only OpenAI keeps."""


class Continued(msgspec.Struct, frozen=True, kw_only=True):
    """A request with all that it refers to: its body, and the same in the representation."""

    envelope: Envelope
    request: GenerateRequest | None
    thread: Thread


class Threads:
    """`storage` is None where nothing is to be kept; then what a request refers to is left to its provider."""

    def __init__(self, storage: Storage | None, dialect: Dialect, ids: Ids) -> None:
        self._storage = storage
        self._dialect = dialect
        self._ids = ids

    def take_up(self, call: Call) -> None:
        """Prepares `call`, which is of the Responses API. Raises `InvalidRequest` for what is not there."""
        storage = self._storage
        if storage is None or call.below:
            return
        found = self.continued(call.grant.key_id, call.envelope)
        if found is None:
            return
        if found.envelope is not call.envelope:
            call.envelope = found.envelope
            call.asked = len(found.envelope.body)
        call.request = found.request
        call.thread = found.thread
        if found.thread.kept:
            call.overhearing = overhearing = Overhearing()
            call.exchange = Filing(call, storage, overhearing, self._dialect, self._ids)

    def continued(self, owner: str, envelope: Envelope) -> Continued | None:
        """None for a request that refers to nothing and whose answer nobody wants to refer to."""
        storage = self._storage
        if storage is None:
            return None
        fields = envelope.fields
        previous = envelope.value(_PREVIOUS) if _PREVIOUS in fields else None
        refers = "input" in fields and _REFERENCE in bytes(fields["input"])
        kept = "store" not in fields or envelope.value("store") is not False
        partial = any(envelope.value(name) is not None for name in _ELSEWHERE if name in fields)
        if previous is None and not refers:
            return Continued(envelope=envelope, request=None, thread=Thread(partial=partial)) if kept else None
        if previous is not None and not isinstance(previous, str):
            raise InvalidRequest(f"{_PREVIOUS}: expected the id of a response, got {previous!r:.40}")
        return self._joined(storage, owner, envelope, previous, kept=kept, partial=partial)

    def _joined(
        self, storage: Storage, owner: str, envelope: Envelope, previous: str | None, *, kept: bool, partial: bool
    ) -> Continued:
        chain: tuple[Entry, ...] = () if previous is None else storage.chain(owner, previous)
        if previous is not None and not chain and _is_lost(storage, owner, previous):
            raise not_found(previous)
        said, used, holders = _resolved(storage, owner, envelope.value("input"))
        spoken = tuple(entry for entry in chain if isinstance(entry, Spoken))
        holders.update(entry.connection for entry in chain if isinstance(entry, Elsewhere))
        if len(holders) > 1:
            raise InvalidRequest(
                "input: it refers to responses that different connections keep; send those items themselves",
                code="unsupported_feature",
            )
        at_provider = bool(holders) or (previous is not None and not spoken)
        thread = Thread(
            previous=previous,
            earlier=tuple(turn for entry in spoken for turn in _turns(entry)),
            said=None if said is None else stored.input_items(said, self._ids.token()),
            holder=next(iter(holders), None),
            seals=_seals((*spoken, *used)),
            kept=kept,
            partial=partial or at_provider,
            resolved=bool(spoken or used) and not at_provider,
        )
        if at_provider and not used:
            return Continued(envelope=envelope, request=None, thread=thread)
        edits: dict[str, bytes | None] = {"input": msgspec.json.encode(said)}
        if at_provider:
            return Continued(envelope=open_envelope(envelope.patched(edits)), request=None, thread=thread)
        if not thread.resolved:
            return Continued(envelope=envelope, request=None, thread=thread)
        request = thread.continued(self._dialect.decode_request({**envelope.decoded(), "input": said}))
        whole = [_nameless(item) for entry in spoken for item in _items(entry)]
        whole += [_nameless(item) for item in thread.said or ()]
        edits = {_PREVIOUS: None, "input": msgspec.json.encode(whole)}
        return Continued(envelope=open_envelope(envelope.patched(edits)), request=request, thread=thread)


def not_found(response_id: str) -> InvalidRequest:
    """As OpenAI says it."""
    return InvalidRequest(
        f"Previous response with id {response_id[:80]!r} not found. It may have expired; send the whole"
        " conversation in `input`",
        code="previous_response_not_found",
    )


def _is_lost(storage: Storage, owner: str, response_id: str) -> bool:
    """Whether a response that cannot be continued is nothing to ask a provider for either: it belongs to another
    key, or what came before it is gone."""
    return storage.is_anothers(owner, response_id) or storage.find(owner, response_id) is not None


def _resolved(storage: Storage, owner: str, said: JsonValue) -> tuple[JsonValue, list[Spoken], set[str]]:
    """`input` with the items that it refers to, the responses these are of, and the connections that keep the
    others."""
    used: list[Spoken] = []
    holders: set[str] = set()
    items = as_array(said)
    if items is None or not stored.references(said):
        return said, used, holders
    whole: list[JsonValue] = []
    for index, item in enumerate(items):
        name = stored.refers(item)
        entry = None if name is None else storage.holding(owner, name)
        if name is None:
            whole.append(item)
        elif isinstance(entry, Elsewhere):
            holders.add(entry.connection)
            whole.append(item)
        elif entry is None:
            if storage.is_anothers(owner, name):
                raise _no_item(index, name)
            whole.append(item)
        else:
            found = entry.item(name)
            if found is None:
                raise _no_item(index, name)
            used.append(entry)
            whole.append(stored.as_input(found))
    return whole, used, holders


def _no_item(index: int, name: str) -> InvalidRequest:
    return InvalidRequest(
        f"input[{index}]: Item with id {name[:80]!r} not found. It may have expired; send the item itself",
        code="item_not_found",
    )


def _turns(entry: Spoken) -> tuple[Turn, ...]:
    if not entry.answer:
        return entry.turns
    return (*entry.turns, Turn(role="assistant", parts=entry.answer, origin=entry.answered_in))


def _items(entry: Spoken) -> tuple[JsonObject, ...]:
    return tuple(stored.as_input(item, sealed=False) for item in (*entry.said, *entry.output))


def _nameless(item: JsonObject) -> JsonObject:
    """Without an id that only the gateway knows."""
    return {name: value for name, value in item.items() if name != "id"}


def _seals(entries: tuple[Spoken, ...]) -> dict[str, Origin | None]:
    seals: dict[str, Origin | None] = {}
    for entry in entries:
        seals |= sealed_by(entry.answer, entry.origin)
        for item in entry.output:
            sealed = item.get("encrypted_content")
            if isinstance(sealed, str):
                seals[sealed] = entry.origin
    return seals


def held(thread: Thread, candidates: tuple[Candidate, ...] | Lineup) -> tuple[Candidate, ...] | Lineup:
    """Those of `candidates` that can continue `thread`, at least one. Raises `InvalidRequest`."""
    if thread.holder is None:
        return candidates
    several = tuple(candidates)
    found = tuple(candidate for candidate in several if candidate.account.id == thread.holder)
    if not found:
        target = several[0].target
        raise InvalidRequest(
            f"the response that is referred to is stored by another provider or account than {target.model!r} at"
            f" {target.provider!r} has; name the model that made it, or send the whole conversation in `input`",
            code="unsupported_feature",
        )
    return found


def whole_input(storage: Storage, owner: str, entry: Spoken) -> list[JsonObject] | None:
    """All that the model read for `entry`, oldest first; None when the beginning is not there any more."""
    chain = storage.chain(owner, entry.id)
    spoken = [one for one in chain if isinstance(one, Spoken)]
    if not spoken:
        return None
    earlier = [item for one in spoken[:-1] for item in (*one.said, *one.output)]
    return [*earlier, *(as_object(item) or {} for item in entry.said)]
