"""One gateway for the whole matrix."""

from collections.abc import Iterator

import pytest

from tests.golden.matrix import Between, between


@pytest.fixture(scope="session")
def on(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Between]:
    with between(tmp_path_factory.mktemp("golden") / "home") as made:
        yield made
