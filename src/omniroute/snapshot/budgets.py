"""Budgets between the rows they are stored in and the values that requests count against, and their writes."""

from collections.abc import Callable, Iterable
from typing import Final

import msgspec
from sqlalchemy import Connection

from omniroute.access.actor import Actor, record
from omniroute.access.grant import ENV_KEY_ID, LOCAL_KEY_ID
from omniroute.errors import GatewayError, InvalidRequest
from omniroute.ledger.budget_windows import Period, window
from omniroute.ledger.budgets import Action, Budget, Budgets, Mode, Scope, Spent, budgets
from omniroute.storage.repos import budgets as repo
from omniroute.storage.repos import combos, connections, keys
from omniroute.storage.repos.budgets import BudgetRow, Spend
from omniroute.storage.writer import Writer

LARGEST_MICRO_USD: Final = 10**15
"""A thousand million dollars."""


class BudgetDraft(msgspec.Struct, frozen=True, kw_only=True):
    """A budget as the operator describes it; the words are those of `ledger.budgets`."""

    scope: Scope
    subject: str = ""
    limit_micro_usd: int
    period: Period = "monthly"
    action: Action = "block"
    mode: Mode = "standard"
    warn_percent: int = 80
    downgrade_to: str | None = None
    reset_minute: int = 0


class Budgeting:
    """Writes budgets. Methods block until the change is live; they raise `InvalidRequest` and `GatewayError` 404.

    `drained` waits until what has been settled is in the tables: a new budget counts what was spent before it.
    `providers` are the ids that a budget may name.
    """

    def __init__(
        self,
        writer: Writer,
        random: Callable[[int], bytes],
        known_provider: Callable[[str], bool],
        known_connection: Callable[[str], bool],
        drained: Callable[[], bool],
    ) -> None:
        self._writer = writer
        self._random = random
        self._known_provider = known_provider
        self._known_connection = known_connection
        self._drained = drained

    def put(self, drafts: Iterable[BudgetDraft], actor: Actor, *, now: int) -> tuple[BudgetRow, ...]:
        """Makes each of `drafts`, or changes the one with the same scope, subject, period and action. `now` is
        unix ms."""
        wanted = tuple(drafts)
        self._drained()

        def change(connection: Connection) -> tuple[BudgetRow, ...]:
            return tuple(self._put(connection, draft, actor, now) for draft in wanted)

        return self._writer.write(change)

    def delete(self, budget_id: str, actor: Actor, *, now: int) -> None:
        """Ends a budget; what was spent in it is forgotten."""

        def change(connection: Connection) -> None:
            row = repo.get(connection, budget_id)
            if row is None:
                raise GatewayError(
                    404, f"There is no budget with the id {budget_id[:80]!r}.", code="budget_not_found"
                )
            repo.remove(connection, budget_id)
            record(connection, actor, at=now, action="budget.delete", target=budget_id, detail=_said(row))

        self._writer.write(change)

    def clear(
        self, scope: Scope, subject: str, actor: Actor, *, now: int, periods: Iterable[Period] | None = None
    ) -> int:
        """Ends the budgets of a subject, all or those of some periods; returns how many there were."""
        only = None if periods is None else frozenset(periods)

        def change(connection: Connection) -> int:
            rows = [
                row for row in repo.of_subject(connection, scope, subject) if only is None or row.period in only
            ]
            for row in rows:
                repo.remove(connection, row.id)
                record(connection, actor, at=now, action="budget.delete", target=row.id, detail=_said(row))
            return len(rows)

        return self._writer.write(change)

    def _put(self, connection: Connection, draft: BudgetDraft, actor: Actor, now: int) -> BudgetRow:
        self._require_sound(connection, draft)
        before = next(
            (
                row
                for row in repo.of_subject(connection, draft.scope, draft.subject)
                if row.period == draft.period and row.action == draft.action
            ),
            None,
        )
        if before is not None and before.reset_minute != draft.reset_minute:
            repo.remove(connection, before.id)  # its windows are others: what it counted means nothing to them
            before = None
        row = BudgetRow(
            id=f"budget_{self._random(8).hex()}" if before is None else before.id,
            scope=draft.scope,
            subject=draft.subject,
            limit_micro_usd=draft.limit_micro_usd,
            period=draft.period,
            action=draft.action,
            mode=draft.mode,
            warn_percent=draft.warn_percent,
            downgrade_to=draft.downgrade_to,
            reset_minute=draft.reset_minute,
            created_at=now if before is None else before.created_at,
            updated_at=now,
        )
        if before is None:
            repo.add(connection, row)
            repo.set_spend(connection, _spent_before(connection, row, now))
        else:
            repo.replace(connection, row)
        record(connection, actor, at=now, action="budget.put", target=row.id, detail=_said(row))
        return row

    def _require_sound(self, connection: Connection, draft: BudgetDraft) -> None:
        if not 1 <= draft.limit_micro_usd <= LARGEST_MICRO_USD:
            raise InvalidRequest(f"A limit is 0.000001 to {LARGEST_MICRO_USD // 10**6} USD.", code="bad_budget")
        if not 1 <= draft.warn_percent <= 100 or not 0 <= draft.reset_minute < 24 * 60:
            raise InvalidRequest(
                "A budget warns at 1 to 100 percent, and resets at 00:00 to 23:59.", code="bad_budget"
            )
        if draft.action == "downgrade":
            known = draft.downgrade_to is not None and any(
                combo.name == draft.downgrade_to for combo in combos.every(connection)
            )
            if not known:
                raise InvalidRequest(
                    f"A budget that downgrades names a combo, and there is no {draft.downgrade_to!r};"
                    " `omniroute combos ls` lists them.",
                    code="bad_budget",
                )
        self._require_subject(connection, draft)

    def _require_subject(self, connection: Connection, draft: BudgetDraft) -> None:
        subject = draft.subject
        code = "key_not_found"
        match draft.scope:
            case "global" | "tag":
                if (draft.scope == "global") != (subject == "") or len(subject) > 64:
                    raise InvalidRequest(
                        "A tag has 1 to 64 characters, and the gateway has no subject.", code="bad_budget"
                    )
                return
            case "key":
                known = subject in (LOCAL_KEY_ID, ENV_KEY_ID) or keys.get(connection, subject) is not None
            case "connection":
                code = "connection_not_found"
                known = self._known_connection(subject) or connections.get(connection, subject) is not None
            case "provider":
                code = "provider_not_found"
                known = self._known_provider(subject)
        if not known:
            raise GatewayError(404, f"There is no {draft.scope} {subject[:80]!r} to have a budget.", code=code)


def budgets_of(rows: Iterable[BudgetRow], spends: Iterable[Spend]) -> Budgets | None:
    """As requests count against them; None when there are none."""
    stored: dict[str, dict[int, Spent]] = {}
    for spend in spends:
        stored.setdefault(spend.budget_id, {})[spend.window_start // 1000] = Spent(spend.micro_usd, spend.guessed)
    return budgets(tuple(budget_of(row, stored.get(row.id, {})) for row in rows))


def budget_of(row: BudgetRow, stored: dict[int, Spent]) -> Budget:
    """One of them."""
    return Budget(
        id=row.id,
        scope=row.scope,
        subject=row.subject,
        limit=row.limit_micro_usd,
        period=row.period,
        action=row.action,
        mode=row.mode,
        warn_percent=row.warn_percent,
        downgrade_to=row.downgrade_to,
        reset_minute=row.reset_minute,
        stored=stored,
    )


def _spent_before(connection: Connection, row: BudgetRow, now: int) -> Spend:
    """What requests cost in the window that is open when the budget is made."""
    start = window(row.period, row.reset_minute, now / 1000).start * 1000
    match row.scope:
        case "global":
            spent = repo.spent_since(connection, since=start)
        case "key":
            spent = repo.spent_since(connection, since=start, keys=(row.subject,))
        case "tag":
            tagged = [key.id for key in keys.every(connection) if row.subject in key.tags]
            spent = repo.spent_since(connection, since=start, keys=tagged)
        case "connection":
            spent = repo.spent_since(connection, since=start, connection_id=row.subject)
        case "provider":
            spent = repo.spent_since(connection, since=start, provider=row.subject)
    return Spend(row.id, start, spent, 0)


def _said(row: BudgetRow) -> dict[str, object]:
    return {
        "scope": row.scope,
        "subject": row.subject,
        "limit_micro_usd": row.limit_micro_usd,
        "period": row.period,
        "action": row.action,
        "mode": row.mode,
    }
