"""When a stream is given up: never while it says something, and in time when it does not."""

import asyncio
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniroute.errors import UpstreamError
from omniroute.pipeline.phases import Schedule
from omniroute.pipeline.vigil import Vigil
from omniroute.routing.classify import UNREADY
from omniroute.upstream.transport import Deadlines
from tests.support.virtual_time import virtually


@dataclass
class Watched:
    """A reply, a passage and a client in one."""

    heard: bool = True
    writable: bool = True
    given_up: list[tuple[float, str]] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)

    def pause(self, idle_s: float) -> None:
        self.pauses.append(idle_s)

    def give_up(self, why: str) -> None:
        self.given_up.append((asyncio.get_running_loop().time() - 1000, why))


def schedule(first_event_s: float = 30.0, useful_idle_s: float = 300.0) -> Schedule:
    return Schedule(deadlines=Deadlines(), first_event_s=first_event_s, useful_idle_s=useful_idle_s)


def vigil(reply: Watched, plan: Schedule) -> Vigil:
    return Vigil(reply, plan, asyncio.get_running_loop())  # type: ignore[arg-type]  # only `give_up` is asked of it


def test_a_stream_that_says_nothing_in_time_is_given_up_once_and_is_a_504_of_its_own() -> None:
    async def main() -> None:
        reply = Watched()
        watch = vigil(reply, schedule())
        await asyncio.sleep(1000)
        assert [at for at, _ in reply.given_up] == [30]
        failure = watch.failure(UpstreamError("timeout", reply.given_up[0][1]))
        assert failure is not None
        assert (failure.kind, failure.status, failure.code) == ("timeout", 504, UNREADY)
        assert "30 s" in failure.message
        watch.over()

    virtually(main())


def test_an_error_of_another_kind_is_not_its_doing() -> None:
    async def main() -> None:
        watch = vigil(Watched(), schedule())
        assert watch.failure(UpstreamError("closed", "gone")) is None
        watch.over()

    virtually(main())


@pytest.mark.parametrize(("idle_s", "pauses"), [(0.0, []), (29.0, [30.0, 29.0]), (30.0, []), (120.0, [])])
def test_before_the_first_event_only_its_own_limit_counts(idle_s: float, pauses: list[float]) -> None:
    async def main() -> None:
        reply = Watched()
        watch = vigil(reply, Schedule(deadlines=Deadlines(idle_s=idle_s), first_event_s=30.0))
        watch.ready()
        watch.over()
        assert reply.pauses == pauses

    virtually(main())


@pytest.mark.parametrize("plan", [schedule(0.0, 0.0), schedule(0.0, 300.0), schedule()])
def test_nothing_is_left_behind(plan: Schedule) -> None:
    async def main() -> None:
        reply = Watched()
        watch = vigil(reply, plan)
        watch.ready()
        watch.attend(reply, reply)
        watch.over()
        await asyncio.sleep(5000)
        assert not reply.given_up

    virtually(main())


def test_an_answer_that_nobody_delivers_is_not_watched_for_ever() -> None:
    async def main() -> None:
        reply = Watched()
        vigil(reply, schedule()).ready()
        await asyncio.sleep(31)
        with pytest.raises(AssertionError, match="no timer is left"):
            asyncio.get_running_loop()._selector.select(None)  # type: ignore[attr-defined]  # of the virtual loop
        assert not reply.given_up

    virtually(main())


@given(gaps=st.lists(st.floats(0.1, 299), max_size=12), first_event_s=st.sampled_from([0.0, 0.2, 30.0, 900.0]))
def test_a_stream_that_says_something_within_the_limit_is_left_alone_and_ends_soon_after_it(
    gaps: list[float], first_event_s: float
) -> None:
    async def main() -> None:
        reply = Watched()
        watch = vigil(reply, schedule(first_event_s))
        watch.ready()
        watch.attend(reply, reply)
        for gap in gaps:
            reply.heard = True
            await asyncio.sleep(gap)
            assert not reply.given_up
        reply.heard = True
        last = asyncio.get_running_loop().time() - 1000
        await asyncio.sleep(5000)
        (at, why), *more = reply.given_up
        assert not more
        assert "for 300 s" in why
        assert 300 <= at - last <= 375.001
        watch.over()

    virtually(main())


def test_a_client_that_takes_nothing_is_not_a_provider_that_says_nothing() -> None:
    async def main() -> None:
        reply = Watched(writable=False)
        watch = vigil(reply, schedule())
        watch.ready()
        watch.attend(reply, reply)
        await asyncio.sleep(5000)
        assert not reply.given_up
        reply.writable = True
        await asyncio.sleep(5000)
        assert len(reply.given_up) == 1
        watch.over()

    virtually(main())
