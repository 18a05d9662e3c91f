"""What translating costs by itself: CPU time per event and per request, from every dialect to every other.

No sockets and no other programs: the codecs run in this process, one frame at a time, as the gateway calls them.
All pairs are measured in turn, several times over, and the smallest time counts: whatever else the machine does
can only add to it. What JSON alone costs stands beside the figures, as the yardstick that another machine shares.
"""

import json
import os
import statistics
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import product

import msgspec

from bench import exchange
from bench.timed import ROUNDS, Timed, take_turns
from omniroute.dialects.base import Context
from omniroute.dialects.envelope import Address, open_envelope
from omniroute.dialects.registry import DIALECTS, UPSTREAMS

LONG, SHORT = 1000, 64
"""Pieces of text in the two streams."""

EVENT_AIM_US = 6
REQUEST_AIM_US = 200

_AIMED_AT = ("anthropic", "openai_chat")
_EVENT = "an event of text, `json.loads`"
_REQUEST = "the request, `json.loads`"

Pair = tuple[str, str]
"""The dialect that is read, and the one that is written."""


@dataclass(frozen=True)
class Costs:
    """CPU microseconds: per piece of text of a long and of a short stream by (provider, client), per request by
    (client, provider), and of the yardsticks."""

    long: Mapping[Pair, float]
    short: Mapping[Pair, float]
    requests: Mapping[Pair, float]
    yardsticks: Mapping[str, float]
    request_bytes: int
    busy: float
    """The machine's load average before."""


def measure(rounds: int = ROUNDS) -> Costs:
    """All pairs. Takes less than a minute."""
    busy = os.getloadavg()[0]
    bodies = exchange.requests()
    told = [pair for pair in product(UPSTREAMS, DIALECTS) if pair[0] != pair[1]]
    asked = [pair for pair in product(DIALECTS, UPSTREAMS) if pair[0] != pair[1]]
    long, short = (
        {(provider, client): _stream(provider, client, deltas) for provider, client in told}
        for deltas in (LONG, SHORT)
    )
    requests = {(client, provider): _request(client, provider, bodies[client]) for client, provider in asked}
    yardsticks = _yardsticks(bodies["anthropic"])
    take_turns([*long.values(), *short.values(), *requests.values(), *yardsticks.values()], rounds)
    return Costs(
        long={pair: one.us for pair, one in long.items()},
        short={pair: one.us for pair, one in short.items()},
        requests={pair: one.us for pair, one in requests.items()},
        yardsticks={name: one.us for name, one in yardsticks.items()},
        request_bytes=len(bodies["anthropic"]),
        busy=busy,
    )


def page(costs: Costs) -> str:
    """The tables, in Markdown."""
    kib = f"{costs.request_bytes / 1024:.0f} KiB"
    middle = statistics.median(costs.long.values())
    yardsticks = "\n".join(f"| {name} | {us:,.2f} |" for name, us in costs.yardsticks.items())
    return "\n\n".join(
        (
            "### Codecs: CPU µs per event",
            f"Rows are what the provider speaks, columns what the client does: {LONG:,} pieces of text, and"
            f" {SHORT} in brackets, where the beginning and the end of the stream count for more. The median is"
            f" {middle:.1f} µs.",
            _grid(
                "provider \\ client",
                UPSTREAMS,
                DIALECTS,
                lambda pair: f"{costs.long[pair]:.1f} ({costs.short[pair]:.1f})",
            ),
            f"### Codecs: CPU µs per request of {kib}",
            "Rows are what the client speaks, columns what the provider does; reading and writing JSON included.",
            _grid("client \\ provider", DIALECTS, UPSTREAMS, lambda pair: f"{costs.requests[pair]:,.0f}"),
            f"### Codecs: the yardstick\n\n| | µs |\n|---|---:|\n{yardsticks}",
            f"Load average before the run: {costs.busy:.1f}.",
            _aims(costs),
        )
    )


def _stream(provider: str, client: str, deltas: int) -> Timed:
    frames = exchange.stream(provider, deltas)
    context = Context(request_id="req_1", token="t0ken", created=1, model=exchange.MODEL, include_usage=True)
    upstream, downstream = UPSTREAMS[provider], DIALECTS[client]

    def translate() -> bytes:
        decoder, encoder = upstream.stream_decoder(), downstream.stream_encoder(context)
        written = b""
        for frame in frames:
            for event in decoder.feed(frame):
                written = encoder.send(event) or written
        for event in decoder.close():
            written = encoder.send(event) or written
        return encoder.close() or written

    return Timed(translate, units=deltas)


def _request(client: str, provider: str, body: bytes) -> Timed:
    address = Address(exchange.MODEL, stream=True) if client == "gemini" else None
    asked, upstream, target = DIALECTS[client], UPSTREAMS[provider], exchange.target(provider)

    def translate() -> bytes:
        request = asked.decode_request(open_envelope(body, address).decoded())
        return upstream.encode_request(request, target).body

    return Timed(translate)


def _yardsticks(body: bytes) -> dict[str, Timed]:
    payload = exchange.stream("anthropic", 2)[2].partition(b"data: ")[2]
    read, write = msgspec.json.Decoder().decode, msgspec.json.Encoder().encode
    decoded = read(body)
    return {
        _EVENT: Timed(lambda: json.loads(payload)),
        "the same, `msgspec`": Timed(lambda: read(payload)),
        _REQUEST: Timed(lambda: json.loads(body)),
        "the same request, `msgspec`": Timed(lambda: read(body)),
        "the same written, `msgspec`": Timed(lambda: write(decoded)),
    }


def _grid(corner: str, rows: Iterable[str], columns: Iterable[str], show: Callable[[Pair], str]) -> str:
    heads = list(columns)
    lines = [f"| {corner} | " + " | ".join(heads) + " |", "|---|" + "---:|" * len(heads)]
    for row in rows:
        cells = ("-" if row == head else show((row, head)) for head in heads)
        lines.append(f"| {row} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _aims(costs: Costs) -> str:
    slowest = max(costs.long, key=lambda pair: costs.long[pair])
    event, request = costs.yardsticks[_EVENT], costs.yardsticks[_REQUEST]
    rows = (
        ("per event, the median of all pairs", EVENT_AIM_US, statistics.median(costs.long.values()), event),
        (f"per event, the slowest pair ({' to '.join(slowest)})", EVENT_AIM_US, costs.long[slowest], event),
        ("per request, anthropic to openai_chat", REQUEST_AIM_US, costs.requests[_AIMED_AT], request),
    )
    lines = ["| aim | measured | x `json.loads` | |", "|---|---:|---:|---|"]
    for what, most, us, yardstick in rows:
        met = "met" if us <= most else "**not met**"
        lines.append(f"| {what} ≤ {most} µs | {us:.1f} µs | {us / yardstick:.1f} | {met} |")
    return "\n".join(lines)
