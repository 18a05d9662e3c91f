"""A pipeline on a scripted transport: no sockets, a clock that stands still, and everything it wrote at hand."""

import asyncio
from collections.abc import Mapping
from typing import cast

import msgspec

from omniroute.access.grant import Grant
from omniroute.access.keys import Keyring, digest
from omniroute.access.perimeter import perimeter
from omniroute.accounts.connection import Connection, Secret
from omniroute.caching.exact import ExactCache
from omniroute.caching.memory import Memory
from omniroute.caching.semantic.meanings import Meanings
from omniroute.caching.shelf import Shelf as RealShelf
from omniroute.caching.window import Window
from omniroute.catalog.lookup import Tables, catalog
from omniroute.catalog.models import models_from_modelsdev
from omniroute.catalog.provider import Auth, Operation, Provider
from omniroute.dialects.registry import AS_BYTES, DIALECTS, UPSTREAMS
from omniroute.ir.failure import Failure
from omniroute.ledger.captures import Said
from omniroute.ledger.cost import Sheet, cost
from omniroute.ledger.records import Record
from omniroute.pipeline.admit import Admit
from omniroute.pipeline.allowance import Allowance
from omniroute.pipeline.attempt import Attempts
from omniroute.pipeline.cached import Cached
from omniroute.pipeline.candidates import Candidates
from omniroute.pipeline.choose import Choose
from omniroute.pipeline.conduct import Conduct
from omniroute.pipeline.course import Course
from omniroute.pipeline.deliver import Deliver
from omniroute.pipeline.draws import Draws
from omniroute.pipeline.fetching import Bounds, Fetching
from omniroute.pipeline.finish import Ledger
from omniroute.pipeline.generate import Generate
from omniroute.pipeline.joined import Joined
from omniroute.pipeline.phases import Phases
from omniroute.pipeline.prepare import Prepare
from omniroute.pipeline.recording import Recorder
from omniroute.pipeline.repeat import Repeats
from omniroute.pipeline.replay import Replay
from omniroute.pipeline.sharing import Sharing
from omniroute.pipeline.stored import Storage
from omniroute.pipeline.strict import Strict
from omniroute.pipeline.threads import Threads
from omniroute.pipeline.timings import Timings
from omniroute.pipeline.trace import Traces
from omniroute.routing.combo import Combo
from omniroute.routing.dice import Dice
from omniroute.snapshot.model import Snapshot
from omniroute.storage.repos.answers import AnswerRow
from omniroute.telemetry.counters import Counters
from omniroute.traffic.accounts import Accounts
from omniroute.traffic.conversations import Conversations
from omniroute.traffic.pulse import Pulse
from omniroute.traffic.resting import Resting
from omniroute.upstream.scripted import Gate, ScriptedTransport

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


class Captures:
    def __init__(self) -> None:
        self.said: list[Said] = []

    def keep(self, said: Said) -> None:
        self.said.append(said)


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


class Shelf:
    """The cache's far tier, on no database."""

    def __init__(self) -> None:
        self.rows: dict[bytes, AnswerRow] = {}
        self.gate: Gate | None = None

    async def find(self, key: bytes, *, now: int) -> tuple[bytes, int] | None:
        if self.gate is not None:
            await self.gate.passed()
        row = self.rows.get(key)
        return None if row is None or row.expires_at <= now else (row.answer, row.expires_at)

    def put(self, row: AnswerRow) -> None:
        self.rows[row.key] = row

    def total(self, *, now: int) -> int:
        return len(self.rows)

    def clear(self) -> None:
        self.rows.clear()


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
        self.writable = True

    @property
    def received(self) -> bytes:
        return b"".join(self.chunks)

    @property
    def json(self) -> dict:
        return msgspec.json.decode(self.received)

    def expire(self, after_s: float, why: Failure) -> None:
        task = asyncio.current_task()
        assert task is not None

        def stop() -> None:
            if not self.ended:
                self.stopped = why
                task.cancel()

        asyncio.get_running_loop().call_later(max(0.0, after_s), stop)

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

    def put(self, chunk: bytes) -> None:
        assert self.ended == 0
        self.chunks.append(chunk)

    async def end(self) -> None:
        self.ended += 1


class Stage:
    def __init__(
        self,
        transport: ScriptedTransport,
        accounts: dict[str, int],
        codecs: dict[str, str],
        combos: tuple[Combo, ...] = (),
        aliases: dict[str, str] | None = None,
        more: tuple[tuple[Provider, Connection], ...] = (),
        grants: dict[str, Grant] | None = None,
        prices: Sheet | None = None,
        resting: Resting | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.transport, self.journal, self.log, self.clock = transport, Journal(), Log(), clock or Clock()
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
        rows.update((row.id, row) for row, _ in more)
        connections.update((row.id, (connection,)) for row, connection in more)
        snapshot = Snapshot(
            revision=1,
            grants={digest(b"pepper", key): grant for key, grant in (grants or {}).items()},
            connections=connections,
            by_id={one.id: one for several in connections.values() for one in several},
            providers=rows,
            password_set=True,
            settings={},
            combos={combo.name: combo for combo in combos},
            aliases=aliases or {},
        )
        known = catalog(rows.values(), Tables())
        table = models_from_modelsdev(b"{}", known)
        self.resting, self.counters = resting or Resting(), Counters()
        self.pulse, self.traces = Pulse(Dice(1)), Traces()
        self.captures = Captures()
        ledger = Ledger(
            self.journal,
            lambda target, usage: None if prices is None else cost(prices, usage),
            self.pulse,
            self.traces,
            self.counters,
            self.log,
            self.clock,
        )
        self.accounts = Accounts(self.clock.monotonic, lambda: self.live.current.limits.queue)
        self.allowance = Allowance(self.clock, lambda target: prices)
        course = Course(self.resting, self.pulse, self.accounts, ledger, self.clock)
        candidates = self.candidates = Candidates(known, lambda: table)
        prepare = Prepare(
            DIALECTS,
            upstreams=UPSTREAMS,
            user_agent="test",
            timings=Timings(Phases(), self.pulse.waits),
            proxy=None,
            replay=Replay(self.clock),
        )
        self.snapshot, self.live = snapshot, Live(snapshot)
        draws = Draws(self.accounts, self.clock.monotonic)
        self.choose = Choose(
            candidates,
            self.pulse,
            draws,
            sheet=lambda target: None,
            seeds=lambda: 1,
            now=self.clock.monotonic,
        )
        rules = self.rules = perimeter(bind="127.0.0.1", port=20128, require_api_key=False)
        deliver = Deliver(ledger, self.clock, Ids())
        joined = Joined(ledger, self.clock)
        self.shelf = Shelf()
        self.cache = ExactCache(
            Memory(max_entries=100, max_bytes=1_000_000),
            cast("RealShelf", self.shelf),
            Meanings(self.clock, most=100, ttl_s=1800),
            self.clock,
            ttl_s=1800,
        )
        cached = Cached(self.cache, joined, deliver, DIALECTS, clock=self.clock, ids=Ids(), enabled=True)
        self.window = Window(self.clock, length_s=5)
        self.keyring = Keyring(b"pepper")
        bounds = Bounds(most_bytes=100_000)
        self.fetching = Fetching(transport, self.clock, AS_BYTES, bounds, user_agent="test", proxy=None)
        self.storage = Storage(self.clock, longest_s=1800, most=100, most_bytes=1_000_000)
        self.threads = Threads(self.storage, DIALECTS["openai_responses"], Ids())
        self.conduct = Conduct(
            Conversations(), self.accounts.learned, DIALECTS, clock=self.clock, ids=Ids(), log=self.log
        )
        self.allowance.spending.priced()
        self.generate = Generate(
            live=self.live,
            admit=Admit(rules, self.keyring, self.clock),
            threads=self.threads,
            sharing=Sharing(Repeats(joined, self.window), cached),
            choose=self.choose,
            conduct=self.conduct,
            allowance=self.allowance,
            strict=Strict(prepare),
            attempts=Attempts(prepare, transport, course, self.accounts.learned, self.clock, self.fetching),
            deliver=deliver,
            ledger=ledger,
            recorder=Recorder(self.captures, self.clock),
            resting=self.resting,
            clock=self.clock,
            log=self.log,
            max_attempts=6,
        )

    async def ask(self, exchange: Exchange, dialect: str = "openai_chat", pinned: str | None = None) -> Exchange:
        await self.generate(exchange, DIALECTS[dialect], pinned)
        return exchange


def stage(
    *script: object,
    accounts: dict[str, int] | None = None,
    codecs: dict[str, str] | None = None,
    combos: tuple[Combo, ...] = (),
    aliases: dict[str, str] | None = None,
    more: tuple[tuple[Provider, Connection], ...] = (),
    grants: dict[str, Grant] | None = None,
    prices: Sheet | None = None,
    resting: Resting | None = None,
) -> Stage:
    """A provider `up` of the chat dialect and one `claude` of Anthropic's, each with one account unless said, and
    `more` rows with a connection of their own, `grants` by the key that a client sends, and `prices` of
    everything."""
    default = {"up": 1, "claude": 1}
    return Stage(
        ScriptedTransport(*script),
        accounts or default,
        codecs or {"up": "openai_chat", "claude": "anthropic"},
        combos,
        aliases,
        more,
        grants,
        prices,
        resting,
    )
