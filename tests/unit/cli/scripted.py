"""A gateway that answers by script, and what a command did with it."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler


@dataclass
class Asked:
    """One request that the scripted gateway was sent."""

    method: str
    path: str
    authorization: str | None
    body: object


@dataclass
class ScriptedGateway:
    """`answers` maps `METHOD /path?query` to status and JSON (or raw bytes); anything else is a 404."""

    url: str
    answers: dict[str, tuple[int, object]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)


class Handler(BaseHTTPRequestHandler):
    gateway: ScriptedGateway

    def answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        sent = self.rfile.read(length)
        self.gateway.asked.append(
            Asked(self.command, self.path, self.headers.get("Authorization"), json.loads(sent) if sent else None)
        )
        missing = (404, {"error": {"message": f"no answer is scripted for {self.command} {self.path}"}})
        status, content = self.gateway.answers.get(f"{self.command} {self.path}", missing)
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing: stderr belongs to the command under test."""


@dataclass
class Ran:
    """What one command line did."""

    code: int
    out: str
    err: str


Omniroute = Callable[..., Ran]
