"""Every quirk by name, and which of them apply to a target."""

import re
from collections.abc import Iterable
from functools import lru_cache

from omniroute.dialects.base import Loss
from omniroute.dialects.quirks import no_stream_options, no_system_role, stores_answers, think_tags
from omniroute.dialects.quirks.caches_prompts import CACHES_PROMPTS
from omniroute.dialects.quirks.developer_role_is_system import DEVELOPER_ROLE_IS_SYSTEM
from omniroute.dialects.quirks.fixed_sampling import FIXED_SAMPLING
from omniroute.dialects.quirks.limits_per_model import LIMITS_PER_MODEL
from omniroute.dialects.quirks.max_completion_tokens import MAX_COMPLETION_TOKENS
from omniroute.dialects.quirks.nine_char_tool_ids import NINE_CHAR_TOOL_IDS
from omniroute.dialects.quirks.no_reasoning_content import NO_REASONING_CONTENT
from omniroute.dialects.quirks.no_stored_answers import NO_STORED_ANSWERS
from omniroute.dialects.quirks.no_stream_options import NO_STREAM_OPTIONS
from omniroute.dialects.quirks.no_system_role import NO_SYSTEM_ROLE
from omniroute.dialects.quirks.quirk import Quirk, Rewritten
from omniroute.dialects.quirks.replay_reasoning_content import REPLAY_REASONING_CONTENT
from omniroute.dialects.quirks.replay_reasoning_details import REPLAY_REASONING_DETAILS
from omniroute.dialects.quirks.stores_answers import STORES_ANSWERS
from omniroute.dialects.quirks.tells_cost import TELLS_COST
from omniroute.dialects.quirks.think_tags import THINK_TAGS
from omniroute.dialects.quirks.usage_in_streams import USAGE_IN_STREAMS
from omniroute.dialects.quirks.vertex_anthropic import VERTEX_ANTHROPIC
from omniroute.ir.json import JsonObject
from omniroute.ir.request import GenerateRequest
from omniroute.ir.target import Target

QUIRKS: dict[str, Quirk] = {
    "caches_prompts": CACHES_PROMPTS,
    "developer_role_is_system": DEVELOPER_ROLE_IS_SYSTEM,
    "fixed_sampling": FIXED_SAMPLING,
    "limits_per_model": LIMITS_PER_MODEL,
    "max_completion_tokens": MAX_COMPLETION_TOKENS,
    "nine_char_tool_ids": NINE_CHAR_TOOL_IDS,
    "no_reasoning_content": NO_REASONING_CONTENT,
    "no_stored_answers": NO_STORED_ANSWERS,
    "no_stream_options": NO_STREAM_OPTIONS,
    "no_system_role": NO_SYSTEM_ROLE,
    "replay_reasoning_content": REPLAY_REASONING_CONTENT,
    "replay_reasoning_details": REPLAY_REASONING_DETAILS,
    "stores_answers": STORES_ANSWERS,
    "tells_cost": TELLS_COST,
    "think_tags": THINK_TAGS,
    "usage_in_streams": USAGE_IN_STREAMS,
    "vertex_anthropic": VERTEX_ANTHROPIC,
}
"""The names that a catalogue row may use."""

_OPENAI_REASONING = re.compile(r"(?:.*/)?(?:o[134](?:-|$)|gpt-5(?!-chat)(?:[.-]|$))")
"""OpenAI's reasoning families by bare model id, also behind a vendor prefix. `gpt-5-chat` is none of them."""


@lru_cache(maxsize=4096)
def quirks_of(target: Target) -> tuple[Quirk, ...]:
    """Those the target names and those that its dialect, model and facts imply, in the order of application.

    A name this registry does not know raises `KeyError`: rows are checked against it when they are loaded.
    """
    implied = _implied(target) if target.dialect == "openai_chat" else ()
    return (*implied, *(QUIRKS[name] for name in target.quirks if QUIRKS[name] not in implied))


def apply_to_request(quirks: Iterable[Quirk], request: GenerateRequest) -> GenerateRequest:
    """A request after all its quirks, before it becomes a body."""
    for quirk in quirks:
        if quirk.request is not None:
            request = quirk.request(request)
    return request


def apply_to_wire(quirks: Iterable[Quirk], body: JsonObject) -> Rewritten:
    """A whole body of the target's dialect after all its quirks."""
    losses: list[Loss] = []
    for quirk in quirks:
        if quirk.wire is not None:
            rewritten = quirk.wire(body)
            body = rewritten.body
            losses.extend(rewritten.losses)
    return Rewritten(body, tuple(losses))


def _implied(target: Target) -> tuple[Quirk, ...]:
    implied: list[Quirk] = []
    if no_stream_options.NAME not in target.quirks:
        implied.append(USAGE_IN_STREAMS)
    if stores_answers.NAME not in target.quirks:
        implied.append(NO_STORED_ANSWERS)
    if no_system_role.MODELS.match(target.model):
        implied.append(NO_SYSTEM_ROLE)
    if think_tags.MODELS.match(target.model):
        implied.append(THINK_TAGS)
    reasoning = _OPENAI_REASONING.match(target.model) is not None
    if reasoning:
        implied.append(MAX_COMPLETION_TOKENS)
    if reasoning or target.facts.temperature is False:
        implied.append(FIXED_SAMPLING)
    return tuple(implied)
