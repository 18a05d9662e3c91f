"""The wiring of what serves requests: the endpoints, and behind them the pipeline from admission to the ledger."""

from collections.abc import Callable
from typing import NamedTuple

from omniroute.access.keys import Keyring
from omniroute.access.perimeter import Perimeter
from omniroute.access.routes import Route
from omniroute.accounts.discovery import Discovery
from omniroute.caching.exact import ExactCache
from omniroute.caching.memory import Memory
from omniroute.caching.shelf import Shelf
from omniroute.caching.window import Window
from omniroute.catalog.lookup import Catalog
from omniroute.catalog.models import ModelTable
from omniroute.clock import Clock, Ids, Rng
from omniroute.config.settings import Settings
from omniroute.dialects.registry import COUNTINGS, DIALECTS, UPSTREAMS
from omniroute.dialects.simple.registry import CODECS
from omniroute.ir.result import Usage
from omniroute.ir.target import Target
from omniroute.ledger.cost import Cost
from omniroute.ledger.journal import Journal
from omniroute.ledger.prices import Prices
from omniroute.pipeline.admit import Admit
from omniroute.pipeline.allowance import Allowance
from omniroute.pipeline.attempt import Attempts
from omniroute.pipeline.cached import Cached
from omniroute.pipeline.candidates import Candidates
from omniroute.pipeline.choose import Choose
from omniroute.pipeline.converse import Converse
from omniroute.pipeline.count import CountTokens
from omniroute.pipeline.course import Course
from omniroute.pipeline.deliver import Deliver
from omniroute.pipeline.draws import Draws
from omniroute.pipeline.finish import Ledger
from omniroute.pipeline.generate import Generate
from omniroute.pipeline.joined import Joined
from omniroute.pipeline.prepare import Prepare
from omniroute.pipeline.relay import Relay
from omniroute.pipeline.repeat import Repeats
from omniroute.pipeline.replay import Replay
from omniroute.pipeline.sharing import Sharing
from omniroute.pipeline.strict import Strict
from omniroute.pipeline.trace import Traces
from omniroute.snapshot.live import Live
from omniroute.storage.database import Database
from omniroute.storage.writer import Writer
from omniroute.surfaces.counting import counting
from omniroute.surfaces.embeddings import embedding_models
from omniroute.surfaces.gemini import gemini
from omniroute.surfaces.generation import generation, stored
from omniroute.surfaces.images import images
from omniroute.surfaces.models import Models, model_lists
from omniroute.surfaces.page import Page
from omniroute.surfaces.setup_page import SetupPage
from omniroute.surfaces.simple import simple
from omniroute.surfaces.status import Condition, Status
from omniroute.surfaces.system import Health, Init
from omniroute.surfaces.table import Endpoint
from omniroute.surfaces.transcription import transcription
from omniroute.telemetry.counters import Counters
from omniroute.telemetry.log import Log
from omniroute.traffic.accounts import Accounts
from omniroute.traffic.pulse import Pulse
from omniroute.traffic.resting import Resting
from omniroute.upstream.transport import Deadlines, Transport


class Ground(NamedTuple):
    """What there is before anything is served. `models` gives the current model table, `built_in` is the id of the
    provider that comes with the gateway, `condition` says how the process is."""

    settings: Settings
    version: str
    clock: Clock
    ids: Ids
    rng: Rng
    seeds: Callable[[], int]
    log: Log
    catalog: Catalog
    models: Callable[[], ModelTable]
    live: Live
    database: Database
    writer: Writer
    journal: Journal
    prices: Prices
    counters: Counters
    keyring: Keyring
    perimeter: Perimeter
    transport: Transport
    built_in: str
    condition: Callable[[], Condition]

    def price(self, target: Target, usage: Usage) -> Cost | None:
        """What `usage` at `target` costs now; None where nobody knows."""
        provider = self.live.current.providers.get(target.provider)
        return None if provider is None else self.prices.cost(provider, target.model, usage, self.clock.now())


class Gateway:
    """`endpoints` is all that is served; the rest is what the management API looks into."""

    def __init__(self, ground: Ground) -> None:
        openai = DIALECTS["openai_chat"]
        admit = Admit(ground.perimeter, ground.keyring, ground.clock)
        pulse = Pulse(ground.rng)
        self.accounts = Accounts()
        self.allowance = Allowance(ground.clock)
        self.traces = Traces()
        ledger = Ledger(
            ground.journal, ground.price, pulse, self.traces, ground.counters, ground.log, ground.clock
        )
        self.resting = Resting()
        course = Course(self.resting, pulse, self.accounts, ledger, ground.clock)
        settings = ground.settings
        user_agent = f"omniroute/{ground.version}"
        deadlines = Deadlines(
            connect_s=settings.connect_timeout_s,
            first_byte_s=settings.first_byte_timeout_s,
            idle_s=settings.idle_timeout_s,
            total_s=settings.total_timeout_s,
        )
        candidates = Candidates(ground.catalog, ground.models)
        draws = Draws(self.accounts, ground.clock.monotonic)
        self.choose = Choose(
            candidates, pulse, draws, price=ground.price, seeds=ground.seeds, now=ground.clock.monotonic
        )
        prepare = Prepare(
            DIALECTS,
            upstreams=UPSTREAMS,
            user_agent=user_agent,
            deadlines=deadlines,
            proxy=settings.proxy,
            replay=Replay(ground.clock),
        )
        deliver = Deliver(ledger, ground.clock, ground.ids)
        self.cache = _cache(ground)
        self.window = Window(ground.clock, length_s=settings.idempotency_window_s)
        generate = Generate(
            live=ground.live,
            admit=admit,
            sharing=_sharing(ground, self.cache, self.window, ledger, deliver),
            choose=self.choose,
            allowance=self.allowance,
            strict=Strict(prepare),
            attempts=Attempts(prepare, ground.transport, course, self.accounts.learned, ground.clock),
            deliver=deliver,
            ledger=ledger,
            resting=self.resting,
            clock=ground.clock,
            log=ground.log,
            max_attempts=settings.max_attempts,
        )
        relay = Relay(
            live=ground.live,
            admit=admit,
            choose=self.choose,
            allowance=self.allowance,
            course=course,
            codecs=CODECS,
            converse=Converse(
                ground.transport, ground.clock, user_agent=user_agent, deadlines=deadlines, proxy=settings.proxy
            ),
            ledger=ledger,
            resting=self.resting,
            clock=ground.clock,
            ids=ground.ids,
            log=ground.log,
            max_attempts=settings.max_attempts,
            dialect=openai,
        )
        status = Status(
            ground.live,
            ground.clock,
            version=ground.version,
            catalog_size=len(ground.catalog.providers),
            built_in=ground.built_in,
            condition=ground.condition,
        )
        count = CountTokens(
            live=ground.live,
            admit=admit,
            candidates=candidates,
            transport=ground.transport,
            countings=COUNTINGS,
            user_agent=user_agent,
            proxy=settings.proxy,
            log=ground.log,
        )
        models = Models(ground.live, admit, ground.models, Discovery(ground.transport, ground.clock))
        self.endpoints = (
            *generation(generate, DIALECTS),
            *simple(relay, openai),
            *images(relay, models, ground.live, openai),
            *transcription(relay, openai),
            *stored(ground.live, admit, DIALECTS["openai_responses"]),
            *gemini(generate, count),
            *counting(count, DIALECTS["anthropic"]),
            *model_lists(models, DIALECTS),
            *embedding_models(models, openai),
            Endpoint(
                route=Route("GET", "/api/monitoring/health", "public", "health"),
                handler=Health(status),
                dialect=openai,
                more_for_managers=True,
            ),
            Endpoint(route=Route("GET", "/api/init", "public", "init"), handler=Init(status), dialect=openai),
            Endpoint(route=Route("GET", "/", "public", "page"), handler=Page(), dialect=openai),
            Endpoint(route=Route("GET", "/setup", "public", "setup"), handler=SetupPage(), dialect=openai),
        )


def _sharing(ground: Ground, cache: ExactCache, window: Window, ledger: Ledger, deliver: Deliver) -> Sharing:
    joined = Joined(ledger, ground.clock)
    cached = Cached(
        cache,
        joined,
        deliver,
        DIALECTS,
        clock=ground.clock,
        ids=ground.ids,
        enabled=ground.settings.cache_enabled,
    )
    return Sharing(Repeats(joined, window), cached)


def _cache(ground: Ground) -> ExactCache:
    settings = ground.settings
    memory = Memory(max_entries=settings.cache_memory_entries, max_bytes=settings.cache_memory_bytes)
    shelf = Shelf(ground.database, ground.writer, rows=settings.cache_rows)
    return ExactCache(memory, shelf, ground.clock, ttl_s=settings.cache_ttl_s)
