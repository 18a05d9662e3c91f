"""The real gateway as a process: started as a user starts it, watched, administered, and stopped."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

import msgspec

from tests.support.asking import Answered, ask

READY_S = 30.0
STOP_S = 45.0


class Gateway:
    """`omniroute serve` on a free loopback port, with `home` as HOME and nothing of the caller's environment
    but PATH. As a context manager it must stop with exit code 0. A stopped or killed one can be started again
    on the same data and port."""

    def __init__(self, home: Path, *, env: dict[str, str] | None = None, flags: tuple[str, ...] = ()) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.home = home
        self.data_dir = home / "data"
        self.port = _free_port()
        self._env = {"HOME": str(home), "PATH": os.environ["PATH"], "LANG": "C.UTF-8"} | (env or {})
        self._flags = flags
        self._log = home / "gateway.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._asked_to_end = False
        self._nodes = 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        code = self.stop()
        if kind is None:
            assert code == 0, f"the gateway ended with {code}:\n{self.log()}"
            assert "Traceback" not in self.log(), self.log()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def database(self) -> Path:
        return self.data_dir / "omniroute.db"

    def log(self) -> str:
        """Everything it wrote to stdout and stderr, over all its starts."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def start(self) -> None:
        """Returns when it serves; fails with its log when it ends or is not ready within 30 s."""
        command = [sys.executable, "-m", "omniroute", "serve", "--host", "127.0.0.1", "--port", str(self.port)]
        command += ["--data-dir", str(self.data_dir), "--no-open", "--no-detect", *self._flags]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command, env=self._env, cwd=self.home, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self._asked_to_end = False
        deadline = time.monotonic() + READY_S
        while not self._healthy():
            code = self._process.poll()
            assert code is None, f"the gateway ended with {code} at its start:\n{self.log()}"
            if time.monotonic() > deadline:
                self.kill()
                raise AssertionError(f"the gateway is not ready after {READY_S} s:\n{self.log()}")
            time.sleep(0.02)

    @property
    def draining(self) -> bool:
        """Whether it refuses new work: its health says 503, or it no longer listens."""
        try:
            return ask(self.url, "/api/monitoring/health", timeout_s=2).status == 503
        except OSError:
            return True

    def terminate(self) -> None:
        """Sends SIGTERM, once however often it is called, and does not wait."""
        assert self._process is not None
        if not self._asked_to_end:
            self._asked_to_end = True
            self._process.terminate()

    def stop(self) -> int:
        """SIGTERM; gives the exit code (0 if it never ran)."""
        if self._process is None:
            return 0
        if self._process.poll() is None:
            self.terminate()
        try:
            return self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(
                f"the gateway does not stop within {STOP_S} s of SIGTERM:\n{self.log()}"
            ) from None

    def kill(self) -> None:
        """SIGKILL, and waits for the process to be gone."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def admin(self, method: str, path: str, body: object = None) -> dict:
        """A management call with the command line's own credential; anything but a 2xx is an error."""
        answer = self.try_admin(method, path, body)
        assert 200 <= answer.status < 300, f"{method} {path}: {answer.status} {answer.body!r}"
        return answer.json if answer.body else {}

    def try_admin(self, method: str, path: str, body: object = None) -> Answered:
        token = self._token()
        return ask(self.url, path, body, method=method, headers={"Authorization": f"Bearer {token}"})

    def provider(
        self, kind: str, base_url: str, *, keys: tuple[str, ...] = ("sk-up-1",), api_type: str = "chat"
    ) -> str:
        """A new provider node (of the type `openai-compatible`, `anthropic-compatible`, ...) with a connection for
        each key; gives its prefix: models are then `<prefix>/<model>`."""
        self._nodes += 1
        prefix = f"up{self._nodes}"
        body = {"name": prefix, "prefix": prefix, "type": kind, "apiType": api_type, "baseUrl": base_url}
        node = self.admin("POST", "/api/provider-nodes", body)["node"]
        for number, key in enumerate(keys, 1):
            connection = {"provider": node["id"], "name": f"{prefix}-{number}", "apiKey": key, "priority": number}
            self.admin("POST", "/api/providers", connection)
        return prefix

    def client_key(self, name: str) -> str:
        """A new client key in plain text."""
        created = self.admin("POST", "/api/keys", {"name": name})
        found = re.search(r"sk-omni-\w+", msgspec.json.encode(created).decode())
        assert found is not None, created
        return found[0]

    def _token(self) -> str:
        """The credential is made with the management API, for which the first request under /api waits."""
        file = self.data_dir / "secrets" / "cli-token"
        if not file.exists():
            ask(self.url, "/api/auth/status")
        return file.read_text().strip()

    def _healthy(self) -> bool:
        try:
            return ask(self.url, "/api/monitoring/health", timeout_s=2).status == 200
        except OSError:
            return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
