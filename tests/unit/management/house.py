"""A management API over a real data directory, with a clock that is moved by hand and scripted providers."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import msgspec
from sqlalchemy import Connection
from starlette.testclient import TestClient

from omniroute.access import passwords, sessions
from omniroute.access.grant import LOCAL_GRANT, Grant
from omniroute.access.keys import Keyring
from omniroute.access.perimeter import perimeter
from omniroute.access.setup import SetupTokens
from omniroute.accounts.env import env_connections
from omniroute.caching.exact import ExactCache
from omniroute.caching.memory import Memory
from omniroute.caching.semantic.meanings import Meanings
from omniroute.caching.shelf import Shelf
from omniroute.caching.window import Window
from omniroute.catalog.loader import load
from omniroute.catalog.models import models_from_modelsdev
from omniroute.config.settings import Settings
from omniroute.dialects.registry import DIALECTS
from omniroute.ledger.captures import Captures
from omniroute.ledger.prices import Prices
from omniroute.management.app import build
from omniroute.management.services import Services
from omniroute.pipeline.allowance import Allowance
from omniroute.pipeline.candidates import Candidates
from omniroute.pipeline.choose import Choose, Chosen
from omniroute.pipeline.combo_trial import StepTrial
from omniroute.pipeline.draws import Draws
from omniroute.pipeline.trace import Traces
from omniroute.routing.dice import Dice
from omniroute.routing.strategy import Asked
from omniroute.routing.tree import Branch
from omniroute.server.system import SystemIds
from omniroute.snapshot.live import Live
from omniroute.storage.database import Database
from omniroute.storage.datadir import DataDir
from omniroute.storage.repos import audit, keys, meta
from omniroute.storage.sealing import Sealer
from omniroute.storage.writer import Writer
from omniroute.telemetry.counters import Counters
from omniroute.traffic.accounts import Accounts
from omniroute.traffic.combo_metrics import ComboMetrics
from omniroute.traffic.pulse import Pulse
from omniroute.traffic.resting import Resting
from omniroute.upstream.scripted import Answer, Fault, ScriptedTransport
from omniroute.upstream.transport import UpstreamRequest

PASSWORD = "correct horse battery"
HOST = "localhost:20128"
MODELS = Answer(chunks=(b'{"data":[{"id":"m-1","object":"model","owned_by":"somebody"}]}',))
CATALOG = load().served(False)


@cache
def _password_hash() -> str:
    return passwords.hashed(PASSWORD)


class Hand:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.at = 1_800_000_000.0

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at


class House:
    """Everything behind one management API. `answer` says what providers reply; the default lists one model."""

    def __init__(self, path: Path, *, environ: dict[str, str] | None = None, **settings: object) -> None:
        self.data_dir = DataDir(path)
        self.clock = Hand()
        self.answer: Callable[[UpstreamRequest], Answer | Fault] = lambda request: MODELS
        self.transport = ScriptedTransport(lambda request: self.answer(request))
        self.database = Database.open(self.data_dir.database)
        self.writer = Writer(self.database)
        self.settings = Settings(data_dir=path, **settings)  # type: ignore[arg-type]
        self.setup_tokens = SetupTokens(self.clock, os.urandom)
        pepper = self.data_dir.secret("pepper")
        self.keyring = Keyring(pepper, self.settings.api_key)
        self.traces = Traces()
        self.combo_metrics = ComboMetrics()
        self.accounts, self.allowance = Accounts(self.clock.monotonic), Allowance(self.clock)
        self.resting = Resting(rules=lambda: self.live.current.resilience)
        self.pulse = Pulse(Dice(1), lambda: self.live.current.resilience)
        shelf = Shelf(self.database, self.writer, rows=100)
        meanings = Meanings(self.clock, most=100, ttl_s=1800)
        self.cache = ExactCache(
            Memory(max_entries=500, max_bytes=100_000), shelf, meanings, self.clock, ttl_s=1800
        )
        self.window = Window(self.clock, length_s=5)
        self.counters = Counters()
        self.prices = Prices(lambda: self.live.current.prices)
        self.captures = Captures(self.data_dir.captures)
        self.services = Services(
            settings=self.settings,
            version="9.9.9",
            started=self.clock.monotonic(),
            clock=self.clock,
            ids=SystemIds(),
            random=os.urandom,
            database=self.database,
            writer=self.writer,
            sealer=Sealer(self.data_dir.secret("seal")),
            pepper=pepper,
            session_secret=self.data_dir.secret("session"),
            cli_token=self.data_dir.secret("cli-token").hex(),
            setup_tokens=self.setup_tokens,
            perimeter=perimeter(
                bind="127.0.0.1",
                port=20128,
                require_api_key=False,
                trusted_proxies=self.settings.trusted_proxies,
                public_base_url=self.settings.public_base_url,
            ),
            find_grant=self.find_grant,
            catalog=CATALOG,
            models=lambda: models_from_modelsdev(b"{}", CATALOG),
            dialects=DIALECTS,
            transport=self.transport,
            rehearse=self.rehearse,
            trace=self.traces.find,
            try_combo=self.try_combo,
            combo_metrics=self.combo_metrics,
            prices=self.prices,
            captures=self.captures,
            counters=self.counters,
            cache=self.cache,
            window=self.window,
            accounts=self.accounts,
            resting=self.resting,
            pulse=self.pulse,
            serving=lambda name: self.choose.serving(self.live.current, name),
            allowance=self.allowance,
            snapshot=lambda: self.live.current,
            meaningless=lambda name: self.choose.meaningless(self.live.current, name),
            unknown_model=lambda name: self.choose.unknown(self.live.current, name),
            env_connections=env_connections(environ or {}, CATALOG),
        )
        self.live = Live(self.database, self.writer, self.services.sealer, CATALOG.prefixes)
        candidates = Candidates(CATALOG, self.services.models)
        draws = Draws(self.accounts, self.clock.monotonic)
        self.choose = Choose(
            candidates,
            self.pulse,
            draws,
            sheet=lambda target: None,
            seeds=lambda: 1,
            now=self.clock.monotonic,
        )
        self.app = build(self.services)

    def rehearse(self, combo: str, asked: Asked) -> tuple[Chosen, Branch]:
        snapshot = self.live.current
        return self.choose.rehearse(snapshot, snapshot.combos[combo], LOCAL_GRANT, asked)

    async def try_combo(self, combo: str) -> tuple[StepTrial, ...]:
        """Nobody: a house has no pipeline. tests/fault/test_combo_trials.py has the whole."""
        return ()

    def find_grant(self, key: str) -> Grant | None:
        """What the snapshot answers, straight from the rows."""
        rows = self.database.read(keys.every)
        grants = {
            row.digest: Grant(
                key_id=row.id,
                name=row.name,
                scopes=row.scopes,
                active=row.is_active,
                banned=row.is_banned,
                expires_at=None if row.expires_at is None else row.expires_at / 1000,
            )
            for row in rows
        }
        return self.keyring.find(key, grants)

    def client(
        self, *, peer: str = "127.0.0.1", host: str = HOST, scheme: str = "http", **headers: str
    ) -> TestClient:
        """A client whose socket's other end is `peer`. Header names are written with underscores."""
        return TestClient(
            self.app,
            base_url=f"{scheme}://{host}",
            client=(peer, 50_000),
            headers={name.replace("_", "-"): value for name, value in headers.items()},
        )

    def set_up(self) -> None:
        """Sets the first password, behind the API's back: hashing it anew for every test would take minutes."""
        self.writer.write(lambda connection: meta.put_password(connection, _password_hash()))

    def admin(self) -> TestClient:
        """A client with a session of its own; the first password is set when there is none."""
        if self.database.read(meta.password) is None:
            self.set_up()
        cookie = sessions.token(os.urandom(32))
        stored, now = sessions.digest(self.services.session_secret, cookie), self.services.now_ms()

        def change(connection: Connection) -> None:
            password = meta.password(connection)
            assert password is not None
            sessions.opened(connection, stored, now=now, password_version=password.version)

        self.writer.write_quietly(change)
        client = self.client()
        client.cookies.set("auth_token", cookie)
        return client

    def key(self, *scopes: str) -> str:
        """A new client key."""
        answer = self.admin().post("/api/keys", json={"name": "k", "scopes": list(scopes)})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["key"])

    @property
    def cli_token(self) -> str:
        return self.services.cli_token

    def audited(self) -> list[audit.AuditRow]:
        """Oldest first."""
        return list(reversed(self.database.read(lambda connection: audit.latest(connection, limit=1000))))

    def actions(self) -> list[str]:
        return [row.action for row in self.audited()]

    def close(self) -> None:
        self.captures.close()
        self.writer.close()
        self.database.close()


@contextmanager
def housed(path: Path, *, environ: dict[str, str] | None = None, **settings: object) -> Iterator[House]:
    house = House(path, environ=environ, **settings)
    try:
        yield house
    finally:
        house.close()


def replies(status: int, body: object = None, **headers: str) -> Callable[[UpstreamRequest], Answer | Fault]:
    """A provider that always says the same."""
    content = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return lambda request: Answer(status=status, headers=headers, chunks=(content,))


def fails(kind: str) -> Callable[[UpstreamRequest], Answer | Fault]:
    """A provider that cannot be reached."""
    return lambda request: Fault(kind, f"scripted {kind}")  # type: ignore[arg-type]
