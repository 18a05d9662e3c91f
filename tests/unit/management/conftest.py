"""A fresh house for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.management.house import House, housed


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with housed(tmp_path / "data") as built:
        yield built
