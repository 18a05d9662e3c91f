"""Finds requests by a filter, newest first, page by page, and never for longer than it may."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, select, tuple_

from omniroute.storage.filters.conditions import Conditions, conditions
from omniroute.storage.filters.grammar import Query
from omniroute.storage.repos.rows import as_struct
from omniroute.storage.repos.usage import Cursor, RequestRow
from omniroute.storage.schema import api_keys, connections, requests

_FIRST_LOOK: Final = 2_000
_LONGEST_LOOK: Final = 8_000
"""Rows that are looked at in one statement, where an index does not say which they are: some 20 ms."""


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """`cursor` is behind the last row that was looked at, None when there are no more. A page that is not
    `complete` was given up early: more may follow its cursor, though it has fewer rows than asked for."""

    rows: tuple[RequestRow, ...]
    cursor: Cursor | None
    complete: bool = True


def page(
    connection: Connection,
    query: Query,
    *,
    now: int,
    limit: int,
    before: Cursor | None = None,
    patient: Callable[[], bool] = lambda: True,
    first_look: int = _FIRST_LOOK,
) -> Page:
    """At most `limit` requests that `query` describes, as of `now` (unix ms), by the time of opening; `before` is
    the cursor of the page before. Once `patient` says no, what was found so far is the page. `first_look` is how
    many rows are looked at before that is asked."""
    found = conditions(query, now=now, names=partial(_named, connection))
    rows: list[RequestRow] = []
    look = first_look if found.rest else None
    while True:
        reached = None if look is None else _boundary(connection, found, before, look)
        # SQLite goes down an index to one lower bound only, and a comparison of pairs is none of its choice.
        since = found.since if reached is None else reached.at
        question = _ordered(found, since, before, requests)
        if reached is not None:
            question = question.where(tuple_(requests.c.at, requests.c.id) >= tuple(reached))
        wanted = limit + 1 - len(rows)
        rows.extend(
            as_struct(RequestRow, row) for row in connection.execute(question.where(*found.rest).limit(wanted))
        )
        if len(rows) > limit:
            return Page(rows=tuple(rows[:limit]), cursor=Cursor(rows[limit - 1].at, rows[limit - 1].id))
        if reached is None:
            return Page(rows=tuple(rows), cursor=None)
        before = reached
        if not patient():
            return Page(rows=tuple(rows), cursor=before, complete=False)
        look = min((look or 0) * 2, _LONGEST_LOOK)


def _boundary(connection: Connection, found: Conditions, before: Cursor | None, look: int) -> Cursor | None:
    """The last of the next `look` rows; None when there are fewer."""
    question = _ordered(found, found.since, before, requests.c.at, requests.c.id).limit(1).offset(look - 1)
    row = connection.execute(question).first()
    return None if row is None else Cursor(row.at, row.id)


def _ordered(found: Conditions, since: int, before: Cursor | None, *columns: Any) -> "Select[*tuple[Any, ...]]":
    at = requests.c.at
    within: list[ColumnElement[bool]] = [at >= since]
    if found.indexed is not None:
        within.append(found.indexed)
    if found.until is not None:
        within.append(at < found.until)
    if before is not None:
        within.append(tuple_(at, requests.c.id) < tuple(before))
    return select(*columns).where(*within).order_by(at.desc(), requests.c.id.desc())


def _named(connection: Connection, field: str, name: str) -> str | None:
    """The id that a name means; a name that nobody has is an id. None when several have it."""
    table = api_keys if field == "key" else connections
    ids = connection.execute(select(table.c.id).where(table.c.name == name)).scalars().all()
    if not ids:
        return name
    return ids[0] if len(ids) == 1 and ids[0] != name else None
