"""Combos between the rows they are stored in and the values that routing walks; their rules, and their writes."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from sqlalchemy import Connection

from omniroute.access.actor import Actor, record
from omniroute.errors import GatewayError, InvalidRequest
from omniroute.ir.json import JsonObject
from omniroute.routing.combo import Combo, ComboConfig, ComboStep, ModelStep, Step, StrategyName, faults
from omniroute.snapshot.combo_defaults import inherited
from omniroute.snapshot.combo_names import follow
from omniroute.storage.repos import combos as repo
from omniroute.storage.repos.combos import ComboRow
from omniroute.storage.writer import Writer

_NAME: Final = re.compile(r"[A-Za-z0-9_/.\-]{1,100}")


class ComboDraft(msgspec.Struct, frozen=True, kw_only=True):
    """A combo as the operator describes it."""

    name: str
    strategy: StrategyName = "priority"
    steps: tuple[Step, ...] = ()
    config: ComboConfig = ComboConfig()
    active: bool = True
    hidden: bool = False


class Combos:
    """Writes combos. Methods block until the change is live; they raise `InvalidRequest` and `GatewayError`.

    `prefixes` are the names that providers have: a combo `openai/fast` would hide a model.
    """

    def __init__(self, writer: Writer, prefixes: Mapping[str, object], random: Callable[[int], bytes]) -> None:
        self._writer = writer
        self._prefixes = prefixes
        self._random = random

    def create(self, draft: ComboDraft, actor: Actor, *, now: int) -> ComboRow:
        """`now` is unix ms."""
        combo_id = f"combo_{self._random(8).hex()}"

        def change(connection: Connection) -> ComboRow:
            row = _row(draft, combo_id, place=repo.next_place(connection), created_at=now, now=now)
            self._require_sound(connection, row)
            repo.add(connection, row)
            record(connection, actor, at=now, action="combo.create", target=row.id, detail=_said(row))
            return row

        return self._writer.write(change)

    def update(
        self, combo_id: str, revise: Callable[[ComboRow], ComboDraft], actor: Actor, *, now: int
    ) -> ComboRow:
        """Replaces the combo by what `revise` makes of it. Whatever refers to it follows a new name."""

        def change(connection: Connection) -> ComboRow:
            before = _known(connection, combo_id)
            row = _row(revise(before), combo_id, place=before.sort_order, created_at=before.created_at, now=now)
            if row.name != before.name:
                for other in repo.every(connection):
                    if other.id != combo_id and _refers(other, before.name):
                        repo.replace(connection, _renamed(other, before.name, row.name))
                row = _renamed(row, before.name, row.name)
                follow(connection, before.name, row.name, now=now)
            self._require_sound(connection, row)
            repo.replace(connection, row)
            record(connection, actor, at=now, action="combo.update", target=row.id, detail=_said(row))
            return row

        return self._writer.write(change)

    def delete(self, combo_id: str, actor: Actor, *, now: int) -> None:
        """Refused with 409 while another combo refers to it."""

        def change(connection: Connection) -> None:
            row = _known(connection, combo_id)
            users = [other.name for other in repo.every(connection) if _refers(other, row.name)]
            if users:
                raise GatewayError(
                    409,
                    f"The combo {row.name!r} is used by {', '.join(map(repr, users))}; take it out there first.",
                    code="combo_in_use",
                )
            repo.remove(connection, combo_id)
            record(connection, actor, at=now, action="combo.delete", target=combo_id, detail={"name": row.name})

        self._writer.write(change)

    def reorder(self, combo_ids: list[str], actor: Actor, *, now: int) -> None:
        """Puts these first, in this order; the others keep theirs behind them. Unknown ids are ignored."""

        def change(connection: Connection) -> None:
            rows = {row.id: row for row in repo.every(connection)}
            order = [*dict.fromkeys(one for one in combo_ids if one in rows)]
            order += [one for one in rows if one not in order]
            for place, combo_id in enumerate(order, start=1):
                repo.replace(connection, msgspec.structs.replace(rows[combo_id], sort_order=place))
            record(connection, actor, at=now, action="combo.reorder", detail={"combos": len(order)})

        self._writer.write(change)

    def _require_sound(self, connection: Connection, row: ComboRow) -> None:
        if _NAME.fullmatch(row.name) is None:
            raise InvalidRequest(
                "The name of a combo has 1 to 100 letters, digits, dots, dashes, underscores and slashes.",
                code="bad_name",
            )
        prefix, slash, _ = row.name.partition("/")
        if slash and prefix == "combo":
            raise InvalidRequest(
                f"The name {row.name!r} would be taken for the combo {row.name[6:]!r}; choose another one.",
                code="bad_name",
            )
        if slash and prefix in self._prefixes:
            raise InvalidRequest(
                f"The name {row.name!r} would hide a model of {prefix!r}; choose another one.", code="bad_name"
            )
        others = {other.name: combo_of(other) for other in repo.every(connection) if other.id != row.id}
        if row.name in others:
            raise InvalidRequest(f"Combo name already exists: {row.name!r}.", code="combo_exists")
        found = faults(combo_of(row), others)
        if found:
            raise InvalidRequest(f"{found[0][0].upper()}{found[0][1:]}.", code="bad_combo")


def combo_of(row: ComboRow, defaults: JsonObject | None = None) -> Combo:
    """A stored combo as routing walks it, with the `defaults` for what it leaves open. A strategy that is not
    known (any more) is `priority`."""
    try:
        strategy = msgspec.convert(row.strategy, StrategyName)
    except msgspec.ValidationError:
        strategy = "priority"
    return Combo(
        id=row.id,
        name=row.name,
        strategy=strategy,
        steps=tuple(msgspec.convert(step, Step) for step in row.steps),
        config=msgspec.convert(inherited(row.config, defaults) if defaults else row.config, ComboConfig),
        active=row.is_active,
        hidden=row.is_hidden,
    )


def _row(draft: ComboDraft, combo_id: str, *, place: int, created_at: int, now: int) -> ComboRow:
    return ComboRow(
        id=combo_id,
        name=draft.name.strip(),
        strategy=draft.strategy,
        steps=tuple(_plain(step) for step in draft.steps),
        config=_plain(draft.config),
        is_active=draft.active,
        is_hidden=draft.hidden,
        sort_order=place,
        created_at=created_at,
        updated_at=now,
    )


def _known(connection: Connection, combo_id: str) -> ComboRow:
    row = repo.get(connection, combo_id)
    if row is None:
        raise GatewayError(404, f"There is no combo with the id {combo_id[:80]!r}.", code="combo_not_found")
    return row


def _refers(row: ComboRow, name: str) -> bool:
    return any(isinstance(step, ComboStep) and step.combo == name for step in combo_of(row).steps)


def _renamed(row: ComboRow, before: str, name: str) -> ComboRow:
    steps = [
        msgspec.structs.replace(step, combo=name) if isinstance(step, ComboStep) and step.combo == before else step
        for step in combo_of(row).steps
    ]
    return msgspec.structs.replace(row, steps=tuple(_plain(step) for step in steps))


def _said(row: ComboRow) -> JsonObject:
    return {"name": row.name, "strategy": row.strategy, "steps": len(row.steps)}


def _plain(value: ModelStep | ComboStep | ComboConfig) -> dict[str, Any]:  # what msgspec makes of a Struct
    plain: dict[str, Any] = msgspec.to_builtins(value)
    return plain
