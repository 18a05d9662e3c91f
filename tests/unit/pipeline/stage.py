"""A pipeline on a scripted transport: no sockets, a clock that stands still, and everything it wrote at hand."""

from collections.abc import Mapping

import msgspec

from omniroute.access.keys import Keyring
from omniroute.access.perimeter import perimeter
from omniroute.accounts.connection import Connection, Secret
from omniroute.catalog.lookup import Tables, catalog
from omniroute.catalog.models import models_from_modelsdev
from omniroute.catalog.provider import Auth, Operation, Provider
from omniroute.dialects.registry import DIALECTS
from omniroute.ir.failure import Failure
from omniroute.ledger.records import Record
from omniroute.pipeline.admit import Admit
from omniroute.pipeline.attempt import Attempts
from omniroute.pipeline.candidates import Candidates
from omniroute.pipeline.deliver import Deliver
from omniroute.pipeline.finish import Ledger
from omniroute.pipeline.generate import Generate
from omniroute.pipeline.prepare import Prepare
from omniroute.snapshot.model import Snapshot
from omniroute.telemetry.counters import Counters
from omniroute.traffic.resting import Resting
from omniroute.upstream.scripted import ScriptedTransport
from omniroute.upstream.transport import Deadlines

CHAT = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m"} | {
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7},
}


def provider(provider_id: str, codec: str = "openai_chat") -> Provider:
    auth = Auth() if codec == "openai_chat" else Auth(kind="header", name="x-api-key")
    operations = {"chat": Operation(codec=codec)}
    base_url = f"https://{provider_id}.test/v1"
    return Provider(
        id=provider_id, alias=provider_id, name=provider_id, base_url=base_url, auth=auth, operations=operations
    )


class Journal:
    def __init__(self) -> None:
        self.records: list[Record] = []

    def append(self, record: Record) -> None:
        self.records.append(record)


class Log:
    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, object]]] = []

    def debug(self, event: str, **fields: object) -> None:
        self.lines.append((event, fields))

    info = warning = error = debug


class Clock:
    def __init__(self) -> None:
        self.time = 1000.0

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time


class Ids:
    def request_id(self) -> str:
        return "req_1"

    def token(self) -> str:
        return "t0ken"


class Live:
    def __init__(self, snapshot: Snapshot) -> None:
        self.current = snapshot


class Exchange:
    """What the client sent and what it got."""

    def __init__(self, body: object, headers: Mapping[str, str] | None = None, query: bytes = b"") -> None:
        self.request_id, self.method, self.path, self.query = "req_1", "POST", "/v1/x", query
        self.headers = {"host": "localhost:20128", **(headers or {})}
        self.peer = "127.0.0.1"
        self.started = 1000.0
        self.replying = False
        self.stopped: Failure | None = None
        self._body = body if isinstance(body, bytes) else msgspec.json.encode(body)
        self.status = 0
        self.reply_headers: dict[bytes, bytes] = {}
        self.chunks: list[bytes] = []
        self.ended = 0

    @property
    def received(self) -> bytes:
        return b"".join(self.chunks)

    @property
    def json(self) -> dict:
        return msgspec.json.decode(self.received)

    async def body(self) -> bytes:
        return self._body

    async def reply(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        await self.begin(status, headers)
        self.chunks.append(body)
        self.ended += 1

    async def begin(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        assert not self.replying
        self.replying = True
        self.status, self.reply_headers = status, dict(headers)

    async def write(self, chunk: bytes) -> None:
        assert self.ended == 0
        self.chunks.append(chunk)

    async def end(self) -> None:
        self.ended += 1


class Stage:
    def __init__(self, transport: ScriptedTransport, accounts: dict[str, int], codecs: dict[str, str]) -> None:
        self.transport, self.journal, self.log, self.clock = transport, Journal(), Log(), Clock()
        rows = {name: provider(name, codec) for name, codec in codecs.items()}
        connections = {
            name: tuple(
                Connection(
                    id=f"{name}-{number}", provider=name, name=str(number), secret=Secret(f"sk-{name}-{number}")
                )
                for number in range(count)
            )
            for name, count in accounts.items()
        }
        snapshot = Snapshot(
            revision=1,
            grants={},
            connections=connections,
            by_id={one.id: one for several in connections.values() for one in several},
            providers=rows,
            password_set=True,
            settings={},
        )
        known = catalog(rows.values(), Tables())
        table = models_from_modelsdev({}, known)
        self.resting, self.counters = Resting(), Counters()
        ledger = Ledger(self.journal, self.counters, self.log, self.clock)
        prepare = Prepare(DIALECTS, user_agent="test", deadlines=Deadlines(), proxy=None)
        rules = perimeter(bind="127.0.0.1", port=20128, require_api_key=False)
        self.generate = Generate(
            live=Live(snapshot),
            admit=Admit(rules, Keyring(b"pepper"), self.clock),
            candidates=Candidates(known, lambda: table),
            attempts=Attempts(prepare, transport, self.resting, ledger, self.clock),
            deliver=Deliver(ledger, self.clock, Ids()),
            ledger=ledger,
            resting=self.resting,
            clock=self.clock,
            log=self.log,
            max_attempts=6,
        )

    async def ask(self, exchange: Exchange, dialect: str = "openai_chat", pinned: str | None = None) -> Exchange:
        await self.generate(exchange, DIALECTS[dialect], pinned)
        return exchange


def stage(*script: object, accounts: dict[str, int] | None = None, codecs: dict[str, str] | None = None) -> Stage:
    """A provider `up` of the chat dialect and one `claude` of Anthropic's, each with one account unless said."""
    default = {"up": 1, "claude": 1}
    return Stage(
        ScriptedTransport(*script), accounts or default, codecs or {"up": "openai_chat", "claude": "anthropic"}
    )
