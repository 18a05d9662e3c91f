"""How a client's body becomes the body for a target: as it is, with some members replaced, or translated."""

from typing import TypeAlias

import msgspec

from omniroute.dialects.base import Loss
from omniroute.dialects.envelope import Fields
from omniroute.dialects.look import as_object, objects_in
from omniroute.dialects.quirks.quirk import Quirk, Rewritten, WireHook
from omniroute.dialects.quirks.registry import quirks_of
from omniroute.errors import InvalidRequest
from omniroute.ir.json import JsonObject, JsonValue
from omniroute.ir.target import Target


class Edits(msgspec.Struct, frozen=True):
    """What the gateway itself changes. `top` sets (JSON bytes) or removes (None) top-level members of the client's
    own dialect; `deep` says that something else changes too, which only a translation can do."""

    top: dict[str, bytes | None] = {}
    deep: bool = False


class Verbatim(msgspec.Struct, frozen=True):
    """Send the client's bytes."""


class Patch(msgspec.Struct, frozen=True):
    """Send the client's bytes with these top-level members set or removed (`Envelope.patched`)."""

    edits: dict[str, bytes | None]
    losses: tuple[Loss, ...] = ()


class Translate(msgspec.Struct, frozen=True):
    """Decode the body (after the edits of the gateway) and encode it for the target."""


_CONFIGS = ("generationConfig", "generation_config")
_COUNTS = ("candidateCount", "candidate_count")
"""Where Gemini's clients say how many answers they want."""

_RESPONSES = "openai_responses"
_STORED = ("previous_response_id", "conversation", "prompt")
"""Members by which Responses clients mean something that OpenAI keeps for them."""

_TRANSLATED_CHOICES = ("function", "custom", "allowed_tools", "auto", "none", "required")
"""Types of a Responses `tool_choice` that other dialects have a word for."""

Plan: TypeAlias = Verbatim | Patch | Translate


def plan(client_dialect: str, target: Target, edits: Edits, fields: Fields) -> Plan:
    """The cheapest way that loses nothing. `fields` are the top-level members of the client's body.

    The quirks of the target are part of the decision: a patch holds their edits and losses too. Several choices
    (`n`, `candidateCount`) cannot be translated between dialects and are refused with 400 `unsupported_feature`,
    and so are Responses requests of which a part is stored at OpenAI, or that force a tool which OpenAI runs.
    """
    if client_dialect != target.dialect:
        _refuse_several_choices(fields, target)
        if client_dialect == _RESPONSES:
            _refuse_what_is_stored(fields, target)
            _refuse_forced_hosted_tool(fields, target)
        return Translate()
    if edits.deep:
        return Translate()
    quirks = quirks_of(target)
    for quirk in quirks:
        if quirk.request is not None:
            return Translate()
    changed = {name: value for name, value in edits.top.items() if _bytes(fields.get(name)) != value}
    losses: list[Loss] = []
    for quirk in quirks:
        # Most quirks are about members that most bodies lack: these cost no copy of the body's members.
        if quirk.wire is None or (fields.keys().isdisjoint(quirk.keys) and changed.keys().isdisjoint(quirk.keys)):
            continue
        found, lost = _edits_of(quirk, quirk.wire, _edited(fields, changed))
        changed.update(found)
        losses.extend(lost)
    return Patch(changed, tuple(losses)) if changed else Verbatim()


def _refuse_several_choices(fields: Fields, target: Target) -> None:
    said = {"n": _value(fields, "n")}
    for config in _CONFIGS:
        if config in fields:
            members = as_object(_value(fields, config)) or {}
            said.update((name, members.get(name)) for name in _COUNTS)
    for name, n in said.items():
        if isinstance(n, int) and n > 1:
            raise InvalidRequest(
                f"{name} = {n} is not possible here: {target.model!r} at {target.provider!r} speaks another "
                f"dialect, which gives one choice; send {name} = 1 or several requests",
                code="unsupported_feature",
            )


def _refuse_what_is_stored(fields: Fields, target: Target) -> None:
    """Left out, such a member would cost the conversation its beginning, and nobody would know why."""
    for name in _STORED:
        if _value(fields, name) is not None:
            raise _not_stored_here(name, target)
    if b'"item_reference"' in bytes(fields.get("input", b"")):
        for index, item in enumerate(objects_in(_value(fields, "input"))):
            if item.get("type") == "item_reference":
                raise _not_stored_here(f"input[{index}]", target)


def _refuse_forced_hosted_tool(fields: Fields, target: Target) -> None:
    """A hosted tool that is merely on offer can be left out; one that must be called cannot."""
    kind = (as_object(_value(fields, "tool_choice")) or {}).get("type")
    if isinstance(kind, str) and kind not in _TRANSLATED_CHOICES:
        raise InvalidRequest(
            f"tool_choice: {kind!r} is a tool that OpenAI runs, and {target.model!r} at {target.provider!r} "
            "speaks another dialect; choose a function, or leave the choice to the model",
            code="unsupported_feature",
        )


def _not_stored_here(name: str, target: Target) -> InvalidRequest:
    if name == "previous_response_id":
        return InvalidRequest(
            f"previous_response_id refers to a response that was not found here, and {target.model!r} at"
            f" {target.provider!r} stores none: it may have expired, or was asked for with `store`: false; send"
            " the whole conversation in `input`",
            code="previous_response_not_found",
        )
    return InvalidRequest(
        f"{name} refers to something stored by OpenAI's Responses API, which {target.model!r} at "
        f"{target.provider!r} does not speak; send the whole conversation in `input`, and `store`: false",
        code="unsupported_feature",
    )


def _value(fields: Fields, name: str) -> JsonValue:
    raw = fields.get(name)
    return None if raw is None else msgspec.json.decode(raw)


def _edits_of(quirk: Quirk, wire: WireHook, fields: Fields) -> tuple[dict[str, bytes | None], tuple[Loss, ...]]:
    present = {name: fields[name] for name in quirk.keys if name in fields}
    if not present or (quirk.hint is not None and not any(quirk.hint in bytes(raw) for raw in present.values())):
        return {}, ()
    before: JsonObject = {name: msgspec.json.decode(raw) for name, raw in present.items()}
    after: Rewritten = wire(before)
    if after.body is before:
        return {}, ()
    edits: dict[str, bytes | None] = {name: None for name in before if name not in after.body}
    for name, value in after.body.items():
        if name not in before or value is not before[name]:
            edits[name] = msgspec.json.encode(value)
    return edits, after.losses


def _edited(fields: Fields, edits: dict[str, bytes | None]) -> Fields:
    if not edits:
        return fields
    edited = dict(fields)
    for name, value in edits.items():
        if value is None:
            edited.pop(name, None)
        else:
            edited[name] = msgspec.Raw(value)
    return edited


def _bytes(raw: msgspec.Raw | None) -> bytes | None:
    return None if raw is None else bytes(raw)
