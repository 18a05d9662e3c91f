"""From a request and its script to the steps of the reply: pure, so that the connection only performs them."""

from dataclasses import dataclass
from types import ModuleType
from typing import Literal, TypeAlias

import msgspec

from tests.support.upstream import fitting
from tests.support.upstream.answer import Answer
from tests.support.upstream.gate import Gate
from tests.support.upstream.received import Received
from tests.support.upstream.script import Alive, Cut, Empty, EndEarly, ErrorEvent, Hang, Malformed, Refuse, Script


@dataclass(frozen=True)
class Send:
    """Bytes for the wire. An `event` is paced, counted, and sent as one HTTP chunk."""

    data: bytes
    event: bool = False


@dataclass(frozen=True)
class Silence:
    """Nothing more until the caller leaves."""


@dataclass(frozen=True)
class Comments:
    """Nothing but signs of life until the caller leaves."""

    every_s: float


@dataclass(frozen=True)
class Break:
    """The connection ends here, in the middle of what was promised."""

    how: Literal["close", "reset"]


Step: TypeAlias = Send | Silence | Comments | Break


@dataclass(frozen=True, kw_only=True)
class Plan:
    steps: tuple[Step, ...]
    gate: Gate | None = None
    drip_s: float = 0.0
    close: bool = False


_REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 429: "Too Many Requests"}
_LAST_CHUNK = b"0\r\n\r\n"


def plain(status: int, value: object, headers: tuple[tuple[str, str], ...] = ()) -> Plan:
    body = b"" if value is None else msgspec.json.encode(value)
    return Plan(steps=(Send(_head(status, headers, length=len(body)) + body),))


def plan(dialect: ModuleType, received: Received, script: Script) -> Plan:
    """What `dialect`'s server does with this request. A request that it cannot read is a 400 that says why."""
    denial = dialect.denial(received.request) if hasattr(dialect, "denial") else None
    if denial is not None:
        return _own_refusal(dialect, 403, denial)
    try:
        complaint = dialect.complaint(received.request, received.json)
        if complaint is not None:
            return _own_refusal(dialect, 400, complaint)
        asked = dialect.read(received.request, received.json)
    except (msgspec.DecodeError, KeyError, TypeError, ValueError) as problem:
        return _own_refusal(dialect, 400, f"cannot read the request: {problem!r}")
    headers = script.headers
    if script.keep_alive == "close":
        headers = (*headers, ("Connection", "close"))
    answer = script.answer or fitting.answer(asked)
    if isinstance(script.fault, Empty) and script.fault.how == "content":
        answer = Answer(parts=(), tokens=answer.tokens)
    if isinstance(script.fault, Refuse):
        steps = _refusal(dialect, script.fault, headers)
    elif asked.stream:
        events = dialect.events(asked, answer, received.number)
        steps = _stream(dialect, asked, received.number, events, script, headers)
    else:
        steps = _whole(
            dialect, msgspec.json.encode(dialect.whole(asked, answer, received.number)), script, headers
        )
    return Plan(steps=steps, gate=script.gate, drip_s=script.drip_s, close=script.keep_alive != "keep")


def _own_refusal(dialect: ModuleType, status: int, message: str) -> Plan:
    return plain(status, dialect.error(status, message), _error_headers(dialect, status))


def _refusal(dialect: ModuleType, fault: Refuse, headers: tuple[tuple[str, str], ...]) -> tuple[Step, ...]:
    body = fault.body
    if body is None:
        body = msgspec.json.encode(dialect.error(fault.status, fault.message))
        headers = (*headers, *_error_headers(dialect, fault.status))
    return (Send(_head(fault.status, (*fault.headers, *headers), length=len(body)) + body),)


def _error_headers(dialect: ModuleType, status: int) -> tuple[tuple[str, str], ...]:
    """Most servers say everything about an error in its body."""
    return dialect.error_headers(status) if hasattr(dialect, "error_headers") else ()


def _stream(
    dialect: ModuleType,
    asked: fitting.Asked,
    number: int,
    events: list[bytes],
    script: Script,
    headers: tuple[tuple[str, str], ...],
) -> tuple[Step, ...]:
    head = Send(_head(200, headers, kind=dialect.stream_type(asked)))
    end = Send(_LAST_CHUNK)
    match script.fault:
        case Hang(None):
            return (Silence(),)
        case Cut(None, how):
            return (Break(how),)
        case Hang(int(after)):
            return (head, *_paced(events[:after]), Silence())
        case Alive(after, every_s):
            return (head, *_paced(events[:after]), Comments(every_s))
        case Cut(int(after), how):
            return (head, *_paced(events[:after]), Break(how))
        case EndEarly(after):
            return (head, *_paced(events[:after]), end)
        case ErrorEvent(after, message, kind):
            return (
                head,
                *_paced([*events[:after], dialect.error_event(asked, number, after, kind, message)]),
                end,
            )
        case Malformed(after):
            return (head, *_paced([*events[:after], dialect.BROKEN_EVENT, *events[after:]]), end)
        case Empty("body"):
            return (head, end)
        case _:
            return (head, *_paced(events), end)


def _whole(
    dialect: ModuleType, body: bytes, script: Script, headers: tuple[tuple[str, str], ...]
) -> tuple[Step, ...]:
    half = len(body) // 2
    promised = _head(200, headers, length=len(body))
    match script.fault:
        case Hang(None):
            return (Silence(),)
        case Cut(None, how):
            return (Break(how),)
        case Hang():
            return (Send(promised + body[:half]), Silence())
        case Cut(_, how):
            return (Send(promised + body[:half]), Break(how))
        case EndEarly() | Malformed():
            return (Send(_head(200, headers, length=half) + body[:half]),)
        case ErrorEvent(_, message, kind):
            error = msgspec.json.encode(dialect.in_band_error(kind, message))
            return (Send(_head(200, headers, length=len(error)) + error),)
        case Empty("body"):
            return (Send(_head(200, headers, length=0)),)
        case _:
            return (Send(promised + body),)


def _paced(events: list[bytes]) -> list[Step]:
    return [Send(event, event=True) for event in events]


def _head(
    status: int,
    headers: tuple[tuple[str, str], ...],
    *,
    length: int | None = None,
    kind: str = "application/json",
) -> bytes:
    framing = ("Transfer-Encoding", "chunked") if length is None else ("Content-Length", str(length))
    lines = [f"HTTP/1.1 {status} {_REASONS.get(status, 'Scripted')}", f"Content-Type: {kind}"]
    lines += [f"{name}: {value}" for name, value in (framing, *headers)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")
