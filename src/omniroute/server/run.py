"""The life of the process: take the data directory and the port, serve, drain, and leave with an exit code."""

import asyncio
import contextlib
import gc
import logging
import signal
import socket
import sys
from collections.abc import Mapping
from typing import Final

from uvicorn.config import Config
from uvicorn.server import ServerState

from omniroute.app import App, StartError, build
from omniroute.config.origin import Origin
from omniroute.config.settings import Settings
from omniroute.server.http import GuardedProtocol
from omniroute.telemetry.log import StreamLog

_KEEP_ALIVE_S: Final = 75
_LAST_WORDS_S: Final = 2.0
"""How long aborted requests get to send their dialect's error."""
_SWITCH_INTERVAL_S: Final = 0.0005
"""Threads (journal drain, management) must hand the interpreter back to the event loop soon."""


def serve(settings: Settings, origins: Mapping[str, Origin], notes: tuple[str, ...] = ()) -> int:
    """Serves until SIGTERM or SIGINT. Returns the exit code: 0 after a drain, 1 for a busy port or data dir."""
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
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _stop_or_die, stop)
    logging.getLogger("uvicorn.error").disabled = True
    config = Config(
        app.dispatcher,
        http=GuardedProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
    )
    config.load()
    state = ServerState()
    server = await loop.create_server(
        lambda: GuardedProtocol(config=config, server_state=state, app_state={}, _loop=loop),
        sock=listener,
        backlog=2048,
    )
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    _banner(app, settings, listener.getsockname()[1])
    background = loop.create_task(app.after_ready(), name="after ready")
    try:
        await stop.wait()
    finally:
        await _drain(app, settings.drain_s)
        server.close()
        for connection in list(state.connections):
            connection.shutdown()
        background.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await background
        await app.aclose()


async def _drain(app: App, limit_s: float) -> None:
    """New requests are refused; streams that end within `limit_s` end well, later ones with an error event."""
    app.dispatcher.draining = True
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(app.dispatcher.idle(), limit_s)
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


def _stop_or_die(stop: asyncio.Event) -> None:
    """The first signal drains, the second one ends the process at once."""
    if stop.is_set():
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.raise_signal(signal.SIGINT)
    stop.set()


def _loop_factory() -> "type[asyncio.AbstractEventLoop] | None":
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.Loop


def _banner(app: App, settings: Settings, port: int) -> None:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    _say(f"OmniRoute {app.version} on http://{host}:{port}   (data in {app.data_dir.path})")
    _say(f"  OpenAI base URL     http://{host}:{port}/v1")
    _say(f"  Anthropic base URL  http://{host}:{port}")
    for line in app.invitation():
        _say(f"  {line}")
    _say("  Press Ctrl+C to stop.")
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)


def _say(line: str) -> None:
    with contextlib.suppress(OSError, ValueError):
        print(line, file=sys.stderr, flush=True)  # noqa: T201  # the terminal is where the operator looks at start
