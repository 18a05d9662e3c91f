"""Paths below `/v1/responses/` that speak of stored responses: those kept here and those a provider keeps."""

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import parse_qsl

import msgspec

from omniroute.access.routes import Route
from omniroute.dialects.base import Dialect
from omniroute.dialects.openai_responses.stored import deleted, page
from omniroute.errors import GatewayError, InvalidRequest
from omniroute.ir.failure import Failure
from omniroute.pipeline.admit import Admit
from omniroute.pipeline.exchange import Exchange
from omniroute.pipeline.failures import of_gateway
from omniroute.pipeline.headers import JSON
from omniroute.pipeline.holders import Holders
from omniroute.pipeline.refuse import refuse
from omniroute.pipeline.stored import Elsewhere, Spoken, Storage
from omniroute.pipeline.threads import whole_input
from omniroute.snapshot.live import Live
from omniroute.surfaces.table import Endpoint

_ITEMS: Final = "input_items"
_CANCEL: Final = "cancel"
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,200}")


def stored(
    live: Live, admit: Admit, storage: Storage | None, holders: Holders, dialect: Dialect
) -> Iterator[Endpoint]:
    """What the Responses API has for responses that are stored."""
    handler = StoredResponses(live, admit, storage, holders, dialect)
    for method in ("GET", "DELETE", "POST"):
        route = Route(method, "/v1/responses/{rest...}", "client", "chat")
        yield Endpoint(route=route, handler=handler, dialect=dialect)


class StoredResponses:
    """`storage` is None where nothing is kept."""

    def __init__(
        self, live: Live, admit: Admit, storage: Storage | None, holders: Holders, dialect: Dialect
    ) -> None:
        self._live = live
        self._admit = admit
        self._storage = storage
        self._holders = holders
        self._dialect = dialect

    async def __call__(self, exchange: Exchange, rest: str) -> None:
        try:
            owner = self._admit.grant(exchange, self._live.current).key_id
            response_id, _, below = rest.partition("/")
            known = (exchange.method, below) in _OPERATIONS
            entry = self._storage.find(owner, response_id) if known and self._storage is not None else None
            match entry:
                case Spoken():
                    body = self._answer(exchange, owner, entry, below)
                    await exchange.reply(200, [JSON], msgspec.json.encode(body))
                case Elsewhere():
                    await self._asked(exchange, owner, entry, below)
                case None:
                    raise GatewayError(404, _message(exchange.method, rest), code="response_not_found")
        except GatewayError as error:
            await refuse(exchange, self._dialect, of_gateway(error))

    def _answer(self, exchange: Exchange, owner: str, entry: Spoken, below: str) -> object:
        assert self._storage is not None
        said = dict(parse_qsl(exchange.query.decode("latin-1")))
        if below == _CANCEL:
            raise InvalidRequest("Cannot cancel a synchronous response.", code="unsupported_operation")
        if below == _ITEMS:
            items = whole_input(self._storage, owner, entry)
            if items is None:
                raise GatewayError(404, _forgotten(entry), code="response_not_found")
            return page(items, after=said.get("after"), limit=said.get("limit"), order=said.get("order"))
        if exchange.method == "DELETE":
            self._storage.delete(owner, entry.id)
            return deleted(entry.id)
        if said.get("stream") == "true":
            raise InvalidRequest(
                "stream: a response that the gateway stores is given as a whole; ask without `stream`",
                code="unsupported_feature",
            )
        return msgspec.Raw(entry.response)

    async def _asked(self, exchange: Exchange, owner: str, entry: Elsewhere, below: str) -> None:
        assert self._storage is not None
        if _ID.fullmatch(entry.id) is None:
            raise GatewayError(404, _message(exchange.method, entry.id), code="response_not_found")
        path = f"/responses/{entry.id}" + (f"/{below}" if below else "")
        query = "&".join(
            part for part in exchange.query.decode("latin-1").split("&") if part and not part.startswith("key=")
        )
        said = await self._holders.ask(self._live.current, entry.connection, exchange.method, path, query)
        if isinstance(said, Failure):
            await refuse(exchange, self._dialect, said)
            return
        if exchange.method == "DELETE" and said.status < 300:
            self._storage.delete(owner, entry.id)
        await exchange.reply(
            said.status, [(b"content-type", said.content_type.encode("latin-1", "replace"))], said.body
        )


_OPERATIONS: Final = frozenset({("GET", ""), ("DELETE", ""), ("GET", _ITEMS), ("POST", _CANCEL)})


def _forgotten(entry: Spoken) -> str:
    return (
        f"the responses that {entry.id!r} continues are not stored any more; its own answer is at GET without more"
    )


def _message(method: str, rest: str) -> str:
    what = f"{method} {f'/v1/responses/{rest[:80]}'!r}"
    if method == "POST" and not rest.startswith("resp_"):
        return f"{what}: no such operation; there are /v1/responses, its /compact and its /input_tokens"
    return (
        f"{what}: Response with id {rest.partition('/')[0][:80]!r} not found. Responses are kept for a while after"
        " they were last used, each for the API key that asked, and not when `store` was false; keep what a"
        " response says and send it back in `input`"
    )
