"""A stream on its way past the task of its request."""

from types import SimpleNamespace
from typing import Any

import pytest

from omniroute.errors import UpstreamError
from omniroute.pipeline.passage import Handover
from tests.unit.pipeline.stage import Exchange


class Passage:
    """Passes pieces on as they are; ends at `end`, breaks at `broken`."""

    ended = False

    def feed(self, chunk: bytes) -> bytes:
        if chunk == b"broken":
            raise UpstreamError("protocol", "no frame")
        self.ended = chunk == b"end"
        return chunk


def handover(*, waits: bool = False) -> tuple[Handover, Exchange, Any]:
    exchange = Exchange({})
    call: Any = SimpleNamespace(exchange=exchange, received=0)
    return Handover(call, Passage(), waits=waits), exchange, call  # type: ignore[arg-type]


def test_pieces_go_on_at_once_and_are_counted() -> None:
    hand_on, exchange, call = handover()
    assert [hand_on(b"one"), hand_on(b""), hand_on(b"two")] == [True, True, True]
    assert (exchange.chunks, call.received) == ([b"one", b"two"], 6)


def test_the_last_piece_is_owed_so_that_usage_is_settled_before_it_is_sent() -> None:
    hand_on, exchange, _ = handover()
    assert hand_on(b"end") is False
    assert (exchange.chunks, hand_on.owed()) == ([], b"end")


def test_a_slow_client_is_waited_for_by_its_task() -> None:
    hand_on, exchange, _ = handover()
    exchange.writable = False
    assert hand_on(b"one") is False
    assert (exchange.chunks, hand_on.owed()) == ([], b"one")


def test_what_breaks_a_stream_is_raised_in_its_task_and_not_in_the_connection() -> None:
    hand_on, _, _ = handover()
    assert hand_on(b"broken") is False
    with pytest.raises(UpstreamError, match="no frame"):
        hand_on.owed()
