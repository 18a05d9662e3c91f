"""The two implementations, on both event loops that the product runs on."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping

import pytest
import uvloop

from omniroute.upstream.aiohttp_transport import AiohttpTransport
from omniroute.upstream.guard import Guard
from omniroute.upstream.native.transport import NativeTransport
from omniroute.upstream.transport import Transport
from tests.support.transports import Make, Names, StillClock


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def names() -> Names:
    return Names()


@pytest.fixture(params=["native", "aiohttp"])
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
async def make(kind: str, clock: StillClock, names: Names) -> AsyncIterator[Make]:
    """Makes transports and closes them at the end."""
    made: list[Transport] = []

    def build(*, ssl_context: ssl.SSLContext | None = None, idle_s: float = 50.0) -> Transport:
        implementation = NativeTransport if kind == "native" else AiohttpTransport
        made.append(implementation(Guard(clock, names), ssl_context=ssl_context, idle_s=idle_s))
        return made[-1]

    yield build
    for transport in made:
        await transport.aclose()


@pytest.fixture
def transport(make: Make) -> Transport:
    return make()
