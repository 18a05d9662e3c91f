"""Writes the bundle of all rows to standard output: `make catalog` keeps it as `catalog/bundle.json`."""

import sys
from collections.abc import Iterable

import msgspec

from omniroute.catalog.loader import Row, rows


def bundle(known: Iterable[Row]) -> str:
    """One row a line, so that a change of one row is a change of one line."""
    lines = (msgspec.json.encode(row, order="deterministic").decode() for row in known)
    return "[\n" + ",\n".join(lines) + "\n]\n"


if __name__ == "__main__":
    sys.stdout.write(bundle(rows()))
