"""An exchange whose reply is put into the storage of responses on its way, before its client has the end of it."""

from typing import Final

import msgspec

from omniroute.clock import Ids
from omniroute.dialects.base import Dialect
from omniroute.dialects.openai_responses import stored
from omniroute.dialects.openai_responses.stored import Told
from omniroute.dialects.openai_responses.wire import NAME
from omniroute.dialects.quirks import stores_answers
from omniroute.errors import GatewayError, UpstreamError
from omniroute.ir.result import GenerateResponse
from omniroute.ir.target import Target
from omniroute.pipeline.around import Around
from omniroute.pipeline.call import Call
from omniroute.pipeline.exchange import ReplyHeaders
from omniroute.pipeline.overhear import Overhearing
from omniroute.pipeline.seals import Origin, origin_of
from omniroute.pipeline.stored import Elsewhere, Spoken, Storage

_COPIES_OF_ANSWER: Final = 3
_COPIES_OF_INPUT: Final = 2
"""How often the texts of a response are held: as it was sent, as items, as parts."""


class Filing(Around):
    """What it files is what its client gets."""

    __slots__ = ("_call", "_dialect", "_ids", "_overhearing", "_storage")

    def __init__(
        self,
        call: Call,
        storage: Storage,
        overhearing: Overhearing,
        dialect: Dialect,
        ids: Ids,
    ) -> None:
        super().__init__(call.exchange)
        self._call = call
        self._storage = storage
        self._overhearing = overhearing
        self._dialect = dialect
        self._ids = ids

    async def reply(self, status: int, headers: ReplyHeaders, body: bytes) -> None:
        if status == 200:
            self._file(body)
        await super().reply(status, headers, body)

    async def write(self, chunk: bytes) -> None:
        if stored.may_end(chunk):
            self._file(stored.finished(chunk))
        await super().write(chunk)

    def put(self, chunk: bytes) -> None:
        if stored.may_end(chunk):
            self._file(stored.finished(chunk))
        super().put(chunk)

    def _file(self, response: bytes | None) -> None:
        """What cannot be read is not kept; its client gets it all the same."""
        told = None if response is None else stored.told(response)
        call, storage = self._call, self._storage
        owner = call.grant.key_id
        if response is None or told is None or call.thread is None or storage.find(owner, told.id) is not None:
            return
        candidate = call.candidate
        if candidate is not None and _stores(candidate.target, told):
            items = tuple(item.id for item in told.output if item.id)
            size = len(told.id) + sum(map(len, items))
            storage.keep(owner, Elsewhere(id=told.id, connection=candidate.account.id, items=items, size=size))
        elif not call.thread.partial:
            entry = self._spoken(told.id, response)
            if entry is not None:
                storage.keep(owner, entry)

    def _spoken(self, response_id: str, response: bytes) -> Spoken | None:
        call = self._call
        thread = call.thread
        output = stored.output_of(response)
        if output is None or thread is None:
            return None
        try:
            heard = self._overhearing.heard(call)
            answer = heard or self._dialect.decode_response(response)
            request = call.request
            if request is None:
                request = call.request = self._dialect.decode_request(call.envelope.decoded())
        except (GatewayError, UpstreamError):
            return None
        if not isinstance(answer, GenerateResponse):
            return None
        items = thread.said
        if items is None:
            items = stored.input_items(call.envelope.value("input"), self._ids.token())
        return Spoken(
            id=response_id,
            previous=thread.previous,
            said=items,
            turns=thread.added(request),
            output=output,
            answer=answer.parts,
            answered_in=answer.origin,
            origin=None if heard is None else self._origin(),
            response=response,
            size=_COPIES_OF_ANSWER * len(response) + _COPIES_OF_INPUT * len(msgspec.json.encode(items)),
        )

    def _origin(self) -> Origin | None:
        candidate = self._call.candidate
        return None if candidate is None else origin_of(candidate)


def _stores(target: Target, told: Told) -> bool:
    """Whether the provider keeps the response itself: it is known to, or says so."""
    return target.dialect == NAME and (stores_answers.NAME in target.quirks or told.store is True)
