"""Everything the management API works with, given to it once by the composition root."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from omniroute.access.administrator import Administrator
from omniroute.access.grant import Grant
from omniroute.access.issuing import Issuer
from omniroute.access.perimeter import Perimeter
from omniroute.access.setup import SetupTokens
from omniroute.accounts.connection import Connection
from omniroute.accounts.connections import Connections
from omniroute.accounts.nodes import Nodes
from omniroute.caching.exact import ExactCache
from omniroute.caching.window import Window
from omniroute.catalog.lookup import Catalog
from omniroute.catalog.models import ModelTable
from omniroute.clock import Clock, Ids
from omniroute.config.settings import Settings
from omniroute.dialects.base import Outbound
from omniroute.dialects.simple.registry import CODECS
from omniroute.ledger.captures import Captures
from omniroute.ledger.prices import Prices
from omniroute.pipeline.allowance import Allowance
from omniroute.pipeline.choose import Chosen
from omniroute.pipeline.combo_trial import StepTrial
from omniroute.pipeline.trace import Trace
from omniroute.routing.candidate import Candidate
from omniroute.routing.strategy import Asked
from omniroute.routing.tree import Branch
from omniroute.snapshot.aliases import Aliases
from omniroute.snapshot.budgets import Budgeting
from omniroute.snapshot.combo_defaults import ComboDefaults
from omniroute.snapshot.combos import Combos
from omniroute.snapshot.limits import Limiting
from omniroute.snapshot.logging import LoggingRules
from omniroute.snapshot.model import Snapshot
from omniroute.snapshot.policies import Policies
from omniroute.snapshot.price_lists import PriceLists
from omniroute.snapshot.pricing import Pricing
from omniroute.snapshot.prompting import Prompting
from omniroute.snapshot.resilience import Patience
from omniroute.snapshot.selection import Selecting
from omniroute.storage.database import Database
from omniroute.storage.sealing import Sealer
from omniroute.storage.writer import Writer
from omniroute.telemetry.counters import Counters
from omniroute.traffic.accounts import Accounts
from omniroute.traffic.combo_metrics import ComboMetrics
from omniroute.traffic.pulse import Pulse
from omniroute.traffic.resting import Resting
from omniroute.upstream.transport import Transport


@dataclass(frozen=True, kw_only=True)
class Services:
    """What the management API may use, each made once.

    `find_grant` answers for a presented client key in the current snapshot (`Keyring.find`), `models` gives the
    current model table, `rehearse` chooses among the targets of a combo without taking a turn, `trace` finds what
    is kept of a request by its id, `try_combo` asks every step of a combo, `combo_metrics` has what became of the
    requests to each, `meaningless` says why a name means no model that can be asked now, `unknown_model` why it
    means none at all, `cache` has kept answers,
    `window` replies that may be asked for again,
    `accounts`, `resting`, `pulse` and `allowance` have what happens at accounts, providers and keys now, `serving`
    says which accounts would serve a name,
    `trouble` says why the gateway is not well, `drained` waits until what was settled is in the tables,
    `snapshot` gives the configuration that holds now, `env_connections` are those of
    `accounts.env`, `random` gives that many secure bytes, `started` is `clock.monotonic()` at start, `cli_token`
    is the hexadecimal text of `secrets/cli-token`.
    """

    settings: Settings
    version: str
    started: float
    clock: Clock
    ids: Ids
    random: Callable[[int], bytes] = field(repr=False)
    database: Database
    writer: Writer
    sealer: Sealer = field(repr=False)
    pepper: bytes = field(repr=False)
    session_secret: bytes = field(repr=False)
    cli_token: str = field(repr=False)
    setup_tokens: SetupTokens
    perimeter: Perimeter
    find_grant: Callable[[str], Grant | None]
    catalog: Catalog
    models: Callable[[], ModelTable]
    dialects: Mapping[str, Outbound]
    transport: Transport
    rehearse: Callable[[str, Asked], tuple[Chosen, Branch]]
    trace: Callable[[str], Trace | None]
    try_combo: Callable[[str], Awaitable[tuple[StepTrial, ...]]]
    combo_metrics: ComboMetrics
    meaningless: Callable[[str], str | None]
    unknown_model: Callable[[str], str | None]
    prices: Prices
    captures: Captures
    counters: Counters
    cache: ExactCache
    window: Window
    accounts: Accounts
    resting: Resting
    pulse: Pulse
    serving: Callable[[str], tuple[Candidate, ...]]
    allowance: Allowance
    snapshot: Callable[[], Snapshot]
    trouble: Callable[[], str | None] = lambda: None
    drained: Callable[[], bool] = lambda: True
    env_connections: tuple[Connection, ...] = ()

    administrator: Administrator = field(init=False)
    issuer: Issuer = field(init=False)
    connections: Connections = field(init=False)
    nodes: Nodes = field(init=False)
    combos: Combos = field(init=False)
    combo_defaults: ComboDefaults = field(init=False)
    aliases: Aliases = field(init=False)
    pricing: Pricing = field(init=False)
    logging: LoggingRules = field(init=False)
    price_lists: PriceLists = field(init=False)
    selecting: Selecting = field(init=False)
    policies: Policies = field(init=False)
    prompting: Prompting = field(init=False)
    patience: Patience = field(init=False)
    budgeting: Budgeting = field(init=False)
    limiting: Limiting = field(init=False)

    def __post_init__(self) -> None:
        put = object.__setattr__  # the dataclass is frozen for everybody else
        put(
            self,
            "administrator",
            Administrator(
                database=self.database,
                writer=self.writer,
                clock=self.clock,
                random=self.random,
                session_secret=self.session_secret,
                setup_tokens=self.setup_tokens,
                initial_password=self.settings.initial_password,
            ),
        )
        put(self, "issuer", Issuer(self.writer, self.pepper, self.random))
        put(self, "connections", Connections(self.writer, self.sealer, self.catalog, self.random))
        put(self, "nodes", Nodes(self.writer, self.catalog, {*self.dialects, *CODECS}, self.random))
        put(self, "aliases", Aliases(self.writer))
        put(self, "pricing", Pricing(self.writer))
        put(self, "price_lists", PriceLists(self.database, self.writer, self.prices))
        put(self, "logging", LoggingRules(self.writer))
        put(self, "selecting", Selecting(self.writer))
        put(self, "policies", Policies(self.writer))
        put(self, "prompting", Prompting(self.writer))
        put(self, "patience", Patience(self.writer))
        put(self, "limiting", Limiting(self.writer))
        put(
            self,
            "budgeting",
            Budgeting(self.writer, self.random, self._has_provider, self._has_connection, self.drained),
        )
        put(self, "combo_defaults", ComboDefaults(self.writer))
        put(self, "combos", Combos(self.writer, self.catalog.prefixes, self.random))

    def _has_provider(self, provider_id: str) -> bool:
        found = self.snapshot().providers.get(provider_id)
        return found is not None and found.id == provider_id

    def _has_connection(self, connection_id: str) -> bool:
        return connection_id in self.snapshot().by_id

    def now_ms(self) -> int:
        """Unix time in milliseconds, as rows store it."""
        return int(self.clock.now() * 1000)
