"""What the operator's settings, and two headers, say of a request: instructions, thinking, policies."""

from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from omniroute.dialects.base import Loss
from omniroute.dialects.instructions import preceded
from omniroute.dialects.output_limit import limited
from omniroute.dialects.reading import written_in
from omniroute.dialects.thinking_rule import EFFORT_TOKENS, EffortLevel, ThinkingRule, ruled
from omniroute.errors import InvalidRequest
from omniroute.ir.request import GenerateRequest
from omniroute.ir.target import Target
from omniroute.pipeline.call import Call
from omniroute.pipeline.visit import Visit
from omniroute.routing.policy import ruling
from omniroute.snapshot.aliases import meant
from omniroute.snapshot.model import Snapshot

_EFFORT: Final = "x-omniroute-effort"
_THINKING: Final = "x-omniroute-thinking"
_WORDS: Final[Mapping[str, EffortLevel]] = {
    "off": "none",
    "none": "none",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "xhigh",
}


def rule(call: Call, snapshot: Snapshot) -> None:
    """Before anybody compares, chooses or translates. Raises `InvalidRequest` for a header that cannot be read."""
    if snapshot.policies:
        police(call, snapshot)
    call.thinking = thinking_rule(snapshot.thinking, call.exchange.headers)
    if snapshot.prompt is not None and not call.below:
        _instruct(call, snapshot.prompt)


def police(visit: Visit, snapshot: Snapshot) -> None:
    """What policies say of a request goes with it: what it may not use, what it should, how long its answer may
    be."""
    name = visit.model
    combo = meant(snapshot.aliases, name) if snapshot.aliases and name not in snapshot.combos else name
    found = ruling(snapshot.policies, model=name, combo=combo, key_id=visit.grant.key_id)
    if found is not None:
        visit.most_tokens = found.max_tokens
        visit.grant = msgspec.structs.replace(visit.grant, blocked=found.blocked, preferred=found.preferred)


def thinking_rule(usual: ThinkingRule | None, headers: Mapping[str, str]) -> ThinkingRule | None:
    """What a header says, else what is usual. Raises `InvalidRequest` for a header that says neither of its
    words."""
    effort, thinking = headers.get(_EFFORT), headers.get(_THINKING)
    if effort is not None:
        level = _WORDS.get(effort.strip().lower())
        if level is None:
            raise InvalidRequest(
                f"X-OmniRoute-Effort: {effort[:40]!r} is none of low, medium, high, xhigh, off", code="bad_header"
            )
        return ThinkingRule(mode="custom", custom_budget=EFFORT_TOKENS[level])
    if thinking is not None:
        match thinking.strip().lower():
            case "adaptive":
                return ThinkingRule(mode="adaptive")
            case "off":
                return ThinkingRule(mode="custom", custom_budget=0)
            case _:
                raise InvalidRequest(
                    f"X-OmniRoute-Thinking: {thinking[:40]!r} is neither adaptive nor off", code="bad_header"
                )
    return usual


class Held(NamedTuple):
    """What the operator's rules make of a request at its target."""

    request: GenerateRequest
    losses: tuple[Loss, ...]


def held_to_rules(call: Call, request: GenerateRequest, target: Target) -> Held | None:
    """None where they change nothing. The limit comes first: a budget of thinking has to fit under it."""
    held = request
    losses: tuple[Loss, ...] = ()
    if call.most_tokens is not None and (limit := limited(call.most_tokens, held)) is not None:
        held, losses = limit.of(held), limit.losses
    if call.thinking is not None and (thinking := ruled(call.thinking, held, target)) is not None:
        held = msgspec.structs.replace(held, thinking=thinking.granted)
        losses += thinking.losses
    return None if held is request else Held(held, losses)


def _instruct(call: Call, prompt: str) -> None:
    envelope = call.envelope
    written = written_in(call.dialect.name, envelope.fields)
    changed = preceded(written, envelope.fields, prompt, "system prompt", join=True)
    if changed.edits:
        call.envelope = envelope.edited(changed.edits)
        call.amended = (*call.amended, *changed.losses)
