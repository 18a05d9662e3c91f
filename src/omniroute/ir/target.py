"""Where a request goes, as far as an encoder needs to know."""

import msgspec


class ModelFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known about a model; None means unknown, and unknown never restricts."""

    context_tokens: int | None = None
    max_output_tokens: int | None = None
    reasoning: bool | None = None
    temperature: bool | None = None
    tools: bool | None = None
    images: bool | None = None
    documents: bool | None = None
    structured_output: bool | None = None


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """A model at a provider. `model` is the bare id sent upstream; `quirks` are names of `dialects.quirks`."""

    provider: str
    model: str
    dialect: str
    quirks: tuple[str, ...] = ()
    facts: ModelFacts = ModelFacts()
