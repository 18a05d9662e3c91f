"""One gateway inside the process for all tests that want to see what it holds."""

from collections.abc import Iterator

import pytest

from tests.support.inside import Inside
from tests.support.stage import Stage
from tests.support.upstream.server import ScriptedUpstream


@pytest.fixture(scope="session")
def inside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    with Inside(tmp_path_factory.mktemp("inside")) as gateway:
        yield gateway


@pytest.fixture(scope="session")
def within(inside: Inside) -> Iterator[Stage]:
    with ScriptedUpstream() as upstream:
        yield Stage(upstream, inside, inside.client_key("tests"))
