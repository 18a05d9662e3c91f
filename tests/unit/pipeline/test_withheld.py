"""A provider that repeats the credential it was shown: nobody else gets to read it."""

import msgspec
import pytest

from omniroute.accounts.connection import Connection, Secret
from omniroute.ir.failure import Failure
from omniroute.pipeline.withheld import withheld
from omniroute.upstream.scripted import Answer
from tests.unit.pipeline.relay_stage import RelayStage
from tests.unit.pipeline.stage import Exchange, Stage, provider, stage

JSON = {"content-type": "application/json"}
SECRET = "plain0secret1words2"
ROW = provider("odd")
OWN = Connection(id="odd-0", provider="odd", name="odd", secret=Secret(SECRET))
QUESTION = {"model": "odd/m", "messages": [{"role": "user", "content": "hi"}]}


def told(message: str, status: int) -> Answer:
    return Answer(status=status, headers=JSON, chunks=(msgspec.json.encode({"error": {"message": message}}),))


def written(on: Stage) -> str:
    blocks = [block for _, block in on.resting.view.items()]
    return repr((on.journal.records, on.log.lines, on.traces.find("req_1"), blocks))


@pytest.mark.parametrize("status", [400, 401, 403, 429, 500, 200])
async def test_neither_client_nor_log_nor_trace_nor_block_has_the_credential(status: int) -> None:
    on = stage(told(f"the key {SECRET} is wrong", status), more=((ROW, OWN),))
    exchange = await on.ask(Exchange(QUESTION))
    assert exchange.status >= 400
    assert exchange.json["error"]["message"] == "the key [redacted] is wrong"
    assert SECRET not in written(on)


async def test_a_simple_operation_tells_it_as_little() -> None:
    on = RelayStage(told(f"Bearer {SECRET}: no such key", 401))
    on.live.current = msgspec.structs.replace(
        on.live.current,
        connections={"up": (msgspec.structs.replace(OWN, id="up-0", provider="up"),)},
        by_id={"up-0": msgspec.structs.replace(OWN, id="up-0", provider="up")},
    )
    exchange = await on.ask(b'{"model": "up/small", "input": "hi"}')
    assert exchange.status == 401
    assert SECRET.encode() not in exchange.received
    assert SECRET not in repr((on.journal.records, on.log.lines))


def test_the_error_object_of_the_provider_is_cleaned_too() -> None:
    failure = Failure(kind="authentication", status=401, message="no", raw={"param": SECRET, "code": "bad"})
    assert withheld(failure, OWN).raw == {"param": "[redacted]", "code": "bad"}


def test_a_placeholder_for_a_key_stays_a_word() -> None:
    own = msgspec.structs.replace(OWN, secret=Secret("none"))
    failure = Failure(kind="server", status=500, message="none of the workers is free")
    assert withheld(failure, own) is failure


FIRST = b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"hel"}}]}\n\n'
BROKEN = b'data: {"error":{"message":"no more for %s","type":"server_error"}}\n\n' % SECRET.encode()


@pytest.mark.parametrize("dialect", ["openai_chat", "anthropic"])
async def test_an_error_in_the_middle_of_a_stream_has_it_as_little(dialect: str) -> None:
    """Passed on as it came, and translated."""
    events = {"content-type": "text/event-stream"}
    on = stage(Answer(headers=events, chunks=(FIRST, BROKEN)), more=((ROW, OWN),))
    exchange = await on.ask(Exchange({**QUESTION, "max_tokens": 9, "stream": True}), dialect)
    assert exchange.status == 200
    assert b"no more for [redacted]" in exchange.received
    assert SECRET.encode() not in exchange.received
    assert SECRET not in written(on)
