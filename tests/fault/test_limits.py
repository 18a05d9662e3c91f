"""Limits of providers over real sockets: exactly what was set, then somebody else, and nothing left behind."""

from collections import Counter

from omniroute.routing.candidate import Account
from omniroute.traffic.gate import Entry
from omniroute.traffic.line import Wish
from tests.fault.test_accounts import KEYS, provider, used
from tests.fault.test_leaving import Client
from tests.support.inside import Inside
from tests.support.stage import Stage, question
from tests.support.waiting import soon


def limit(on: Stage, model: str, **limits: int | None) -> None:
    """All accounts of the model's provider together take no more than this."""
    on.gateway.admin("PATCH", "/api/rate-limit", {"providers": {provider(on, model): limits}})


def test_a_provider_with_two_accounts_serves_exactly_its_requests_a_minute_and_the_combo_goes_on(
    within: Stage,
) -> None:
    spare = within.model("openai", keys=KEYS[2:])
    model = within.model("openai", keys=KEYS[:2])
    limit(within, model, requestsPerMinute=3)
    name = f"both-{model.partition('/')[0]}"
    within.gateway.admin("POST", "/api/combos", {"name": name, "models": [model, spare]})
    rule = {
        "providers": {provider(within, model): {"fallbackStrategy": "round-robin", "stickyRoundRobinLimit": 1}}
    }
    within.gateway.admin("PATCH", "/api/settings/routing", rule)
    answers = [
        within.ask(
            "openai", question("openai", name, messages=[{"role": "user", "content": f"question {number}"}])
        )
        for number in range(6)
    ]
    assert [one.status for one in answers] == [200] * 6
    assert Counter(used(within)) == {"sk-one": 2, "sk-two": 1, "sk-three": 3}
    assert used(within)[3:] == ["sk-three"] * 3

    trace = within.gateway.admin("GET", f"/api/explain/{answers[-1].headers['x-request-id']}")
    reasons = [one["reason"] for one in trace["excluded"]]
    assert len(reasons) == 2, "one for each of its accounts"
    assert all("its provider has had its 3 requests of this minute" in one for one in reasons)
    (shown,) = [
        one
        for one in within.gateway.admin("GET", "/api/rate-limits")["providers"]
        if one["provider"] == provider(within, model)
    ]
    assert shown["minute"][0]["limit"] == 3
    assert shown["minute"][0]["remaining"] < 1

    limit(within, model, requestsPerMinute=None)
    assert within.ask("openai", question("openai", name)).status == 200
    assert used(within)[-1] in ("sk-one", "sk-two")


def test_who_leaves_the_line_for_a_minute_takes_nothing(inside: Inside, within: Stage) -> None:
    model = within.model("openai", keys=KEYS[:2])
    limit(within, model, requestsPerMinute=3, concurrentRequests=4)
    name = provider(within, model)
    inside.look(lambda: _exhaust(inside, name, 3))
    with Client(within, "openai", question("openai", model)) as leaving:
        leaving.ask()
        soon(lambda: inside.held().get("waiting"))
        leaving.leave("closed")
        assert inside.at_rest() == {}
    assert within.upstream.generations == []
    limit(within, model, requestsPerMinute=None)
    assert within.ask("openai", question("openai", model)).status == 200
    assert inside.at_rest() == {}


def _exhaust(inside: Inside, provider_id: str, requests: int) -> None:
    """So many requests a minute were made a moment ago."""
    assert inside.app is not None
    snapshot, line = inside.app._live.current, inside.app._gateway.accounts.line
    bound = snapshot.limits.providers[provider_id].bound(provider_id)
    account = Account(id="nobody", provider=provider_id, bounds=(bound,))
    for _ in range(requests):
        entry = line.enter(account, Wish("k", 0))
        assert isinstance(entry, Entry)
        entry.leave()
