"""Fixtures that run commands against a scripted gateway."""

import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer

import pytest

from omniroute.cli.main import main
from tests.unit.cli.scripted import Handler, Omniroute, Ran, ScriptedGateway


@pytest.fixture
def gateway() -> Iterator[ScriptedGateway]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    scripted = ScriptedGateway(f"http://127.0.0.1:{server.server_port}")
    server.RequestHandlerClass = type("Scripted", (Handler,), {"gateway": scripted})
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield scripted
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def omniroute(gateway: ScriptedGateway, capsys: pytest.CaptureFixture[str]) -> Omniroute:
    """Runs a command against the scripted gateway."""

    def run(*arguments: str) -> Ran:
        capsys.readouterr()
        code = main([*arguments, "--url", gateway.url, "--token", "t0ken"])
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return run
