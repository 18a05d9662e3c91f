"""What a body that goes to a provider can cost at most, message by message, and what it begins with. Pure.

What a provider looks up itself, and what a request only refers to, is not in the body: bytes say nothing of it.
"""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Final

import msgspec

from omniroute.dialects.look import as_array, as_count, as_object
from omniroute.ir.json import JsonValue
from omniroute.ir.target import Target
from omniroute.ledger.budget_parts import is_text, look_at, most_tokens

TEMPLATE_TOKENS: Final = 128
"""What a chat template adds to a request of its own; gpt-oss, with the longest one known, adds about 70."""

TOOLS_TOKENS: Final = 1_024
"""What a provider adds where there are tools; Anthropic, who adds most, says 264 to 530 (tool use, pricing)."""

_DIGEST_BYTES: Final = 16
_MESSAGES: Final = ("messages", "input", "contents")
_INSTRUCTIONS: Final = ("system", "instructions", "systemInstruction", "system_instruction")
_TOOLS: Final = ("tools", "functions", "toolConfig")
_SILENT: Final = frozenset((
    "model", "stream", "stream_options", "max_tokens", "max_completion_tokens", "max_output_tokens", "temperature",
    "top_p", "top_k", "seed", "stop", "stop_sequences", "user", "metadata", "store", "keep_alive", "service_tier",
    "prompt_cache_key", "safety_identifier", "frequency_penalty", "presence_penalty",
))  # fmt: skip
"""Members that do not change how many tokens the rest is."""

_ELSEWHERE: Final = frozenset((
    "previous_response_id", "conversation", "prompt", "cachedContent", "cached_content", "mcp_servers",
    "web_search_options", "search_parameters", "search_options", "enable_search", "plugins", "data_sources",
    "connectors", "container",
))  # fmt: skip
"""Members by which a provider reads more than the body."""

_LIMITS: Final[Mapping[str, tuple[tuple[str, ...], ...]]] = {
    "openai_chat": (("max_tokens",), ("max_completion_tokens",)),
    "openai_responses": (("max_output_tokens",),),
    "anthropic": (("max_tokens",),),
    "gemini": tuple(
        (config, limit)
        for config in ("generationConfig", "generation_config")
        for limit in ("maxOutputTokens", "max_output_tokens")
    ),
    "ollama": (("options", "num_predict"),),
    "bedrock_converse": (("inferenceConfig", "maxTokens"),),
    "cohere": (("max_tokens",),),
}
"""Where a dialect says how long an answer may be. What another dialect would say it with limits nothing."""

_ANSWERS: Final[Mapping[str, tuple[tuple[str, ...], ...]]] = {
    "openai_chat": (("n",),),
    "gemini": tuple(
        (config, count)
        for config in ("generationConfig", "generation_config")
        for count in ("candidateCount", "candidate_count")
    ),
}
_BODY: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LIST: Final = msgspec.json.Decoder(list[msgspec.Raw])


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """`most` is how many tokens the body is at most; None where bytes do not say. `size` is its bytes.

    `chain` names its beginnings, for the `model` that it goes to: the first is all that is no message, each one
    after it has a message more, as far as they mean the same at any time. `rest` is how many tokens what follows
    on each is at most; None where bytes do not say. `whole` says that the last of the chain is all of the body.
    """

    model: str
    size: int
    most: int | None
    chain: tuple[bytes, ...] = ()
    rest: tuple[int | None, ...] = ()
    whole: bool = False
    most_output: int | None = None
    answers: int = 1


def read(body: bytes, target: Target) -> Reading | None:
    """What there is to know of `body`, as it goes to `target`; None for one that is no JSON object."""
    try:
        fields = _BODY.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    name, messages = _messages(fields)
    added = TEMPLATE_TOKENS + (TOOLS_TOKENS if any(one in fields for one in _TOOLS) else 0)
    unread = len(body) - sum(len(bytes(raw)) for raw in fields.values())
    head = added + unread + sum(most_tokens(bytes(raw)) for one, raw in fields.items() if one != name)
    looks = [look_at(bytes(raw)) for raw in messages]
    beyond = any(one in _ELSEWHERE and bytes(raw) != b"null" for one, raw in fields.items())
    beyond = (
        beyond or _hosts(fields) or not all(is_text(bytes(fields[one])) for one in _INSTRUCTIONS if one in fields)
    )
    after: int | None = unread
    rest: list[int | None] = [after]
    for look in reversed(looks):
        after = None if after is None or look.most is None else after + look.most
        rest.append(after)
    rest.reverse()
    chain: list[bytes] = []
    if not beyond:
        link = _link(f"{target.provider}\0{target.model}\0{target.dialect}".encode(), fields, name)
        chain.append(link)
        for raw, look in zip(messages, looks, strict=True):
            if look.named:
                break
            link = blake2b(bytes(raw), digest_size=_DIGEST_BYTES, key=link).digest()
            chain.append(link)
    return Reading(
        model=f"{target.provider}/{target.model}",
        size=len(body),
        most=None if beyond or rest[0] is None else head + rest[0] - unread,
        chain=tuple(chain),
        rest=tuple(rest[: len(chain)]),
        whole=len(chain) == len(messages) + 1,
        most_output=_largest(fields, _LIMITS.get(target.dialect, ())),
        answers=_largest(fields, _ANSWERS.get(target.dialect, ())) or 1,
    )


def _messages(fields: Mapping[str, msgspec.Raw]) -> tuple[str, list[msgspec.Raw]]:
    for name in _MESSAGES:
        raw = fields.get(name)
        if raw is not None and bytes(raw).startswith(b"["):
            return name, _LIST.decode(raw)
    return "", []


def _link(seed: bytes, fields: Mapping[str, msgspec.Raw], messages: str) -> bytes:
    link = blake2b(seed, digest_size=_DIGEST_BYTES)
    for name, raw in fields.items():
        if name != messages and name not in _SILENT:
            link.update(b"%d %d " % (len(name), len(bytes(raw))) + name.encode() + bytes(raw))
    return link.digest()


def _hosts(fields: Mapping[str, msgspec.Raw]) -> bool:
    """Whether there is a tool that the provider works itself, whose results it reads."""
    raw = fields.get("tools")
    return raw is not None and any(map(_hosted, as_array(msgspec.json.decode(raw)) or ()))


def _hosted(value: JsonValue) -> bool:
    tool = as_object(value) or {}
    kind = tool.get("type")
    if kind is not None:
        return kind not in ("function", "custom")
    return "name" not in tool and not tool.keys() <= {"functionDeclarations", "function_declarations", "function"}


def _largest(fields: Mapping[str, msgspec.Raw], places: tuple[tuple[str, ...], ...]) -> int | None:
    known: list[int] = []
    for name, *inner in places:
        raw = fields.get(name)
        value: JsonValue = None if raw is None else msgspec.json.decode(raw)
        for one in inner:
            value = (as_object(value) or {}).get(one)
        count = as_count(value)
        if count is not None and count > 0:
            known.append(count)
    return max(known, default=None)
