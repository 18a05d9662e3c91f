"""One gateway for the whole matrix."""

from collections.abc import Iterator

import pytest

from tests.golden.matrix import Between, between


@pytest.fixture(scope="session")
def on(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Between]:
    # Of what dialects can carry, not of what can be fetched: no test looks up a name on the network.
    with between(tmp_path_factory.mktemp("golden") / "home", {"OMNIROUTE_MEDIA_FETCH": "0"}) as made:
        yield made
