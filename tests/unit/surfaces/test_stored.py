"""What can be done with stored responses: those kept here, and those that a provider keeps."""

from typing import Any

import msgspec
import pytest

from omniroute.dialects.registry import DIALECTS
from omniroute.pipeline.admit import Admit
from omniroute.pipeline.holders import Holders
from omniroute.surfaces.stored import StoredResponses
from omniroute.upstream.scripted import Answer, Fault
from tests.unit.pipeline.stage import Exchange, Stage
from tests.unit.pipeline.test_threads import MINE, YOURS, ask, chat, played, response, said


async def look(on: Stage, rest: str, method: str = "GET", *, key: str = MINE, query: bytes = b"") -> Exchange:
    handler = StoredResponses(
        on.live,  # type: ignore[arg-type]  # stands in for the real one
        Admit(on.rules, on.keyring, on.clock),
        on.storage,
        Holders(on.transport, on.clock, user_agent="test", proxy=None),
        DIALECTS["openai_responses"],
    )
    exchange = Exchange(b"", {"authorization": f"Bearer {key}"}, query)
    exchange.method = method
    await handler(exchange, rest)
    return exchange


async def test_an_answer_is_given_again_as_its_client_got_it() -> None:
    on = played(chat("one"))
    first = await ask(on, input="a")
    found = await look(on, first.json["id"])
    assert (found.status, found.received) == (200, first.received)
    assert (await look(on, first.json["id"], key=YOURS)).status == 404
    assert (await look(on, first.json["id"], query=b"stream=true")).status == 400


async def test_what_the_model_read_is_listed_with_ids_over_the_whole_chain() -> None:
    on = played(chat("one"), chat("two"))
    first = await ask(on, input="a")
    second = await ask(
        on, input=[{"role": "user", "content": "b", "id": "msg_own"}], previous_response_id=first.json["id"]
    )
    listed = (await look(on, f"{second.json['id']}/input_items", query=b"order=asc")).json
    assert [item["content"][0]["text"] for item in listed["data"]] == ["a", "one", "b"]
    assert listed["data"][2]["id"] == "msg_own"
    assert (listed["first_id"], listed["last_id"]) == (listed["data"][0]["id"], "msg_own")
    assert listed["has_more"] is False
    page = (await look(on, f"{second.json['id']}/input_items", query=b"limit=2")).json
    assert (page["data"][0]["id"], page["has_more"]) == ("msg_own", True)


@pytest.mark.parametrize("query", [b"limit=0", b"limit=x", b"limit=101", b"order=up", b"after=msg_nobody"])
async def test_a_page_that_cannot_be_is_a_400(query: bytes) -> None:
    on = played(chat("one"))
    first = await ask(on, input="a")
    refused = await look(on, f"{first.json['id']}/input_items", query=query)
    assert (refused.status, refused.json["error"]["code"]) == (400, "bad_request")


async def test_a_deleted_answer_is_gone_and_so_are_its_items() -> None:
    on = played(chat("one"))
    first = await ask(on, input="a")
    gone = await look(on, first.json["id"], "DELETE")
    assert gone.json == {"id": first.json["id"], "object": "response", "deleted": True}
    assert (await look(on, first.json["id"])).json["error"]["code"] == "response_not_found"
    assert (await look(on, first.json["id"], "DELETE")).status == 404
    assert (len(on.storage), on.storage.size) == (0, 0)
    reference = await ask(on, input=[{"type": "item_reference", "id": first.json["output"][0]["id"]}])
    assert reference.status == 400


async def test_an_answer_that_is_whole_cannot_be_cancelled() -> None:
    on = played(chat("one"))
    first = await ask(on, input="a")
    refused = await look(on, f"{first.json['id']}/cancel", "POST")
    assert (refused.status, refused.json["error"]["code"]) == (400, "unsupported_operation")


async def test_an_operation_that_nobody_has_is_not_found() -> None:
    on = played(chat("one"))
    first = await ask(on, input="a")
    assert (await look(on, f"{first.json['id']}/nonsense")).status == 404
    assert (await look(on, "nonsense", "POST")).status == 404


def elsewhere(body: object, status: int = 200) -> Answer:
    headers = {"content-type": "application/json", "set-cookie": "a=b"}
    return Answer(status=status, headers=headers, chunks=(msgspec.json.encode(body),))


async def test_what_a_provider_keeps_is_asked_for_there_with_its_own_credential() -> None:
    items: dict[str, Any] = {"object": "list", "data": []}
    on = played(response("resp_1", said("one"), store=True), elsewhere(items), elsewhere({"deleted": True}))
    await ask(on, model="open/m", input="a")
    found = await look(on, "resp_1/input_items", query=b"limit=3&key=sk-mine")
    assert (found.status, found.json) == (200, items)
    assert b"set-cookie" not in found.reply_headers
    asked = on.transport.requests[1]
    assert (asked.method, asked.url) == ("GET", "https://open.test/v1/responses/resp_1/input_items?limit=3")
    assert ("x-api-key", "sk-open-0") in asked.headers
    assert (await look(on, "resp_1", key=YOURS)).status == 404
    assert (await look(on, "resp_1", "DELETE")).status == 200
    assert (await look(on, "resp_1")).status == 404
    assert len(on.transport.requests) == 3


async def test_a_provider_that_does_not_answer_is_a_502_and_the_answer_stays_known() -> None:
    on = played(response("resp_1", said("one"), store=True), *[elsewhere({"error": {}}, 404)])
    on.transport.add(Fault("connect", "no connection"))
    await ask(on, model="open/m", input="a")
    assert (await look(on, "resp_1", "DELETE")).status == 404
    assert (await look(on, "resp_1", "DELETE")).status == 502
    assert len(on.storage) == 1
