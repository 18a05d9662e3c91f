"""What is measured besides the other gateways: the mock alone, nginx, and this gateway in three settings."""

import http.client
import json
import secrets
import socket
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, cast

from bench.load import request
from bench.program import GATEWAY_CORE, Program

NGINX = Path("/usr/sbin/nginx")


class Unavailable(Exception):
    """A target cannot be measured here; the message is the reason that the table shows."""


@dataclass(frozen=True)
class Launch:
    """How a target is started and asked. Without a command it is the mock itself, which runs already."""

    port: int
    folder: Path
    command: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    headers: tuple[str, ...] = ()
    path: str = "/v1/chat/completions"
    model: str = "gpt-4o-mini"
    paced_model: str = "gpt-4.1"
    untouched: "Callable[[Path], Launch] | None" = None
    """The same on a data directory that does not exist yet, for programs that keep one."""

    def start(self) -> Program:
        log = self.folder / "output.log"
        return Program(self.command, core=GATEWAY_CORE, log=log, cwd=self.folder, env=self.env)

    def answers(self) -> bool:
        """Whether a chat request is answered with 200."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = dict(header.split(": ", 1) for header in self.headers)
        try:
            connection.request(
                "POST",
                self.path,
                request(self.model, stream=False),
                {**headers, "content-type": "application/json"},
            )
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def wait(self, program: Program, patience_s: float = 120) -> None:
        """Returns at the first answer; raises Unavailable when there is none."""
        end = time.monotonic() + patience_s
        while not self.answers():
            if program.ended or time.monotonic() > end:
                raise Unavailable(f"does not start: {program.last_words()}")
            time.sleep(0.002)


@dataclass(frozen=True)
class Target:
    """A row of the table. `prepare(folder, mock_port)` writes its configuration into an empty folder."""

    name: str
    kind: Literal["direct", "nginx", "ours", "peer"]
    settings: str
    prepare: Callable[[Path, int], Launch]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def direct(folder: Path, mock_port: int) -> Launch:
    return Launch(port=mock_port, folder=folder)


def nginx(folder: Path, mock_port: int) -> Launch:
    if not NGINX.exists():
        raise Unavailable("nginx is not installed; on Debian: apt-get install nginx-light")
    port = free_port()
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(f"""
        daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log error;
        events {{ worker_connections 8192; }}
        http {{
            access_log off; {temporary}
            upstream mock {{ server 127.0.0.1:{mock_port}; keepalive 1024; keepalive_requests 100000000; }}
            server {{
                listen 127.0.0.1:{port} backlog=4096; keepalive_requests 100000000;
                location / {{
                    proxy_pass http://mock; proxy_http_version 1.1; proxy_set_header Connection "";
                    proxy_buffering off;
                }}
            }}
        }}
    """)
    return Launch(port=port, folder=folder, command=(str(NGINX), "-p", str(folder), "-c", f"{folder}/nginx.conf"))


def ours(transport: str, upstream: Literal["openai", "anthropic"]) -> Callable[[Path, int], Launch]:
    """This gateway with a node, a connection and a client key, all made through its own API."""

    def prepare(folder: Path, mock_port: int) -> Launch:
        port, password = free_port(), secrets.token_hex(12)

        def launch(data_dir: Path) -> Launch:
            return Launch(
                port=port,
                folder=folder,
                command=(
                    *(str(Path(sys.executable).parent / "omniroute"), "serve", "--no-open", "--no-detect"),
                    *("--port", str(port), "--data-dir", str(data_dir), "--transport", transport),
                    *("--log-level", "error"),
                ),
                env={"INITIAL_PASSWORD": password},
                model="demo/hello",
            )

        settled = launch(folder / "data")
        with settled.start() as program:
            settled.wait(program)
            key = _configure(port, password, upstream, f"http://127.0.0.1:{mock_port}/v1")
        return replace(
            settled,
            headers=(f"authorization: Bearer {key}",),
            model="bench/gpt-4o-mini",
            paced_model="bench/gpt-4.1",
            untouched=launch,
        )

    return prepare


def _configure(port: int, password: str, upstream: str, base_url: str) -> str:
    """Makes the client key that the load uses, and what it leads to."""
    cookie = ""

    def post(path: str, body: Mapping[str, object]) -> dict[str, object]:
        nonlocal cookie
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("POST", path, json.dumps(body), {"content-type": "application/json", "cookie": cookie})
        answer = connection.getresponse()
        text = answer.read().decode(errors="replace")
        connection.close()
        if answer.status >= 300:
            raise Unavailable(f"POST {path} answered {answer.status}: {text[:200]}")
        cookie = (answer.getheader("set-cookie") or cookie).split(";")[0]
        return json.loads(text)

    post("/api/auth/login", {"password": password})
    node: dict[str, object] = {"name": "Benchmark", "prefix": "bench", "baseUrl": base_url}
    node["type"] = f"{upstream}-compatible"
    if upstream == "openai":
        node["apiType"] = "chat"
    made = cast("dict[str, str]", post("/api/provider-nodes", node)["node"])
    post("/api/providers", {"provider": made["id"], "name": "Benchmark", "apiKey": "sk-benchmark"})
    return str(post("/api/keys", {"name": "Benchmark"})["key"])


OWN = (
    Target("direct", "direct", "no gateway: the load generator asks the mock provider itself", direct),
    Target("nginx", "nginx", "`proxy_pass`, one worker, keep-alive to the provider, `proxy_buffering off`", nginx),
    Target(
        "OmniRoute",
        "ours",
        "log level error, else default: client key checked, journal, ledger and metrics on; `native` transport",
        ours("native", "openai"),
    ),
    Target("OmniRoute, aiohttp", "ours", "the same with `--transport aiohttp`", ours("aiohttp", "openai")),
    Target(
        "OmniRoute, translated",
        "ours",
        "`native`; the provider speaks Anthropic's Messages, the client OpenAI's chat",
        ours("native", "anthropic"),
    ),
)
