"""`POST /api/translator/translate`."""

from tests.unit.management.house import House

CHAT = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "seed": 7}


def test_a_body_comes_back_in_the_other_dialect_with_what_was_lost(house: House) -> None:
    answer = house.admin().post(
        "/api/translator/translate", json={"from": "openai_chat", "to": "anthropic", "body": CHAT}
    )
    assert answer.status_code == 200
    assert answer.json()["body"]["messages"] == [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]
    assert {"path": "sampling.seed", "what": "seed", "how": "dropped", "weight": "quality"} in answer.json()[
        "losses"
    ]


def test_the_quirks_of_a_provider_of_the_catalog_apply(house: House) -> None:
    body = {"from": "openai_chat", "provider": "openai", "model": "o3", "body": CHAT | {"max_tokens": 5}}
    found = house.admin().post("/api/translator/translate", json=body).json()["body"]
    assert (found["model"], found["max_completion_tokens"]) == ("o3", 5)


def test_a_stream_is_text_in_and_out(house: House) -> None:
    text = 'data: {"id":"chatcmpl-1","choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":"stop"}]}\n\n'
    body = {"from": "openai_chat", "to": "anthropic", "kind": "stream", "body": text + "data: [DONE]\n\n"}
    found = house.admin().post("/api/translator/translate", json=body).json()["body"]
    assert found.startswith("event: message_start")


def test_what_cannot_be_translated_is_a_400_that_says_why(house: House) -> None:
    admin = house.admin()
    for body, code in (
        ({"from": "klingon", "to": "anthropic", "body": CHAT}, "unknown_dialect"),
        ({"from": "openai_chat", "provider": "klingon", "body": CHAT}, "unknown_provider"),
        ({"from": "openai_chat", "to": "anthropic", "body": {"model": "m", "messages": 7}}, "bad_request"),
        ({"from": "openai_chat", "to": "anthropic", "body": CHAT, "more": 1}, "validation_error"),
    ):
        answer = admin.post("/api/translator/translate", json=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)


def test_half_a_character_is_refused(house: House) -> None:
    body = rb'{"from":"openai_chat","to":"anthropic","body":{"model":"m","messages":[],"user":"\ud800"}}'
    answer = house.admin().post(
        "/api/translator/translate", content=body, headers={"content-type": "application/json"}
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_request")


def test_a_node_is_known_by_its_prefix_and_by_its_id(house: House) -> None:
    admin = house.admin()
    made = {"name": "Mine", "prefix": "mine", "type": "anthropic-compatible", "baseUrl": "https://mine.example/v1"}
    node = admin.post("/api/provider-nodes", json=made).json()["node"]
    for name in ("mine", node["id"]):
        body = {"from": "openai_chat", "provider": name, "body": CHAT}
        found = admin.post("/api/translator/translate", json=body)
        assert found.status_code == 200, found.text
        assert found.json()["body"]["messages"] == [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]
