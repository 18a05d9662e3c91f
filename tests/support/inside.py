"""The real gateway inside this process, on a thread of its own: the same sockets, and all it holds is seen."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from omniroute.app import App, build
from omniroute.config.settings import Settings
from omniroute.server.http import HttpProtocol
from omniroute.server.run import _loop_factory
from omniroute.telemetry.log import StreamLog
from omniroute.traffic.retries import Retries
from omniroute.upstream.native.transport import NativeTransport
from tests.support.asking import ask
from tests.support.gateway import Gateway

T = TypeVar("T")


class Inside(Gateway):
    """See `Gateway`. `settings` are fields of `config.settings.Settings`."""

    def __init__(self, home: Path, **settings: object) -> None:
        super().__init__(home)
        self._settings = settings
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end: asyncio.Event | None = None
        self._failure: BaseException | None = None
        self._clients: set[HttpProtocol] = set()
        self.app: App | None = None

    def log(self) -> str:
        return ""

    def start(self) -> None:
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(ready,), name="gateway", daemon=True)
        self._thread.start()
        ready.wait(30)
        if self._failure is not None:
            raise self._failure
        ask(self.url, "/api/auth/status")  # answered once the management API is there

    def stop(self) -> int:
        if self._loop is not None and self._end is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._end.set)
            self._thread.join(30)
        if self._failure is not None:
            raise self._failure
        return 0

    def look(self, question: Callable[[], T]) -> T:
        """What `question` returns, asked on the gateway's own thread."""
        assert self._loop is not None

        async def answer() -> T:
            return question()

        return asyncio.run_coroutine_threadsafe(answer(), self._loop).result(10)

    def held(self) -> dict[str, int]:
        """Everything that a request takes and has to give back, by name, as far as it is not nothing."""
        return self.look(self._held)

    def at_rest(self, timeout_s: float = 10.0) -> dict[str, int]:
        """The same as soon as it is nothing, or what is still held after `timeout_s`."""
        deadline = time.monotonic() + timeout_s
        while (held := self.held()) and time.monotonic() < deadline:
            time.sleep(0.005)
        return held

    def heal(self) -> None:
        """Ends every rest, closes every breaker, and fills every retry budget."""
        assert self.app is not None
        gateway = self.app._gateway

        def forget() -> None:
            gateway.resting.lift(lambda scope, block: True)
            gateway.choose._pulse.reset()
            gateway.choose._pulse.retries = Retries()

        self.look(forget)

    def _held(self) -> dict[str, int]:
        assert self.app is not None
        gateway = self.app._gateway
        line = gateway.accounts.line
        transport = self.app._transport._direct
        pool = transport._pool if isinstance(transport, NativeTransport) else None
        tasks = {task for task in asyncio.all_tasks() if task not in self._own}
        tasks.discard(asyncio.current_task())
        found = {
            "requests": len(self.app.dispatcher._active),
            "open records": self.app.counters.active,
            "permits": line.gate.permits.total,
            "waiting": len(line),
            "busy accounts": sum(beat.in_flight for beat in gateway.accounts._beats.values()),
            "busy targets": sum(beat.in_flight for beat in gateway.choose._pulse._beats.values()),
            "tasks": len(tasks),
            "busy upstream connections": 0
            if pool is None
            else len(pool._open - {one for idle in pool._stacks.values() for one in idle}),
        }
        return {name: count for name, count in found.items() if count}

    def _run(self, ready: threading.Event) -> None:
        try:
            with asyncio.Runner(loop_factory=_loop_factory()) as runner:
                runner.run(self._serve(ready))
        except BaseException as failure:
            self._failure = failure
        finally:
            ready.set()

    async def _serve(self, ready: threading.Event) -> None:
        loop = self._loop = asyncio.get_running_loop()
        self._end = asyncio.Event()
        with socket.create_server(("127.0.0.1", self.port)) as listener:
            listener.setblocking(False)
            settings = Settings(
                **{"data_dir": self.data_dir, "port": self.port, "detect": False, **self._settings}  # type: ignore[arg-type]  # by name
            )
            log = StreamLog(level="error", style="text")
            app = self.app = build(settings, log, port=self.port)
            server = await loop.create_server(
                lambda: HttpProtocol(app.dispatcher, self._clients, loop), sock=listener, backlog=256
            )
            await app.after_ready()
            self._own = asyncio.all_tasks()
            ready.set()
            await self._end.wait()
            app.dispatcher.draining = True
            app.dispatcher.abort_all()
            await app.dispatcher.idle()
            server.close()
            for connection in list(self._clients):
                connection.shutdown()
            await app.aclose()
            app.close()
            log.close()
