"""Answers that are kept: given again when the same request comes, and shared while it is under way."""

import asyncio
from collections.abc import Mapping
from typing import Final

import msgspec

from omniroute.caching.exact import ExactCache
from omniroute.caching.kept import Kept, fit
from omniroute.caching.key import Tenant, key_of
from omniroute.caching.semantic.meanings import Meaning, meaning_of
from omniroute.clock import Clock, Ids
from omniroute.dialects.base import Context, Dialect
from omniroute.dialects.envelope import Envelope
from omniroute.dialects.look import as_object
from omniroute.dialects.reading import written_in
from omniroute.errors import InvalidRequest
from omniroute.ir.json import JsonValue
from omniroute.ir.request import Sampling
from omniroute.pipeline.call import Call
from omniroute.pipeline.deliver import Deliver
from omniroute.pipeline.exchange import Exchange
from omniroute.pipeline.flight import Flight, Flights, Life
from omniroute.pipeline.joined import Joined
from omniroute.pipeline.overhear import Overhearing
from omniroute.pipeline.patience import Patience
from omniroute.pipeline.strict import is_strict

HIT: Final = (b"x-omniroute-cache", b"HIT")
MISS: Final = (b"x-omniroute-cache", b"MISS")
_SIMILARITY: Final = b"x-omniroute-cache-similarity"

_NESTED: Final[Mapping[str, tuple[str, ...]]] = {
    "gemini": ("generationConfig", "generation_config"),
    "ollama": ("options",),
}
"""Where a dialect has its sampling parameters, if not at the top."""
_BY_STATE: Final = frozenset(("conversation", "background"))
"""Members that make the answer depend on something that the provider keeps and changes."""
_UNKEPT: Final = frozenset(("audio", "n"))
"""Members that ask for what the representation cannot hold: sound, and several answers."""
_USUAL_VERSION: Final = "2023-06-01"


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A request whose answer may be kept. `shelved` is whether it may be written down."""

    key: bytes
    shelved: bool
    meaning: Meaning | None = None


class Cached:
    """Looks before routing. Whoever has to wait for another one's answer waits at most as long as that takes."""

    def __init__(
        self,
        cache: ExactCache,
        joined: Joined,
        deliver: Deliver,
        dialects: Mapping[str, Dialect],
        *,
        clock: Clock,
        ids: Ids,
        enabled: bool,
    ) -> None:
        self._cache = cache
        self._flights = Flights()
        self._joined = joined
        self._deliver = deliver
        self._dialects = dialects
        self._clock = clock
        self._ids = ids
        self._enabled = enabled

    def question(self, call: Call, pinned: str | None) -> Question | None:
        """None for a request whose answer is not kept. Only one that may be eligible is decoded."""
        grant = call.grant
        if not self._enabled or grant.cache == "none" or call.below:
            return None
        envelope = call.envelope
        if grant.cache == "exact" and not _is_zero(_temperature(envelope, call.dialect.name)):
            return None
        if call.exchange.headers.get("x-omniroute-no-cache", "").strip().lower() == "true":
            return None
        if any(envelope.value(name) for name in _BY_STATE) or any(
            envelope.value(name) not in (None, 1) for name in _UNKEPT
        ):
            return None
        try:
            if call.request is None:
                written = self._dialects[written_in(call.dialect.name, envelope.fields)]
                call.request = written.decode_request(envelope.decoded())
        except InvalidRequest:
            return None  # it goes its way as it is; the provider may know what to make of it
        if not _repeatable(call.request.sampling, any_temperature=grant.cache == "all"):
            return None
        tenant = Tenant(
            key_id=grant.key_id,
            models=grant.models,
            connections=grant.connections,
            strict=is_strict(call),
            pinned=pinned,
            beside=(*_beside(call.exchange), *_ruled(call)),
        )
        asked = msgspec.structs.replace(call.request, model=call.model)
        key = key_of(tenant, asked)
        if key is None:
            return None
        meaning = None if grant.semantic_cache == "off" else meaning_of(tenant, asked)
        return Question(key=key, shelved=grant.log_bodies, meaning=meaning)

    async def serve(self, call: Call, question: Question, generate: Life) -> None:
        """Answers `call` from what is kept, with the answer of the same request that is under way, or by
        `generate`."""
        key = question.key
        kept = self._cache.recall(key)
        if kept is not None:
            await self._hit(call, kept)
            return
        flight = self._flights.find(key)
        if flight is None:
            await self._joined.lead(
                self._flights, key, call, lambda flight: lambda: self._fetched(call, question, generate)
            )
        elif _form(flight.call) == _form(call):
            self._cache.counted.shared += 1
            call.remarks = (HIT,)
            await self._joined.join(self._flights, key, call, flight)
        else:
            await self._after(call, flight, question, generate)

    async def _fetched(self, call: Call, question: Question, generate: Life) -> None:
        kept = await self._cache.fetch(question.key) if question.shelved else None
        if kept is None and question.meaning is not None:
            kept = await self._similar(call, question, question.meaning)
        if kept is None:
            await self._generated(call, question, generate)
        else:
            await self._hit(call, kept)

    async def _similar(self, call: Call, question: Question, meaning: Meaning) -> Kept | None:
        """The answer to a question that means the same; None, and only a count, when the key has it in shadow."""
        found = self._cache.meanings.find(meaning)
        if found is None:
            return None
        call.remarks = ((_SIMILARITY, f"{found.similarity:.3f}".encode()),)
        if call.grant.semantic_cache == "shadow":
            self._cache.counted.shadowed += 1
            return None
        kept = self._cache.recall(found.key)
        if kept is None and question.shelved:
            kept = await self._cache.fetch(found.key)
        self._cache.counted.similar += kept is not None
        return kept

    async def _generated(self, call: Call, question: Question, generate: Life) -> None:
        self._cache.counted.misses += 1
        call.remarks = (*call.remarks, MISS)
        call.overhearing = overhearing = Overhearing(call.overhearing)
        await generate()
        await asyncio.sleep(0)  # the clients that wait get the end of their answer first
        response = overhearing.heard(call)
        if response is None or not fit(response):
            return
        assert call.candidate is not None
        target = call.candidate.target
        kept = Kept(
            response=response,
            provider=target.provider,
            model=target.model,
            dialect=target.dialect,
            at=self._clock.now(),
        )
        self._cache.keep(question.key, kept, call.model, shelved=question.shelved)
        if question.meaning is not None:
            self._cache.meanings.remember(question.meaning, question.key)

    async def _after(self, call: Call, flight: Flight, question: Question, generate: Life) -> None:
        """The same request is under way in another dialect, or for another kind of reply: its answer can be had
        when it is whole. When that comes to nothing, the request goes on its own."""
        patience = Patience(call, asyncio.get_running_loop()) if call.stream else None
        try:
            await flight.over()
        finally:
            if patience is not None:
                await patience.stop()
        kept = self._cache.recall(question.key)
        if kept is None:
            await self._generated(call, question, generate)
        else:
            await self._hit(call, kept)

    async def _hit(self, call: Call, kept: Kept) -> None:
        counted, usage = self._cache.counted, kept.response.usage
        counted.hits += 1
        if usage is not None:
            counted.tokens_saved += usage.input_total + usage.output
        call.remarks = (*call.remarks, HIT, (b"x-omniroute-provider", kept.provider.encode()))
        await self._joined.told(
            call, lambda: self._deliver.response(call, kept.response, self._context(call, kept))
        )

    def _context(self, call: Call, kept: Kept) -> Context:
        # Where client and provider speak the same, a live answer says the model's name as the provider does.
        said = kept.response.model if kept.dialect == call.dialect.name else ""
        return Context(
            request_id=call.exchange.request_id,
            token=self._ids.token(),
            created=int(kept.at),
            model=said or kept.model,
            include_usage=call.envelope.include_usage,
            input_tokens=call.asked // 4,
            request=call.repeated(),
        )


def _temperature(envelope: Envelope, dialect: str) -> JsonValue:
    """As the body says it, read without decoding more than its parameters; None when it does not."""
    for name in _NESTED.get(dialect, ()):
        options = as_object(envelope.value(name)) if name in envelope.fields else None
        if options is not None:
            return options.get("temperature")
    return envelope.value("temperature") if "temperature" in envelope.fields else None


def _is_zero(value: JsonValue) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value == 0


def _repeatable(sampling: Sampling, *, any_temperature: bool) -> bool:
    """One answer, without the odds of its words: what a dialect can say again in full."""
    if sampling.n not in (None, 1) or sampling.logprobs or sampling.top_logprobs:
        return False
    return any_temperature or _is_zero(sampling.temperature)


def _form(call: Call) -> tuple[str, bool, bool, bool]:
    """Two requests of the same form get the same bytes."""
    return call.dialect.name, call.stream, call.envelope.include_usage, call.progress


def _ruled(call: Call) -> tuple[str, ...]:
    """What the operator rules about the answer, or about who may give it."""
    rules = (call.thinking, call.most_tokens, call.grant.blocked or None)
    return () if rules == (None, None, None) else (repr(rules),)


def _beside(exchange: Exchange) -> tuple[str, ...]:
    """What of the head goes on to a provider and may change its answer."""
    version = exchange.headers.get("anthropic-version", _USUAL_VERSION)
    beta = exchange.headers.get("anthropic-beta", "")
    query = "beta=true" if b"beta=true" in exchange.query.split(b"&") else ""
    return () if version == _USUAL_VERSION and not beta and not query else (version, beta, query)
