"""Usage over HTTP: history, logs, filters, quotas."""

from functools import partial
from itertools import count

import pytest

from omniroute.ledger.drain import store
from omniroute.ledger.position import Position
from omniroute.ledger.reader import Taken
from tests.support.records import attempted, opened, settled
from tests.unit.management.house import House

ZERO = {"requests": 0, "promptTokens": 0, "completionTokens": 0, "cost": 0.0}


class Log:
    """Writes the ledger of a house as its drain would."""

    def __init__(self, house: House) -> None:
        self.house = house
        self._ends = count(1)

    def write(self, *records) -> None:
        taken = Taken(records, Position(1, 1, next(self._ends)))
        self.house.writer.write_quietly(partial(store, taken=taken))

    def request(self, request_id: str, *, ago_s: float = 60.0, how=None, **fields) -> None:
        at = self.house.clock.at - ago_s
        self.write(opened(request_id, at=at, **(how or {})), settled(request_id, at=at + 1, **fields))


@pytest.fixture
def log(house: House) -> Log:
    return Log(house)


def connect(house: House, name: str = "work key") -> str:
    made = house.admin().post(
        "/api/providers", json={"provider": "openai", "apiKey": "sk-" + "a" * 24, "name": name}
    )
    assert made.status_code == 201, made.text
    return made.json()["connection"]["id"]


def test_an_empty_history_has_its_whole_shape(house: House) -> None:
    assert house.admin().get("/api/usage/history").json() == {
        "totalRequests": 0,
        "totalPromptTokens": 0,
        "totalCompletionTokens": 0,
        "totalCost": 0.0,
        "failedRequests": 0,
        "unpricedRequests": 0,
        "byProvider": {},
        "byModel": {},
        "byAccount": {},
        "byApiKey": {},
        "byCombo": {},
        "last10Minutes": [ZERO] * 10,
        "pending": {"byModel": {}, "byAccount": {}},
        "activeRequests": [],
    }


def test_history_says_who_used_what(house: House, log: Log) -> None:
    account = connect(house)
    key = house.admin().post("/api/keys", json={"name": "laptop"}).json()["id"]
    used = {"connection_id": account, "cache_read_tokens": 5, "cost_micro_usd": 1500}
    log.request("r1", how={"key_id": key, "combo": "best"}, **used)
    log.request("r2", how={"key_id": key}, outcome="rate_limit", status=429, connection_id=account)
    log.request("r3", how={"key_id": "local"}, ago_s=86_400 * 40, **used)
    said = house.admin().get("/api/usage/history").json()
    two = {"requests": 2, "promptTokens": 25, "completionTokens": 40, "cost": 0.0015}
    three = {"requests": 3, "promptTokens": 40, "completionTokens": 60, "cost": 0.003}
    last = {"lastUsed": "2027-01-15T07:59:00.000Z"}
    assert said["byProvider"] == {"openai": three}
    assert said["byModel"] == {"gpt-x (openai)": {**three, "rawModel": "gpt-x", "provider": "openai", **last}}
    assert said["byAccount"] == {
        "gpt-x (openai - work key)": {
            **three,
            "rawModel": "gpt-x",
            "provider": "openai",
            "connectionId": account,
            "accountName": "work key",
            **last,
        }
    }
    assert said["byApiKey"][f"id:{key}"] == {
        **two,
        "apiKeyId": key,
        "apiKeyName": "laptop",
        "historicalApiKeyNames": [],
        **last,
    }
    assert said["byApiKey"]["id:local"]["apiKeyName"] == "local"
    assert said["byCombo"] == {"best": {"requests": 1, "promptTokens": 15, "completionTokens": 20, "cost": 0.0015}}
    assert (said["totalRequests"], said["failedRequests"], said["unpricedRequests"]) == (3, 1, 1)
    assert said["last10Minutes"] == [*[ZERO] * 8, two, ZERO]
    assert house.admin().get("/api/usage/history?range=7d").json()["totalRequests"] == 2
    early = {"from": "2026-01-01T00:00:00Z", "to": "2027-01-01T00:00:00Z"}
    assert house.admin().get("/api/usage/history", params=early).json()["byApiKey"].keys() == {"id:local"}


def test_history_tells_the_earlier_names_of_a_key(house: House, log: Log) -> None:
    admin = house.admin()
    key = admin.post("/api/keys", json={"name": "laptop"}).json()["id"]
    for name in ("desk", "laptop", "old desk"):
        assert admin.patch(f"/api/keys/{key}", json={"name": name}).status_code == 200
    assert admin.patch(f"/api/keys/{key}", json={"isActive": False}).status_code == 200
    log.request("r1", how={"key_id": key})
    told = admin.get("/api/usage/history").json()["byApiKey"][f"id:{key}"]
    assert (told["apiKeyName"], sorted(told["historicalApiKeyNames"])) == ("old desk", ["desk", "laptop"])
    admin.delete(f"/api/keys/{key}")
    gone = admin.get("/api/usage/history").json()["byApiKey"][f"id:{key}"]
    assert "old desk" in gone["historicalApiKeyNames"]


def test_history_is_the_sum_of_the_request_logs(house: House, log: Log) -> None:
    for number in range(40):
        log.request(
            f"r{number:02}",
            ago_s=number * 5000.0,
            input_tokens=number,
            cost_micro_usd=None if number % 4 == 0 else number * 7,
            outcome="ok" if number % 3 else "server",
        )
    log.write(opened("open", at=house.clock.at))
    for question in ("", "range=24h", "range=1h", "from=2027-01-14T00:00:00Z"):
        said = house.admin().get(f"/api/usage/history?{question}").json()
        query = {"range=24h": "since:24h", "range=1h": "since:1h"}.get(
            question, question.replace("from=", "since:")
        )
        items, cursor = [], None
        while True:
            asked = {"q": f"-is:running {query}", "limit": 7, **({"cursor": cursor} if cursor else {})}
            page = house.admin().get("/api/usage/request-logs", params=asked).json()
            items += page["items"]
            cursor = page["nextCursor"]
            if cursor is None:
                break
        assert said["totalRequests"] == len(items)
        assert said["totalPromptTokens"] == sum(item["tokens"]["in"] for item in items)
        assert said["totalCompletionTokens"] == sum(item["tokens"]["out"] for item in items)
        assert round(said["totalCost"] * 1e6) == sum(item["costMicroUsd"] or 0 for item in items)
        assert said["failedRequests"] == sum(item["outcome"] != "ok" for item in items)


def test_what_is_under_way_is_pending(house: House, log: Log) -> None:
    account = connect(house)
    log.write(opened("r1"), attempted("r1", connection_id=account), opened("r2", model="asked"))
    said = house.admin().get("/api/usage/history").json()
    assert said["totalRequests"] == 0
    assert said["pending"] == {
        "byModel": {"asked": 1, "gpt-x (openai)": 1},
        "byAccount": {account: {"gpt-x (openai)": 1}},
    }
    assert {"model": "gpt-x", "provider": "openai", "account": "work key", "count": 1} in said["activeRequests"]


def test_logs_are_lines_newest_first(house: House, log: Log) -> None:
    account = connect(house)
    log.request("r1", ago_s=120, connection_id=account)
    log.request("r2", outcome="not_found", status=404, provider="", connection_id="", model="", output_tokens=0)
    assert house.admin().get("/api/usage/logs").json() == [
        "2027-01-15T07:59:00.000Z | gpt | - | - | 10 | 0 | 404",
        "2027-01-15T07:58:00.000Z | gpt-x | OPENAI | work key | 10 | 20 | 200",
    ]


def test_requests_are_found_by_one_filter(house: House, log: Log) -> None:
    key = house.admin().post("/api/keys", json={"name": "team a"}).json()["id"]
    dear = {"cost_micro_usd": 20_000, "outcome": "server", "status": 500, "message": "the model is on fire"}
    log.request("r1", how={"key_id": key, "model": "claude-sonnet", "combo": "best"}, **dear)
    log.request("r2", how={"key_id": key, "model": "claude-sonnet"}, cost_micro_usd=20_000)
    log.request("r3", how={"model": "claude-sonnet"}, **dear)

    def found(q: str) -> list[str]:
        answer = house.admin().get("/api/usage/request-logs", params={"q": q})
        assert answer.status_code == 200, answer.text
        return [item["id"] for item in answer.json()["items"]]

    assert found('status:error model:claude-* cost>0.01 key:"team a" after:2026-11-01') == ["r1"]
    assert found('key:"team a"') == ["r2", "r1"]
    assert found("combo:best") == ["r1"]
    assert found('"on FIRE" -combo:best') == ["r3"]
    wrong = house.admin().get("/api/usage/request-logs", params={"q": "status:error modle:x"})
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (400, "bad_filter")
    assert wrong.json()["error"]["message"].startswith(
        "The filter is wrong at character 14: there is no field 'modle'; did you mean 'model'?"
    )


def test_a_filter_is_told_how_it_may_go_on(house: House, log: Log) -> None:
    admin = house.admin()
    admin.post("/api/keys", json={"name": "Team a"})
    connect(house)
    for number, model in enumerate(("claude-b", "claude-a", "claude-b", "gpt", "claude%")):
        outcome = "rate_limit" if model == "gpt" else "ok"
        log.request(f"r{number}", how={"model": model, "combo": "best"}, outcome=outcome)

    def told(**asked: str) -> list[str]:
        answer = admin.get("/api/usage/request-logs/suggest", params=asked)
        assert answer.status_code == 200, answer.text
        return answer.json()["values"]

    assert told(field="model", prefix="CL") == ["claude-b", "claude%", "claude-a"]
    assert told(field="model", prefix="claude%") == ["claude%"]
    assert told(field="model", limit="1") == ["claude-b"]
    assert told(field="error") == ["rate_limit"]
    assert told(field="key", prefix="t") == ["Team a"]
    assert told(field="account") == ["work key"]
    assert told(field="combo") == ["best"]
    assert told(field="has", prefix="c") == ["combo", "cached", "cost"]
    assert told(field="latency") == told(field="id") == []
    assert told(prefix="st") == ["status"]
    wrong = admin.get("/api/usage/request-logs/suggest?field=modle")
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (400, "bad_filter")


def test_utilization_has_every_step_of_providers_and_accounts(house: House, log: Log) -> None:
    account = connect(house)
    log.request("r1", ago_s=60, connection_id=account, duration_ms=150_000, cost_micro_usd=2_000_000)
    log.request("r2", ago_s=90, connection_id="gone", outcome="server", duration_ms=30_000)
    log.request("r3", ago_s=3 * 3600, connection_id=account, duration_ms=3_600_000)
    log.request("r4", ago_s=3 * 86_400, provider="groq", connection_id="g")
    log.request("r5", how={"model": "nobody"}, provider="", connection_id="", outcome="not_found")
    headers = {"x-ratelimit-limit-requests": "100", "x-ratelimit-remaining-requests": "42"}
    house.accounts.learned.hear(account, headers, at=house.clock.now(), now=house.clock.monotonic())

    def told(**asked: str) -> dict:
        answer = house.admin().get("/api/usage/utilization", params=asked)
        assert answer.status_code == 200, answer.text
        return answer.json()

    hour = told(range="1h")
    assert (hour["stepMs"], [one["provider"] for one in hour["series"]]) == (300_000, ["openai"])
    (series,) = hour["series"]
    assert (series["connectionId"], series["percentUsed"], len(series["points"])) == (None, 58.0, 12)
    assert [point for point in series["points"] if point["requests"]] == [
        {
            "at": "2027-01-15T07:55:00.000Z",
            "requests": 2,
            "failed": 1,
            "promptTokens": 20,
            "completionTokens": 40,
            "cost": 2.0,
            "busy": 0.6,
        }
    ]
    day = told(aggregateBy="connection", provider="openai")
    assert day["range"] == "24h"
    assert {one["name"]: one["percentUsed"] for one in day["series"]} == {"work key": 58.0, "gone": None}
    own = next(one for one in day["series"] if one["connectionId"] == account)
    assert [(point["at"], point["busy"]) for point in own["points"] if point["requests"]] == [
        ("2027-01-15T05:00:00.000Z", 1.0),
        ("2027-01-15T07:00:00.000Z", 0.042),
    ]
    assert len(own["points"]) == 24
    for name, steps in (("7d", 168), ("30d", 30)):
        week = told(range=name)
        assert {one["provider"]: sum(point["requests"] for point in one["points"]) for one in week["series"]} == {
            "groq": 1,
            "openai": 3,
        }
        assert {len(one["points"]) for one in week["series"]} == {steps}
    assert house.admin().get("/api/usage/utilization?range=1y").status_code == 400


def test_the_limits_of_all_accounts_are_told_at_once(house: House) -> None:
    account, silent = connect(house), connect(house, "other key")
    headers = {"x-ratelimit-limit-requests": "100", "x-ratelimit-remaining-requests": "42"}
    house.accounts.learned.hear(account, headers, at=house.clock.now(), now=house.clock.monotonic())
    told = house.admin().get("/api/usage/provider-limits").json()
    assert told["generatedAt"] == "2027-01-15T08:00:00.000Z"
    assert silent not in told["limits"]
    own = house.admin().get(f"/api/usage/{account}").json()
    assert told["limits"] == {account: {"name": "work key", "provider": "openai", **own}}
    house.clock.at += 900
    assert house.admin().get("/api/usage/provider-limits").json()["limits"][account]["_stale"] is True


def test_call_logs_are_asked_for_by_parameters(house: House, log: Log) -> None:
    log.request("r1", how={"key_id": "k1", "combo": "best"})
    log.request("r2", how={"key_id": "k2"}, outcome="rate_limit", status=429, message="slow down")

    def found(**asked: str) -> list[str]:
        answer = house.admin().get("/api/usage/call-logs", params=asked)
        assert answer.status_code == 200, answer.text
        return [item["id"] for item in answer.json()]

    assert found() == ["r2", "r1"]
    assert found(status="error") == found(status="429") == found(search="slow") == found(apiKey="k2") == ["r2"]
    assert found(combo="1") == found(status="ok") == found(model="pt-x", status="200") == ["r1"]
    assert house.admin().get("/api/usage/call-logs?status=bad").status_code == 400
    assert house.admin().get("/api/usage/call-logs/nothing").status_code == 404
    detail = house.admin().get("/api/usage/call-logs/r1").json()
    assert (detail["comboName"], detail["detailState"], detail["requestBody"], detail["capture"]) == (
        "best",
        "none",
        None,
        None,
    )
    assert detail["tokens"] == {"in": 10, "out": 20, "cacheRead": 0, "cacheWrite": 0, "reasoning": 0}


def test_analytics_are_by_day_and_by_who(house: House, log: Log) -> None:
    log.request("r1", how={"key_id": "k1", "combo": "best"}, cost_micro_usd=1_000_000)
    log.request("r2", how={"key_id": "k2"}, ago_s=86_400, outcome="server", model="gpt-y")
    log.request("r3", how={"key_id": "k2"}, ago_s=86_400 * 20)
    said = house.admin().get("/api/usage/analytics?range=7d").json()
    assert (said["range"], said["summary"]["requests"], said["summary"]["failed"]) == ("7d", 2, 1)
    assert said["summary"]["cost"] == 1.0
    assert [day["date"] for day in said["dailyTrend"]] == ["2027-01-14", "2027-01-15"]
    assert said["activityMap"] == {"2027-01-14": 30, "2027-01-15": 30}
    assert said["dailyByModel"] == [{"date": "2027-01-14", "gpt-y": 30}, {"date": "2027-01-15", "gpt-x": 30}]
    assert said["modelNames"] == ["gpt-x", "gpt-y"]
    assert [(one["name"], one["share"]) for one in said["byModel"]] == [("gpt-x", 0.5), ("gpt-y", 0.5)]
    assert [one["name"] for one in said["byCombo"]] == ["best"]
    assert {day["day"]: day["requests"] for day in said["weeklyPattern"] if day["requests"]} == {
        "Thu": 1,
        "Fri": 1,
    }
    of_key = house.admin().get("/api/usage/analytics?range=all&apiKeyIds=k2&presets=1h,30d").json()
    assert of_key["summary"]["requests"] == 2
    assert {name: one["requests"] for name, one in of_key["presetSummaries"].items()} == {"1h": 0, "30d": 2}
    assert house.admin().get("/api/usage/analytics?range=soon").status_code == 400


def test_the_quota_of_an_account_is_what_its_provider_told(house: House) -> None:
    account = connect(house)
    admin = house.admin()
    before = admin.get(f"/api/usage/{account}").json()
    assert before == {
        "plan": None,
        "quotas": {},
        "message": "This account has not told any limits since the gateway started.",
    }
    headers = {
        "x-ratelimit-limit-requests": "100",
        "x-ratelimit-remaining-requests": "42",
        "x-ratelimit-reset-requests": "20m",
    }
    house.accounts.learned.hear(account, headers, at=house.clock.now(), now=house.clock.monotonic())
    told = admin.get(f"/api/usage/{account}").json()
    assert told == {
        "plan": None,
        "quotas": {
            "requests": {
                "used": 58.0,
                "total": 100.0,
                "remaining": 42.0,
                "remainingPercentage": 42.0,
                "resetAt": "2027-01-15T08:20:00.000Z",
                "unlimited": False,
            }
        },
        "message": None,
    }
    assert admin.get("/api/usage/quota").json() == {
        "providers": [
            {
                "name": "work key",
                "provider": "openai",
                "connectionId": account,
                "quotaUsed": 58.0,
                "quotaTotal": 100.0,
                "percentRemaining": 42.0,
                "resetAt": "2027-01-15T08:20:00.000Z",
                "tokenStatus": "valid",
            }
        ],
        "meta": {
            "generatedAt": "2027-01-15T08:00:00.000Z",
            "filters": {"provider": None, "connectionId": None},
            "totalProviders": 1,
        },
    }
    house.clock.at += 900
    later = admin.get(f"/api/usage/{account}").json()
    assert (later["_stale"], later["_staleSince"]) == (True, "2027-01-15T08:00:00.000Z")
    assert later["quotas"] == told["quotas"]
    assert admin.get("/api/usage/nobody").status_code == 404


def test_addresses_of_usage_are_no_connections(house: House) -> None:
    paths = [route.path for route in house.app.routes]
    last = paths.index("/api/usage/{connection_id}")
    assert all(
        paths.index(path) < last for path in paths if path.startswith("/api/usage/") and "{conn" not in path
    )
    assert "quotas" not in house.admin().get("/api/usage/history").json()


def test_the_settings_of_the_log_change_what_is_kept(house: House) -> None:
    admin = house.admin()
    assert admin.get("/api/settings/logging").json() == {
        "bodies": "off",
        "bodyBytes": 131072,
        "requestDays": 90,
        "rollupDays": 0,
        "captureDays": 7,
        "captureBytes": 2147483648,
        "droppedCaptures": 0,
    }
    assert house.live.current.captured is None
    said = admin.patch("/api/settings/logging", json={"bodies": "errors", "captureDays": 3}).json()
    assert (said["bodies"], said["captureDays"], said["requestDays"]) == ("errors", 3, 90)
    captured = house.live.current.captured
    assert captured is not None
    assert (captured.bodies, captured.capture_days) == ("errors", 3)
    assert admin.patch("/api/settings/logging", json={"bodies": "some"}).status_code == 400
    assert "settings.logging" in house.actions()


def test_a_key_may_want_its_bodies_kept(house: House) -> None:
    admin = house.admin()
    key = admin.post("/api/keys", json={"name": "debugged", "bodies": "all"}).json()
    assert key["bodies"] == "all"
    captured = house.live.current.captured
    (grant,) = house.live.current.grants.values()
    assert captured is not None
    assert captured.policy(grant) == "all"
    admin.patch(f"/api/keys/{key['id']}", json={"noLog": True})
    assert house.live.current.captured is None
    assert admin.patch(f"/api/keys/{key['id']}", json={"bodies": None}).json()["bodies"] is None
