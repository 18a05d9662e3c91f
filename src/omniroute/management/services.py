"""Everything the management API works with, given to it once by the composition root."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from omniroute.access.administrator import Administrator
from omniroute.access.grant import Grant
from omniroute.access.issuing import Issuer
from omniroute.access.perimeter import Perimeter
from omniroute.access.setup import SetupTokens
from omniroute.accounts.connection import Connection
from omniroute.accounts.connections import Connections
from omniroute.accounts.nodes import Nodes
from omniroute.catalog.lookup import Catalog
from omniroute.catalog.models import ModelTable
from omniroute.clock import Clock, Ids
from omniroute.config.settings import Settings
from omniroute.dialects.base import Dialect
from omniroute.storage.database import Database
from omniroute.storage.sealing import Sealer
from omniroute.storage.writer import Writer
from omniroute.upstream.transport import Transport


@dataclass(frozen=True, kw_only=True)
class Services:
    """`find_grant` answers for a presented client key in the current snapshot (`Keyring.find`), `models` gives the
    current model table, `env_connections` are those of `accounts.env`, `random` gives that many secure bytes,
    `started` is `clock.monotonic()` at start, `cli_token` is the hexadecimal text of `secrets/cli-token`."""

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
    dialects: Mapping[str, Dialect]
    transport: Transport
    env_connections: tuple[Connection, ...] = ()

    administrator: Administrator = field(init=False)
    issuer: Issuer = field(init=False)
    connections: Connections = field(init=False)
    nodes: Nodes = field(init=False)

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
        put(self, "nodes", Nodes(self.writer, self.catalog, self.dialects, self.random))

    def now_ms(self) -> int:
        """Unix time in milliseconds, as rows store it."""
        return int(self.clock.now() * 1000)
