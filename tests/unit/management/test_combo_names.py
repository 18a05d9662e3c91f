"""The names in a combo over HTTP: unknown ones are refused when they are saved, and a new name is followed."""

import pytest

from tests.unit.management.house import House
from tests.unit.management.test_aliases_api import put, with_node

GOOD = "openai/gpt-4o"


def made(house: House, **body: object) -> dict:
    answer = house.admin().post("/api/combos", json={"name": "fast", "models": [GOOD], **body})
    assert answer.status_code == 201, answer.text
    return answer.json()


def refused(house: House, **body: object) -> str:
    answer = house.admin().post("/api/combos", json={"name": "x", "models": [GOOD], **body})
    assert answer.status_code == 400, answer.text
    return answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"models": ["nobody/m"]}, "Step 1: no provider 'nobody', so no model 'nobody/m'"),
        ({"models": [GOOD, "no-such-model"]}, "Step 2: no model 'no-such-model'"),
        ({"models": ["x"]}, "Step 1: no model 'x'"),
        ({"models": [{"comboName": "x"}]}, "circle: x -> x"),
        ({"models": [{"model": "m", "providerId": "nobody"}]}, "Step 1: there is no provider 'nobody'"),
        ({"models": [{"model": GOOD, "connectionId": "gone"}]}, "Step 1: there is no connection 'gone'"),
        ({"strategy": "magic"}, "There is no strategy 'magic'; there are priority, fill-first, weighted"),
        ({"config": {"weights": {"quota": 0.5}}}, "must sum to 1, and these sum to 0.50"),
        ({"config": {"candidatePool": ["nobody"]}}, "candidatePool: there is no provider 'nobody'"),
        ({"config": {"handoffProviders": ["nobody"]}}, "handoffProviders: there is no provider 'nobody'"),
        ({"config": {"handoffModel": "nobody/m"}}, "handoffModel: no provider 'nobody'"),
        ({"name": "combo/x"}, "would be taken for the combo 'x'"),
        ({"name": "vl/x"}, "would hide a model of 'vl'"),
    ],
)
def test_a_name_that_means_nothing_is_refused_with_its_place(house: House, body: dict, words: str) -> None:
    with_node(house)
    assert words in refused(house, **body)


def test_a_combo_may_be_called_like_the_model_in_it(house: House) -> None:
    with_node(house)
    assert put(house, "gpt-4o", "vl/m")[0] == 200
    combo = made(house, name="gpt-4o", models=["gpt-4o"])
    assert combo["models"][0]["kind"] == "model"
    again = house.admin().put(f"/api/combos/{combo['id']}", json={"models": ["gpt-4o", GOOD]})
    assert [step["kind"] for step in again.json()["models"]] == ["model", "model"]


def test_a_model_whose_provider_nobody_is_connected_to_yet_may_be_named(house: House) -> None:
    assert made(house, models=["mistral/mistral-large-latest"])["models"][0]["model"].startswith("mistral/")


@pytest.mark.parametrize(
    ("step", "model"),
    [
        ({"model": "m", "providerId": "vl"}, "vl/m"),
        ({"model": "vl/m", "providerId": "vl"}, "vl/m"),
        ({"model": "claude-sonnet-4-5", "providerId": "anthropic"}, "anthropic/claude-sonnet-4-5"),
        ({"model": "openai/gpt-4o", "providerId": "openrouter"}, "openrouter/openai/gpt-4o"),
    ],
)
def test_the_provider_of_a_step_stands_in_front_of_its_model(house: House, step: dict, model: str) -> None:
    with_node(house)
    assert made(house, models=[step])["models"][0]["model"] == model


def test_providers_are_stored_by_their_ids_whatever_they_were_called(house: House) -> None:
    with_node(house)
    node = house.admin().get("/api/provider-nodes").json()["nodes"][0]["id"]
    config = made(house, config={"candidatePool": ["vl", node], "handoffProviders": ["cc"]})["config"]
    assert config == {"candidatePool": [node], "handoffProviders": ["anthropic"]}
    assert house.live.current.combos["fast"].config.candidate_pool == (node,)


def test_a_combo_can_not_be_pushed_down_by_the_ones_below_it(house: House) -> None:
    bottom = made(house, name="third")
    made(house, name="second", models=["third"])
    made(house, name="first", models=["second"])
    made(house, name="fourth")
    answer = house.admin().put(f"/api/combos/{bottom['id']}", json={"models": ["fourth"]})
    assert answer.status_code == 400
    assert "'first' nests 4 deep; at most 3" in answer.json()["error"]["message"]


def test_everything_that_names_a_combo_follows_its_new_name(house: House) -> None:
    admin = house.admin()
    combo = made(house)
    assert put(house, "smart", "fast")[0] == put(house, "quick", "combo/fast")[0] == 200
    policy = {"name": "p", "type": "access", "conditions": {"combo": "fast"}, "actions": {"block_model": ["o3"]}}
    assert admin.post("/api/policies", json=policy).status_code == 201
    key = admin.post("/api/keys", json={"name": "k", "allowedModels": ["fast", "o3"]}).json()["id"]
    budget = {"keyId": key, "limit": 1, "period": "monthly", "action": "downgrade", "downgradeTo": "fast"}
    assert admin.post("/api/usage/budget", json=budget).status_code < 300
    assert admin.put(f"/api/combos/{combo['id']}", json={"name": "best"}).status_code == 200
    now = house.live.current
    assert now.aliases == {"smart": "best", "quick": "combo/best"}
    assert [one.conditions.combo for one in now.policies] == ["best"]
    assert [grant.models for grant in now.grants.values()] == [("best", "o3")]
    assert "'fast'" not in admin.get("/api/usage/budget").text
    assert admin.get("/api/usage/budget").text.count("best") == 1


def test_an_alias_of_an_alias_is_told_what_it_stands_for(house: House) -> None:
    with_node(house)
    assert put(house, "smart", "vl/m")[0] == 200
    status, said = put(house, "smarter", "smart")
    assert status == 400
    assert "'smart' is an alias itself; give the model it stands for, 'vl/m'" in said["error"]["message"]
