"""`kill -9` under load: whatever a client has received completely is in the ledger after the next start, and the
ledger has exactly what the upstream was asked for: every request once, and nothing twice."""

import random
from collections.abc import Iterator

import pytest

from tests.support.gateway import Gateway
from tests.support.load import Load, agrees
from tests.support.stage import DIALECTS, UPSTREAM_KEY, Dialect, Stage
from tests.support.upstream.server import ScriptedUpstream

KILLS = 20


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One gateway for all kills; each test starts it again on the same data."""
    gateway = Gateway(tmp_path_factory.mktemp("gateway"))
    with ScriptedUpstream() as upstream:
        gateway.start()
        yield Stage(upstream, gateway, gateway.client_key("tests"))
        assert gateway.stop() == 0


@pytest.fixture(scope="module")
def models(behind: Stage) -> dict[Dialect, str]:
    return {
        speaks: behind.gateway.provider(f"{speaks}-compatible", f"{behind.upstream.url}/v1", keys=(UPSTREAM_KEY,))
        + "/scripted-small"
        for speaks in DIALECTS
    }


@pytest.mark.parametrize("seed", range(KILLS))
def test_a_kill_loses_no_answer_that_was_received_and_counts_nothing_twice(
    behind: Stage, models: dict[Dialect, str], seed: int
) -> None:
    load = Load(behind, models, f"kill{seed}")
    load.start()
    load.wait_complete(random.Random(seed).randint(1, 80))
    behind.gateway.kill()
    load.join()
    behind.gateway.start()
    assert load.complete
    agrees(behind, load)
