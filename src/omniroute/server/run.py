"""The life of the process: take the data directory and the port, serve, drain, and leave with an exit code."""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
import sys
import webbrowser
from pathlib import Path
from typing import Final, Protocol

from omniroute.access.authority import is_loopback
from omniroute.config.settings import Settings
from omniroute.server.dispatch import Dispatcher
from omniroute.server.http import HttpProtocol
from omniroute.telemetry.log import Log, StreamLog

_LAST_WORDS_S: Final = 2.0
"""How long aborted requests get to send their dialect's error."""
_SWITCH_INTERVAL_S: Final = 0.0005
"""Threads (journal drain, management) must hand the interpreter back to the event loop soon."""


class StartError(Exception):
    """The process cannot start; the message says why and what to do."""


class App(Protocol):
    """What the process runs; `app.App` is it."""

    @property
    def dispatcher(self) -> Dispatcher: ...

    @property
    def version(self) -> str: ...

    @property
    def home(self) -> Path:
        """The data directory."""
        ...

    @property
    def has_password(self) -> bool:
        """Whether anybody can log in: a hash is stored, or INITIAL_PASSWORD is given."""
        ...

    def invitation(self) -> tuple[str, ...]:
        """What the operator should know about this start, a line each."""
        ...

    def setup_link(self) -> str | None:
        """A new one-time link for the first password; None once there is one."""
        ...

    async def after_ready(self) -> None:
        """Work that the first request need not wait for."""
        ...

    async def jobs(self) -> None:
        """What is done again and again, after that; cancelled when the process ends."""
        ...

    async def aclose(self) -> None: ...

    def close(self) -> None: ...


class Build(Protocol):
    """Raises `StartError`."""

    def __call__(self, settings: Settings, log: Log, *, port: int) -> App: ...


def serve(settings: Settings, build: Build, notes: tuple[str, ...] = ()) -> int:
    """Serves until SIGTERM or SIGINT. Returns the exit code: 0 after a drain, 1 for a busy port or data dir, 2 for
    settings that would leave the gateway open to the network."""
    log = StreamLog(level=settings.log_level, style=settings.log_format)
    try:
        listener = _bind(settings.host, settings.port)
    except OSError as error:
        _say(f"omniroute: cannot listen on {settings.host}:{settings.port}: {error.strerror}")
        _say("  Another program has the port, or the address is not this machine's: choose another with --port.")
        return 1
    try:
        app = build(settings, log, port=listener.getsockname()[1])
    except StartError as error:
        _say(f"omniroute: {error}")
        listener.close()
        return 1
    if not is_loopback(settings.host) and not app.has_password:
        _say(f"omniroute: {settings.host} can be reached from the network, and no password is set.")
        _say("  Start once without --host and set one, or give INITIAL_PASSWORD.")
        app.close()
        listener.close()
        log.close()
        return 2
    for note in notes:
        log.warning("settings", note=note)
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(_serve(app, settings, listener))
    finally:
        listener.close()
        app.close()
        log.close()
    return 0


async def _serve(app: App, settings: Settings, listener: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    stop, hurry = asyncio.Event(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _stop_or_hurry, stop, hurry)
    logging.getLogger("uvicorn.error").disabled = True
    connections: set[HttpProtocol] = set()
    server = await loop.create_server(
        lambda: HttpProtocol(app.dispatcher, connections, loop),
        sock=listener,
        backlog=2048,
    )
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    setup_link = app.setup_link()
    _banner(app, settings, listener.getsockname()[1], setup_link)
    if setup_link is not None and settings.open_browser and _has_screen():
        loop.run_in_executor(None, webbrowser.open, setup_link)
    background = loop.create_task(_background(app), name="background")
    try:
        await stop.wait()
    finally:
        await _drain(app, hurry, settings.drain_s)
        server.close()
        for connection in list(connections):
            connection.shutdown()
        background.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await background
        await app.aclose()


async def _background(app: App) -> None:
    await app.after_ready()
    await app.jobs()


async def _drain(app: App, hurry: asyncio.Event, limit_s: float) -> None:
    """New requests are refused; streams that end within `limit_s` (or before `hurry`) end well, later ones with
    their dialect's error event."""
    app.dispatcher.draining = True
    waits = {asyncio.ensure_future(app.dispatcher.idle()), asyncio.ensure_future(hurry.wait())}
    _, late = await asyncio.wait(waits, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
    for wait in late:
        wait.cancel()
    app.dispatcher.abort_all()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(app.dispatcher.idle(), _LAST_WORDS_S)


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    listener.setblocking(False)
    return listener


def _stop_or_hurry(stop: asyncio.Event, hurry: asyncio.Event) -> None:
    """The first signal drains, the second one does not wait for streams, the third ends the process at once."""
    if hurry.is_set():
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.raise_signal(signal.SIGINT)
    if stop.is_set():
        hurry.set()
    stop.set()


def _loop_factory() -> "type[asyncio.AbstractEventLoop] | None":
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.Loop


def _has_screen() -> bool:
    """Whether somebody sits before a terminal on a desktop: nobody else wants a browser to open."""
    return sys.stderr.isatty() and any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "TERM_PROGRAM")
    )


def _banner(app: App, settings: Settings, port: int, setup_link: str | None) -> None:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    _say(f"OmniRoute {app.version} on http://{host}:{port}   (data in {app.home})")
    _say(f"  OpenAI base URL     http://{host}:{port}/v1")
    _say(f"  Anthropic base URL  http://{host}:{port}")
    if setup_link is not None:
        _say(f"  Set a password within the hour: {setup_link}")
    for line in app.invitation():
        _say(f"  {line}")
    _say("  Press Ctrl+C to stop.")
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)


def _say(line: str) -> None:
    with contextlib.suppress(OSError, ValueError):
        print(line, file=sys.stderr, flush=True)  # noqa: T201  # the terminal is where the operator looks at start
