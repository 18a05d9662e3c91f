"""A request to generate: what any client dialect can ask and any provider dialect can be asked."""

from typing import Literal, TypeAlias

import msgspec

from omniroute.ir.json import JsonObject
from omniroute.ir.parts import AnyPart, CacheMark

Role: TypeAlias = Literal["system", "developer", "user", "assistant", "tool"]
"""`tool` turns hold only tool results; a dialect that has no such role puts them where its wire wants them."""


class Turn(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One message. System and developer turns stay where the client put them; leading ones are the usual case."""

    role: Role
    parts: tuple[AnyPart, ...]
    name: str | None = None
    cache: CacheMark | None = None
    origin: str | None = None
    extra: JsonObject | None = None


class Tool(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A tool on offer. A hosted tool (run by the provider) has its whole declaration in `hosted`."""

    name: str
    schema: JsonObject | None = None
    description: str | None = None
    strict: bool | None = None
    hosted: JsonObject | None = None
    cache: CacheMark | None = None
    origin: str | None = None
    extra: JsonObject | None = None


class ToolChoice(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which tools may or must be called. `names` has one entry for `one`, any number for `subset`.

    `parallel` is None where the client did not say.
    """

    mode: Literal["auto", "none", "required", "one", "subset"] = "auto"
    names: tuple[str, ...] = ()
    required: bool = False
    parallel: bool | None = None
    explicit: bool = True
    """False where only `parallel` was said and the mode was left to the provider."""
    extra: JsonObject | None = None


class Sampling(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    max_output_tokens: int | None = None
    temperature: float | int | None = None
    top_p: float | int | None = None
    top_k: int | None = None
    stop: tuple[str, ...] = ()
    n: int | None = None
    seed: int | None = None
    presence_penalty: float | int | None = None
    frequency_penalty: float | int | None = None
    logit_bias: JsonObject | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None


class Thinking(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Reasoning control in the client's own terms; encoders translate words to budgets and back.

    `mode` is `enabled`, `disabled` or `adaptive` where the client said one of these; `effort` is one of
    none, minimal, low, medium, high, xhigh, max; `budget_tokens` is a count.
    """

    mode: Literal["enabled", "disabled", "adaptive"] | None = None
    effort: str | None = None
    budget_tokens: int | None = None
    summary: str | None = None
    extra: JsonObject | None = None


class OutputFormat(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    kind: Literal["text", "json_object", "json_schema"] = "text"
    name: str | None = None
    schema: JsonObject | None = None
    strict: bool | None = None
    description: str | None = None
    extra: JsonObject | None = None


class GenerateRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The whole request. `dialect` is what the client spoke; `extra` holds its unknown top-level fields."""

    model: str
    turns: tuple[Turn, ...]
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice | None = None
    sampling: Sampling = Sampling()
    thinking: Thinking | None = None
    output: OutputFormat | None = None
    stream: bool | None = None
    include_usage: bool = False
    user: str | None = None
    metadata: JsonObject | None = None
    dialect: str = ""
    extra: JsonObject | None = None
