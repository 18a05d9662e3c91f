"""A budget that is set over the API changes what the very next request may do, in each of its actions."""

from collections.abc import Iterator

import pytest

from tests.support.asking import Answered, ask
from tests.support.gateway import Gateway
from tests.support.stage import PATHS, Dialect, Stage, headers, question
from tests.support.upstream.server import ScriptedUpstream

BUDGET = "/api/usage/budget"


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with ScriptedUpstream() as upstream, Gateway(tmp_path_factory.mktemp("gateway")) as gateway:
        yield Stage(upstream, gateway, "")


@pytest.fixture(scope="module")
def model(behind: Stage) -> str:
    found = behind.model("openai")
    prefix, _, name = found.partition("/")
    behind.gateway.admin("PATCH", "/api/pricing", {prefix: {name: {"input": 10.0, "output": 1000.0}}})
    return found


class Caller:
    """A client with a key of its own, that has spent something."""

    def __init__(self, behind: Stage, model: str, name: str) -> None:
        self.behind, self.model = behind, model
        self.key = behind.gateway.client_key(name)
        self.key_id = next(
            one["id"] for one in behind.gateway.admin("GET", "/api/keys")["keys"] if one["name"] == name
        )
        assert self.ask().status == 200

    def ask(self, dialect: Dialect = "openai") -> Answered:
        body = question(dialect, self.model, max_tokens=8)
        return ask(self.behind.url, PATHS[dialect], body, headers=headers(dialect, self.key))

    def limit(self, **more: object) -> None:
        body = {"keyId": self.key_id, "limit": 0.01, "period": "weekly", **more}
        self.behind.gateway.admin("POST", BUDGET, body)


def test_block_refuses_the_next_request_and_deleting_the_budget_lets_it_through(behind: Stage, model: str) -> None:
    caller = Caller(behind, model, "blocked")
    caller.limit()
    refused, native = caller.ask(), caller.ask("anthropic")
    assert (refused.status, refused.json["error"]["code"]) == (402, "budget_exceeded")
    assert int(refused.headers["retry-after"]) <= 7 * 86_400
    assert (native.status, native.json["type"]) == (402, "error")
    behind.gateway.admin("DELETE", f"{BUDGET}?keyId={caller.key_id}")
    assert caller.ask().status == 200


def test_warn_says_so_in_the_head_of_the_next_reply(behind: Stage, model: str) -> None:
    caller = Caller(behind, model, "warned")
    caller.limit(action="warn", warningThreshold=0.5)
    warned = caller.ask()
    assert warned.status == 200
    assert warned.headers["x-omniroute-budget"].startswith("key weekly; spent=0.00")


def test_downgrade_sends_the_next_request_to_the_combo(behind: Stage, model: str) -> None:
    behind.gateway.admin("POST", "/api/combos", {"name": "cheap", "models": ["demo/hello"]})
    caller = Caller(behind, model, "downgraded")
    caller.limit(action="downgrade", downgradeTo="cheap")
    served = caller.ask()
    assert (served.status, served.headers["x-omniroute-downgraded"]) == (200, "cheap")
    assert served.headers["x-omniroute-provider"] == "demo"
    assert caller.ask("anthropic").status == 200


def test_a_key_outside_its_schedule_is_refused(behind: Stage, model: str) -> None:
    caller = Caller(behind, model, "sleeping")
    schedule = {"from": "00:00", "until": "00:00", "days": [], "tz": "UTC"}
    behind.gateway.admin("PATCH", f"/api/keys/{caller.key_id}", {"accessSchedule": schedule})
    refused = caller.ask()
    assert (refused.status, refused.json["error"]["code"]) == (403, "outside_schedule")
    behind.gateway.admin("PATCH", f"/api/keys/{caller.key_id}", {"accessSchedule": None})
    assert caller.ask().status == 200
    caller.limit()  # which waits until all that was asked is in the ledger
    used = behind.gateway.admin("GET", f"/api/keys/{caller.key_id}")["lastUsedAt"]
    assert used is not None
