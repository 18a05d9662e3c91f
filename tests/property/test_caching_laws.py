"""Laws of the caches: nobody gets an answer to another question, a hit is what the live answer was, and whoever
comes and goes, nobody waits for ever and nothing is asked twice at the same time."""

import asyncio
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from omniroute.caching.kept import LIMIT_BYTES, Kept, packed, unpacked
from omniroute.caching.key import Tenant, key_of
from omniroute.dialects.base import Context
from omniroute.dialects.registry import DIALECTS
from omniroute.ir.events import Event
from omniroute.ir.fold import fold, unfold
from omniroute.ir.request import GenerateRequest
from omniroute.ir.result import GenerateResponse
from omniroute.ledger.records import Opened, Settled
from omniroute.pipeline.failures import CLIENT_LEFT
from omniroute.upstream.scripted import Answer, Gate
from tests.property.representation import requests, responses, streams
from tests.unit.pipeline.stage import Exchange, stage
from tests.unit.pipeline.test_generate import DONE, SSE, chunk

ORIGINS = st.sampled_from([None, *DIALECTS])
ANYBODY = Tenant(key_id="k")
EXCLUDED = frozenset({"stream", "include_usage", "user", "metadata", "dialect"})


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every place of a plain value that holds a text, a number or a truth."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from places(inner, (*path, name))
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            yield from places(inner, (*path, number))
    elif value is not None:
        yield path


def changed(value: Any, path: tuple[str | int, ...]) -> Any:
    """The same with another value at one place."""
    if not path:
        return not value if isinstance(value, bool) else value + ("x" if isinstance(value, str) else 1)
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = changed(value[path[0]], path[1:])
    return copy


@given(st.data(), ORIGINS.flatmap(lambda origin: requests(origin)))
def test_whatever_is_different_in_a_request_makes_it_another_one(
    data: st.DataObject, one: GenerateRequest
) -> None:
    plain = msgspec.to_builtins(one)
    found = [path for path in places(plain) if path[0] not in EXCLUDED and path[-1] != "origin"]
    path = data.draw(st.sampled_from(found))
    try:
        other = msgspec.convert(changed(plain, path), GenerateRequest)
    except msgspec.ValidationError:  # a word of a closed set
        assume(False)
        raise
    assume(other != one)
    assert key_of(ANYBODY, other) != key_of(ANYBODY, one)


@given(requests(), st.sampled_from(["key_id", "models", "connections", "strict", "pinned", "beside"]))
def test_whoever_else_asks_never_shares(request: GenerateRequest, field: str) -> None:
    values: dict[str, object] = {
        "key_id": "l",
        "models": ("a/*",),
        "connections": ("c",),
        "strict": True,
        "pinned": "p",
        "beside": ("b",),
    }
    other = msgspec.structs.replace(ANYBODY, **{field: values[field]})
    assert key_of(other, request) != key_of(ANYBODY, request)


@given(requests(), st.booleans(), st.booleans(), st.sampled_from([None, "u"]))
def test_how_it_is_sent_and_for_whom_does_not_count(
    request: GenerateRequest, stream: bool, include_usage: bool, user: str | None
) -> None:
    other = msgspec.structs.replace(
        request, stream=stream, include_usage=include_usage, user=user, metadata={"user_id": "u"}
    )
    same = msgspec.structs.replace(request, metadata=None)
    assert key_of(ANYBODY, other) == key_of(ANYBODY, same)


@given(requests())
def test_tags_of_routing_count(request: GenerateRequest) -> None:
    other = msgspec.structs.replace(request, metadata={"tags": ["eu"]})
    assert key_of(ANYBODY, other) != key_of(ANYBODY, msgspec.structs.replace(request, metadata=None))


def kept(response: GenerateResponse) -> Kept:
    return Kept(response=response, provider="p", model="m", dialect="d", at=1.5)


@given(ORIGINS.flatmap(lambda origin: responses(origin)))
def test_what_is_kept_comes_back_as_it_was(response: GenerateResponse) -> None:
    data = packed(kept(response))
    assert data is not None
    assert len(data) <= LIMIT_BYTES
    assert unpacked(data) == kept(response)


CONTEXT = Context(request_id="req_1", token="0123456789abcdef01234567", created=1, model="m", include_usage=True)


@pytest.mark.parametrize("dialect", DIALECTS)
@given(st.data())
def test_a_hit_says_what_the_stream_of_the_provider_said(dialect: str, data: st.DataObject) -> None:
    codec = DIALECTS[dialect]

    def wire(events: list[Event]) -> bytes:
        encoder = codec.stream_encoder(CONTEXT)
        return b"".join([encoder.send(event) for event in events]) + encoder.close()

    def said(stream: bytes) -> object:
        decoder = codec.stream_decoder()
        return fold([*decoder.feed(stream), *decoder.close()])

    live = said(wire(data.draw(streams(origin=dialect))))
    if isinstance(live, GenerateResponse):
        again = unpacked(packed(kept(live)) or b"")
        assert again is not None
        assert said(wire(unfold(again.response))) == live


def bare(value: Any) -> Any:
    """Without null members: of those that nobody knows, an answer that was read and written has none."""
    if isinstance(value, dict):
        return {name: bare(inner) for name, inner in value.items() if inner is not None}
    return [bare(inner) for inner in value] if isinstance(value, list) else value


@pytest.mark.parametrize("dialect", DIALECTS)
@given(st.data())
def test_a_hit_is_the_whole_answer_of_the_provider(dialect: str, data: st.DataObject) -> None:
    codec = DIALECTS[dialect]
    body = codec.encode_response(data.draw(responses(origin=dialect)), CONTEXT).body
    live = codec.decode_response(body)
    if isinstance(live, GenerateResponse):
        again = unpacked(packed(kept(live)) or b"")
        assert again is not None
        hit = codec.encode_response(again.response, CONTEXT).body
        assert bare(msgspec.json.decode(hit)) == bare(msgspec.json.decode(body))


ASKED = {"model": "up/m", "messages": [{"role": "user", "content": "hi"}], "temperature": 0, "stream": True}
ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("come"), st.sampled_from([None, "a", "b"])),
        st.tuples(st.just("leave"), st.integers(0, 5)),
        st.tuples(st.just("open"), st.just(None)),
    ),
    max_size=12,
)


@given(ACTIONS)
def test_whoever_comes_and_goes_nobody_waits_for_ever_and_one_call_is_made_at_a_time(
    actions: list[tuple[str, Any]],
) -> None:
    asyncio.run(_played(actions))


async def _played(actions: list[tuple[str, Any]]) -> None:
    gates: list[Gate] = []

    def answer(request: object) -> Answer:
        gates.append(Gate())
        return Answer(headers=SSE, chunks=(chunk("hel"), gates[-1], chunk("lo"), chunk(finish="stop"), DONE))

    on = stage(answer)
    present: list[tuple[asyncio.Task[Exchange], Exchange]] = []
    for action, value in actions:
        match action:
            case "come":
                headers = {} if value is None else {"idempotency-key": value}
                exchange = Exchange(ASKED, headers)
                present.append((asyncio.ensure_future(on.ask(exchange)), exchange))
            case "leave" if value < len(present) and not present[value][0].done():
                task, exchange = present.pop(value)
                exchange.stopped = CLIENT_LEFT
                task.cancel()
            case "open":
                for gate in gates:
                    gate.open()
            case _:
                pass
        for _ in range(value if action == "leave" else 8):
            await asyncio.sleep(0)
        assert sum(not reply.cut and not reply.finished for reply in on.transport.replies) <= 1
    while not all(task.done() for task, _ in present):
        for gate in gates:
            gate.open()
        await asyncio.sleep(0)
    assert all(exchange.status == 200 and exchange.received.endswith(DONE) for _, exchange in present)
    for _ in range(20):
        await asyncio.sleep(0)
    records = on.journal.records
    assert sum(isinstance(one, Opened) for one in records) == sum(isinstance(one, Settled) for one in records)
    paid = [one for one in records if isinstance(one, Settled) and one.usage_source != "cache"]
    assert len(paid) == len(on.transport.replies)
    assert on.counters.active == 0
