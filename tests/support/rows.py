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
    client_request_id: str | None = None
    provider: str = ""
    cost_micro_usd: int | None = None
    price_source: str | None = None
    usage_source: str = "none"


def requests(database: Path) -> dict[str, Row]:
    """Every request by its id."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        names = list(Row.__dataclass_fields__)
        told = connection.execute(f"SELECT id, {', '.join(names)} FROM requests")
        return {request_id: Row(**dict(zip(names, values, strict=True))) for request_id, *values in told}
