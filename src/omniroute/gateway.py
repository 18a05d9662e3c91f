"""The wiring of what serves requests: the endpoints, and behind them the pipeline from admission to the ledger."""

from collections.abc import Callable
from typing import NamedTuple

from omniroute.access.keys import Keyring
from omniroute.access.perimeter import Perimeter
from omniroute.access.routes import Route
from omniroute.accounts.discovery import Discovery
from omniroute.caching.exact import ExactCache
from omniroute.caching.memory import Memory
from omniroute.caching.semantic.meanings import Meanings
from omniroute.caching.shelf import Shelf
from omniroute.caching.window import Window
from omniroute.catalog.lookup import Catalog
from omniroute.catalog.models import ModelTable
from omniroute.clock import Clock, Ids, Rng
from omniroute.config.settings import Settings
from omniroute.dialects.registry import AS_BYTES, COUNTERS, COUNTINGS, DIALECTS, UPSTREAMS
from omniroute.dialects.simple.registry import CODECS
from omniroute.ir.result import Usage
from omniroute.ir.target import Target
from omniroute.ledger.captures import Captures
from omniroute.ledger.cost import Cost, Sheet
from omniroute.ledger.journal import Journal
from omniroute.ledger.prices import Prices
from omniroute.pipeline.admit import Admit
from omniroute.pipeline.allowance import Allowance
from omniroute.pipeline.attempt import Attempts
from omniroute.pipeline.cached import Cached
from omniroute.pipeline.candidates import Candidates
from omniroute.pipeline.choose import Choose
from omniroute.pipeline.combo_trial import ComboTrial
from omniroute.pipeline.conduct import Conduct
from omniroute.pipeline.converse import Converse
from omniroute.pipeline.count import CountTokens
from omniroute.pipeline.course import Course
from omniroute.pipeline.deliver import Deliver
from omniroute.pipeline.draws import Draws
from omniroute.pipeline.fetching import Bounds, Fetching
from omniroute.pipeline.finish import Ledger
from omniroute.pipeline.generate import Generate
from omniroute.pipeline.holders import Holders
from omniroute.pipeline.joined import Joined
from omniroute.pipeline.phases import Phases
from omniroute.pipeline.prepare import Prepare
from omniroute.pipeline.recording import Recorder
from omniroute.pipeline.relay import Relay
from omniroute.pipeline.repeat import Repeats
from omniroute.pipeline.replay import Replay
from omniroute.pipeline.sharing import Sharing
from omniroute.pipeline.spending import unknown_prices
from omniroute.pipeline.stored import Storage
from omniroute.pipeline.strict import Strict
from omniroute.pipeline.threads import Threads
from omniroute.pipeline.timings import Timings
from omniroute.pipeline.trace import Traces
from omniroute.routing.bounds import Queue
from omniroute.routing.resilience import Resilience
from omniroute.snapshot.live import Live
from omniroute.storage.database import Database
from omniroute.storage.writer import Writer
from omniroute.surfaces.counting import counting
from omniroute.surfaces.embed import ollama_embedding
from omniroute.surfaces.embeddings import embedding_models
from omniroute.surfaces.gemini import gemini
from omniroute.surfaces.generation import generation
from omniroute.surfaces.images import images
from omniroute.surfaces.models import Models, model_lists
from omniroute.surfaces.ollama_server import ollama_server
from omniroute.surfaces.page import Page
from omniroute.surfaces.setup_page import SetupPage
from omniroute.surfaces.simple import simple
from omniroute.surfaces.status import Condition, Status
from omniroute.surfaces.stored import stored
from omniroute.surfaces.system import Health, Init
from omniroute.surfaces.table import Endpoint
from omniroute.surfaces.transcription import transcription
from omniroute.telemetry.counters import Counters
from omniroute.telemetry.log import Log
from omniroute.traffic.accounts import Accounts
from omniroute.traffic.conversations import Conversations
from omniroute.traffic.keeping import Keeping, recall
from omniroute.traffic.pulse import Pulse
from omniroute.traffic.resting import Resting
from omniroute.upstream.transport import Transport


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
    captures: Captures
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

    def sheet(self, target: Target) -> Sheet | None:
        """The prices at `target` now; None where nobody knows."""
        provider = self.live.current.providers.get(target.provider)
        return None if provider is None else self.prices.sheet(provider, target.model, self.clock.now())

    def queue(self) -> Queue:
        """How long requests wait for accounts with bounds, as it is set now."""
        return self.live.current.limits.queue

    def resilience(self) -> Resilience:
        """What becomes of accounts that fail, as it is set now."""
        return self.live.current.resilience


class Gateway:
    """`endpoints` is all that is served; the rest is what the management API looks into."""

    def __init__(self, ground: Ground) -> None:
        openai = DIALECTS["openai_chat"]
        admit = Admit(ground.perimeter, ground.keyring, ground.clock, usual_s=ground.settings.deadline_s)
        keeping = Keeping(ground.writer, ground.clock)
        pulse = self.pulse = Pulse(ground.rng, ground.resilience, keeping)
        self.accounts = Accounts(ground.clock.monotonic, ground.queue)
        unknown = unknown_prices(
            ground.settings.budget_unknown_input_usd, ground.settings.budget_unknown_output_usd
        )
        self.allowance = Allowance(ground.clock, ground.sheet, unknown)
        self.traces = Traces()
        ledger = Ledger(
            ground.journal, ground.price, pulse, self.traces, ground.counters, ground.log, ground.clock
        )
        self.resting = Resting(ground.rng, ground.resilience, keeping)
        versions = {one.id: one.version for one in ground.live.current.by_id.values()}
        recall(ground.database, self.resting, pulse, ground.clock, versions=versions)
        course = Course(self.resting, pulse, self.accounts, ledger, ground.clock)
        settings = ground.settings
        user_agent = f"omniroute/{ground.version}"
        timings = Timings(_phases(settings), pulse.waits)
        candidates = Candidates(ground.catalog, ground.models)
        draws = Draws(self.accounts, ground.clock.monotonic)
        self.choose = Choose(
            candidates, pulse, draws, sheet=ground.sheet, seeds=ground.seeds, now=ground.clock.monotonic
        )
        prepare = Prepare(
            DIALECTS,
            upstreams=UPSTREAMS,
            user_agent=user_agent,
            timings=timings,
            proxy=settings.proxy,
            replay=Replay(ground.clock),
        )
        deliver = Deliver(ledger, ground.clock, ground.ids)
        self.cache = _cache(ground)
        self.window = Window(ground.clock, length_s=settings.idempotency_window_s)
        storage = _storage(ground)
        threads = Threads(storage, DIALECTS["openai_responses"], ground.ids)
        self.conduct = Conduct(
            Conversations(),
            self.accounts.learned,
            DIALECTS,
            clock=ground.clock,
            ids=ground.ids,
            log=ground.log,
        )
        recorder = Recorder(ground.captures, ground.clock)
        generate = Generate(
            live=ground.live,
            admit=admit,
            threads=threads,
            sharing=_sharing(ground, self.cache, self.window, ledger, deliver),
            choose=self.choose,
            conduct=self.conduct,
            allowance=self.allowance,
            strict=Strict(prepare),
            attempts=Attempts(
                prepare,
                ground.transport,
                course,
                self.accounts.learned,
                ground.clock,
                _fetching(ground, user_agent),
            ),
            deliver=deliver,
            ledger=ledger,
            recorder=recorder,
            resting=self.resting,
            clock=ground.clock,
            log=ground.log,
            max_attempts=settings.max_attempts,
        )
        self.combo_metrics = pulse.combos
        self.try_combo = ComboTrial(
            ground.live, self.choose, generate.inner, self.traces, openai, clock=ground.clock, ids=ground.ids
        )
        relay = Relay(
            live=ground.live,
            admit=admit,
            choose=self.choose,
            allowance=self.allowance,
            course=course,
            codecs=CODECS,
            converse=Converse(ground.transport, ground.clock, user_agent=user_agent, proxy=settings.proxy),
            timings=timings,
            ledger=ledger,
            recorder=recorder,
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
            counters=COUNTERS,
            threads=threads,
            clock=ground.clock,
            user_agent=user_agent,
            proxy=settings.proxy,
            log=ground.log,
        )
        holders = Holders(ground.transport, ground.clock, user_agent=user_agent, proxy=settings.proxy)
        models = Models(ground.live, admit, ground.models, Discovery(ground.transport, ground.clock))
        self.endpoints = (
            *generation(generate, DIALECTS),
            *simple(relay, openai),
            *images(relay, models, ground.live, openai),
            *transcription(relay, openai),
            *stored(ground.live, admit, storage, holders, DIALECTS["openai_responses"]),
            *gemini(generate, count, relay),
            *ollama_embedding(relay, DIALECTS["ollama"]),
            *ollama_server(models, relay, DIALECTS["ollama"]),
            *counting(count, DIALECTS),
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


def _phases(settings: Settings) -> Phases:
    return Phases(
        connect_s=settings.connect_timeout_s,
        write_s=settings.write_timeout_s,
        first_byte_s=settings.first_byte_timeout_s,
        stream_first_byte_s=settings.stream_first_byte_timeout_s,
        first_event_s=settings.first_event_timeout_s,
        reasoning_first_event_s=settings.reasoning_first_event_timeout_s,
        idle_s=settings.idle_timeout_s,
        useful_idle_s=settings.useful_idle_timeout_s,
        total_s=settings.total_timeout_s,
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


def _fetching(ground: Ground, user_agent: str) -> Fetching | None:
    settings = ground.settings
    if not settings.media_fetch:
        return None
    bounds = Bounds(
        most_bytes=settings.media_bytes, patience_s=settings.media_patience_s, private=settings.media_private
    )
    return Fetching(ground.transport, ground.clock, AS_BYTES, bounds, user_agent=user_agent, proxy=settings.proxy)


def _storage(ground: Ground) -> Storage | None:
    settings = ground.settings
    if not settings.responses_store:
        return None
    return Storage(
        ground.clock,
        longest_s=settings.responses_ttl_s,
        most=settings.responses_entries,
        most_bytes=settings.responses_bytes,
    )


def _cache(ground: Ground) -> ExactCache:
    settings = ground.settings
    memory = Memory(max_entries=settings.cache_memory_entries, max_bytes=settings.cache_memory_bytes)
    shelf = Shelf(ground.database, ground.writer, rows=settings.cache_rows)
    meanings = Meanings(ground.clock, most=settings.cache_questions, ttl_s=settings.cache_ttl_s)
    return ExactCache(memory, shelf, meanings, ground.clock, ttl_s=settings.cache_ttl_s)
