"""How a client's body becomes the body for a target: as it is, with some members replaced, or translated."""

from typing import TypeAlias

import msgspec

from omniroute.dialects.base import Loss
from omniroute.dialects.envelope import Fields
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


Plan: TypeAlias = Verbatim | Patch | Translate


def plan(client_dialect: str, target: Target, edits: Edits, fields: Fields) -> Plan:
    """The cheapest way that loses nothing. `fields` are the top-level members of the client's body.

    The quirks of the target are part of the decision: a patch holds their edits and losses too. Several choices
    (`n`) cannot be translated between dialects and are refused with 400 `unsupported_feature`.
    """
    if client_dialect != target.dialect:
        _refuse_several_choices(fields, target)
        return Translate()
    if edits.deep:
        return Translate()
    quirks = quirks_of(target)
    if any(quirk.request is not None for quirk in quirks):
        return Translate()
    changed = {name: value for name, value in edits.top.items() if _bytes(fields.get(name)) != value}
    losses: list[Loss] = []
    if quirks:
        current = _edited(fields, changed)
        for quirk in quirks:
            if quirk.wire is not None:
                found, lost = _edits_of(quirk, quirk.wire, current)
                changed.update(found)
                losses.extend(lost)
                current = _edited(current, found)
    return Patch(changed, tuple(losses)) if changed else Verbatim()


def _refuse_several_choices(fields: Fields, target: Target) -> None:
    raw = fields.get("n")
    n: JsonValue = None if raw is None else msgspec.json.decode(raw)
    if isinstance(n, int) and n > 1:
        raise InvalidRequest(
            f"n = {n} is not possible here: {target.model!r} at {target.provider!r} speaks another dialect, which "
            "gives one choice; send n = 1 or several requests",
            code="unsupported_feature",
        )


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
