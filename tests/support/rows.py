"""Reads the ledger as an operator with `sqlite3` would: straight from the file, while the gateway runs."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Row:
    """One request. `settled_at` is None while it is open."""

    outcome: str
    settled_at: int | None
    input_tokens: int
    output_tokens: int


def requests(database: Path) -> dict[str, Row]:
    """Every request by its id."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        told = connection.execute("SELECT id, outcome, settled_at, input_tokens, output_tokens FROM requests")
        return {
            request_id: Row(outcome=outcome, settled_at=settled_at, input_tokens=fresh, output_tokens=output)
            for request_id, outcome, settled_at, fresh, output in told
        }
