"""The pipeline of simple operations on a scripted transport; waiting moves its clock and takes no time."""

from omniroute.access.keys import Keyring
from omniroute.access.perimeter import perimeter
from omniroute.accounts.connection import Connection, Secret
from omniroute.catalog.lookup import Tables, catalog
from omniroute.catalog.models import models_from_modelsdev
from omniroute.catalog.provider import Operation, OperationName, Provider
from omniroute.dialects.registry import DIALECTS
from omniroute.dialects.simple.base import Codec
from omniroute.dialects.simple.registry import CODECS
from omniroute.pipeline.admit import Admit
from omniroute.pipeline.allowance import Allowance
from omniroute.pipeline.candidates import Candidates
from omniroute.pipeline.choose import Choose
from omniroute.pipeline.converse import Converse
from omniroute.pipeline.course import Course
from omniroute.pipeline.draws import Draws
from omniroute.pipeline.finish import Ledger
from omniroute.pipeline.inquiry import Reading
from omniroute.pipeline.phases import Phases
from omniroute.pipeline.recording import Recorder
from omniroute.pipeline.relay import Relay
from omniroute.pipeline.timings import Timings
from omniroute.pipeline.trace import Traces
from omniroute.routing.dice import Dice
from omniroute.snapshot.model import Snapshot
from omniroute.surfaces.simple import reading
from omniroute.telemetry.counters import Counters
from omniroute.traffic.accounts import Accounts
from omniroute.traffic.pulse import Pulse
from omniroute.traffic.resting import Resting
from omniroute.upstream.scripted import ScriptedTransport
from tests.unit.pipeline.stage import Captures, Clock, Exchange, Ids, Journal, Live, Log

UP = Provider(
    id="up",
    alias="upper",
    name="Up",
    base_url="https://up.test/v1",
    operations={
        "embeddings": Operation(codec="embeddings"),
        "completions": Operation(codec="completions"),
        "moderations": Operation(codec="moderations"),
        "speech": Operation(codec="speech"),
        "rerank": Operation(codec="rerank", path="/v2/rank", base_url="https://rank.up.test"),
    },
)


class RelayStage:
    """`row` has as many accounts as `accounts`."""

    def __init__(
        self, *script: object, row: Provider = UP, accounts: int = 1, codecs: dict[str, Codec] = CODECS
    ) -> None:
        self.transport, self.journal, self.log, self.clock = ScriptedTransport(*script), Journal(), Log(), Clock()
        self.waited: list[float] = []
        connections = tuple(
            Connection(id=f"up-{number}", provider=row.id, name=str(number), secret=Secret(f"sk-{number}"))
            for number in range(accounts)
        )
        snapshot = Snapshot(
            revision=1,
            grants={},
            connections={row.id: connections},
            by_id={one.id: one for one in connections},
            providers={row.id: row, row.alias: row},
            password_set=True,
            settings={},
        )
        known = catalog([row], Tables())
        table = models_from_modelsdev(b"{}", known)
        rules = perimeter(bind="127.0.0.1", port=20128, require_api_key=False)
        resting, pulse = Resting(), Pulse(Dice(1))
        self.captures, self.live = Captures(), Live(snapshot)
        ledger = Ledger(
            self.journal, lambda target, usage: None, pulse, Traces(), Counters(), self.log, self.clock
        )
        accounts = Accounts(self.clock.monotonic)
        candidates = Candidates(known, lambda: table)
        self.relay = Relay(
            live=self.live,
            admit=Admit(rules, Keyring(b"pepper"), self.clock),
            choose=Choose(
                candidates,
                pulse,
                Draws(accounts, self.clock.monotonic),
                sheet=lambda target: None,
                seeds=lambda: 1,
                now=self.clock.monotonic,
            ),
            allowance=Allowance(self.clock),
            course=Course(resting, pulse, accounts, ledger, self.clock),
            codecs=codecs,
            converse=Converse(
                self.transport,
                self.clock,
                user_agent="test",
                proxy="http://proxy.test",
                sleep=self._sleep,
            ),
            timings=Timings(Phases(), pulse.waits),
            ledger=ledger,
            recorder=Recorder(self.captures, self.clock),
            resting=resting,
            clock=self.clock,
            ids=Ids(),
            log=self.log,
            max_attempts=6,
            dialect=DIALECTS["openai_chat"],
        )

    async def _sleep(self, seconds: float) -> None:
        self.waited.append(seconds)
        self.clock.time += seconds

    async def ask(
        self,
        body: object,
        operation: OperationName = "embeddings",
        read: Reading | None = None,
        pinned: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> Exchange:
        exchange = Exchange(body, headers)
        await self.relay(exchange, operation, read or reading(), pinned)
        return exchange
