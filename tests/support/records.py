"""Journal records: short builders, and any of them for hypothesis."""

from hypothesis import strategies as st

from omniroute.ledger.budgets import Charge
from omniroute.ledger.records import Attempted, Opened, Progress, Record, Settled

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
counts = st.integers(0, 2**40)
# Whole milliseconds, so that a time is the same before and after it was stored.
times = st.integers(0, 4_000_000_000_000).map(lambda ms: ms / 1000)


def opened(request_id: str = "r1", **fields) -> Opened:
    return Opened(
        **{
            "request_id": request_id,
            "at": 1.0,
            "key_id": "k1",
            "dialect": "openai_chat",
            "operation": "chat",
            "model": "gpt",
            "stream": True,
        }
        | fields
    )


def attempted(request_id: str = "r1", number: int = 1, **fields) -> Attempted:
    return Attempted(
        **{
            "request_id": request_id,
            "number": number,
            "at": 2.0,
            "provider": "openai",
            "connection_id": "c1",
            "model": "gpt-x",
            "outcome": "ok",
            "status": 200,
        }
        | fields
    )


def progress(request_id: str = "r1", **fields) -> Progress:
    return Progress(
        **{
            "request_id": request_id,
            "at": 3.0,
            "input_tokens": 7,
            "output_tokens": 8,
            "provider": "openai",
            "connection_id": "c1",
            "model": "gpt-x",
            "cost_micro_usd": 5,
            "price_source": "own",
        }
        | fields
    )


def settled(request_id: str = "r1", **fields) -> Settled:
    return Settled(
        **{
            "request_id": request_id,
            "at": 4.0,
            "outcome": "ok",
            "status": 200,
            "provider": "openai",
            "connection_id": "c1",
            "model": "gpt-x",
            "input_tokens": 10,
            "output_tokens": 20,
            "usage_source": "reported",
            "attempts": 1,
        }
        | fields
    )


def any_record() -> st.SearchStrategy[Record]:
    return st.one_of(
        st.builds(Opened, at=times, **dict.fromkeys(_TEXTS[Opened], texts), stream=st.booleans()),
        st.builds(Attempted, at=times, number=counts, **dict.fromkeys(_TEXTS[Attempted], texts)),
        st.builds(Progress, request_id=texts, at=times, input_tokens=counts, output_tokens=counts),
        st.builds(
            Settled,
            at=times,
            status=st.integers(0, 599),
            **dict.fromkeys(_TEXTS[Settled], texts),
            input_tokens=counts,
            output_tokens=counts,
        ),
    )


_TEXTS = {
    Opened: ("request_id", "key_id", "dialect", "operation", "model", "session_id"),
    Attempted: ("request_id", "provider", "connection_id", "model", "outcome", "message"),
    Settled: ("request_id", "outcome", "provider", "connection_id", "model", "message"),
}


_charges = st.lists(
    st.builds(
        Charge,
        budget_id=st.sampled_from(["b1", "b2"]),
        window=st.sampled_from([0, 86_400]),
        micro_usd=st.integers(-(10**6), 10**9),
        guessed=st.integers(0, 10**6),
    ),
    max_size=2,
).map(tuple)


@st.composite
def lives(draw) -> list[Record]:
    """The records of several requests in an order in which they may be written; some requests stay open."""
    remaining = [_life(f"r{number}", draw) for number in range(draw(st.integers(0, 5)))]
    records: list[Record] = []
    while remaining := [life for life in remaining if life]:
        records.append(draw(st.sampled_from(remaining)).pop(0))
    return records


def _life(request_id: str, draw) -> list[Record]:
    life: list[Record] = []
    if draw(st.integers(0, 9)):
        life.append(opened(request_id, at=draw(times)))
    attempts = draw(st.integers(0, 3))
    # The only attempt of a request may go unreported; its settled record implies it.
    reported = 0 if attempts == 1 and draw(st.booleans()) else attempts
    life += [
        attempted(request_id, number, at=draw(times), input_tokens=draw(counts), charges=draw(_charges))
        for number in range(1, reported + 1)
    ]
    life += [
        progress(request_id, output_tokens=draw(counts), charges=draw(_charges))
        for _ in range(draw(st.integers(0, 2)))
    ]
    if draw(st.booleans()):
        life.append(
            settled(
                request_id, at=draw(times), output_tokens=draw(counts), attempts=attempts, charges=draw(_charges)
            )
        )
    return life
