"""The endpoints of Google's clients: the path names the model and says what is to be done with it.

`/v1beta/models/{model}:{verb}`, and the same under `/v1`, which google-genai 3.x asks by default. A model may be
written with or without `models/` before it, and has slashes of its own here: `provider/org/model`.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from omniroute.access.routes import Route
from omniroute.dialects.base import Dialect
from omniroute.dialects.envelope import Address
from omniroute.dialects.gemini.dialect import Gemini, GeminiArray
from omniroute.ir.failure import Failure
from omniroute.pipeline.count import CountTokens
from omniroute.pipeline.exchange import Exchange
from omniroute.pipeline.generate import Generate
from omniroute.pipeline.refuse import refuse
from omniroute.pipeline.relay import Relay
from omniroute.surfaces.embed import gemini_verbs
from omniroute.surfaces.table import Endpoint, Handler

_BASES: Final = ("/v1beta/models/{model...}", "/v1/models/{model...}")
_BARE: Final = "/v1beta/{model...}"
"""Where the AI SDK asks, which leaves `/models` out when the name of the model has a slash, as ours have."""


def gemini(generate: Generate, count: CountTokens, relay: Relay) -> Iterator[Endpoint]:
    """What can be asked of a model."""
    dialect = Gemini()
    handlers: Mapping[str, tuple[str, Handler]] = {
        ":generateContent": ("chat", GenerateContent(generate, dialect)),
        ":streamGenerateContent": ("chat", StreamGenerateContent(generate, dialect, GeminiArray())),
        ":countTokens": ("count_tokens", CountContent(count, dialect)),
        **gemini_verbs(relay, dialect, model_in),
        "": ("chat", UnknownVerb(dialect)),
    }
    for base in _BASES:
        for verb, (operation, handler) in handlers.items():
            route = Route("POST", base + verb, "client", operation)
            yield Endpoint(route=route, handler=handler, dialect=dialect)
    for verb, (operation, handler) in handlers.items():
        if verb:
            route = Route("POST", _BARE + verb, "client", operation)
            yield Endpoint(route=route, handler=handler, dialect=dialect)
    for method in ("GET", "POST", "PATCH", "DELETE"):
        route = Route(method, "/v1beta/{rest...}", "client", "chat")
        yield Endpoint(route=route, handler=UnknownPath(dialect), dialect=dialect)


def model_in(path: str) -> str:
    """The model that stands in the place of `{model...}`."""
    return path.removeprefix("models/")


class GenerateContent:
    """One whole answer, whatever the body says about streams."""

    def __init__(self, generate: Generate, dialect: Dialect) -> None:
        self._generate = generate
        self._dialect = dialect

    async def __call__(self, exchange: Exchange, model: str) -> None:
        await self._generate(exchange, self._dialect, address=Address(model_in(model), stream=False))


class StreamGenerateContent:
    """Server-sent events for who says `alt=sse`, as the SDKs do; else one JSON array."""

    def __init__(self, generate: Generate, events: Dialect, array: Dialect) -> None:
        self._generate = generate
        self._events = events
        self._array = array

    async def __call__(self, exchange: Exchange, model: str) -> None:
        asked = exchange.query.split(b"&")
        dialect = self._events if b"alt=sse" in asked or b"$alt=sse" in asked else self._array
        await self._generate(exchange, dialect, address=Address(model_in(model), stream=True))


class CountContent:
    def __init__(self, count: CountTokens, dialect: Dialect) -> None:
        self._count = count
        self._dialect = dialect

    async def __call__(self, exchange: Exchange, model: str) -> None:
        await self._count(exchange, self._dialect, Address(model_in(model), stream=False))


class UnknownVerb:
    """A POST to a model with another verb, or with none."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    async def __call__(self, exchange: Exchange, model: str) -> None:
        verb = model.rpartition(":")[2]
        message = (
            f"there is no method {verb[:80]!r} here; a model has generateContent, streamGenerateContent,"
            " countTokens, embedContent and batchEmbedContents"
        )
        await refuse(exchange, self._dialect, _not_found(message))


class UnknownPath:
    """What else Google has under `/v1beta`: files, caches, batches."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    async def __call__(self, exchange: Exchange, rest: str) -> None:
        await refuse(exchange, self._dialect, _not_found(f"no such path: {exchange.path[:200]!r}"))


def _not_found(message: str) -> Failure:
    return Failure(kind="not_found", status=404, message=message, code="not_found")
