"""The management API without a running gateway: the same application, under the data dir's lock."""

import asyncio
from typing import Final

import msgspec

from omniroute.cli.client import refusal
from omniroute.cli.problem import Problem
from omniroute.config.settings import Settings
from omniroute.ir.json import JsonObject

_LOCAL: Final = "127.0.0.1"


class Offline:
    """The whole application without a port. Raises Problem when another process holds the data dir."""

    def __init__(self, settings: Settings) -> None:
        from omniroute.app import build
        from omniroute.server.run import StartError
        from omniroute.telemetry.log import StreamLog

        self._log = StreamLog(level="error", style="text")
        try:
            self._app = build(settings, self._log, port=settings.port)
        except StartError as error:
            self._log.close()
            hint = "a gateway that listens elsewhere is named with --url"
            raise Problem(str(error), hint=hint) from None
        self._token = self._app.data_dir.secret("cli-token").hex()
        self._runner = asyncio.Runner()
        self._runner.run(self._app.after_ready())

    def raw(self, method: str, path: str, body: JsonObject | None) -> bytes:
        """The body of a successful answer."""
        status, answer = self._runner.run(self._asked(method, path, body))
        if status >= 400:
            raise refusal(status, answer, path)
        return answer

    def close(self) -> None:
        """Everything is written down, and the lock given back."""
        self._runner.run(self._app.aclose())
        self._runner.close()
        self._app.close()
        self._log.close()

    async def _asked(self, method: str, target: str, body: JsonObject | None) -> tuple[int, bytes]:
        path, _, query = target.partition("?")
        sent = b"" if body is None else msgspec.json.encode(body)
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [
                (b"host", _LOCAL.encode()),
                (b"authorization", f"Bearer {self._token}".encode()),
                (b"content-type", b"application/json"),
                (b"content-length", b"%d" % len(sent)),
            ],
            "client": (_LOCAL, 0),
            "server": (_LOCAL, 0),
        }
        status = 0
        answer = bytearray()
        request: JsonObject = {"type": "http.request", "body": sent, "more_body": False}
        incoming = iter((request,))
        never = asyncio.Event()

        async def receive() -> JsonObject:
            message = next(incoming, None)
            if message is None:
                await never.wait()
                return {"type": "http.disconnect"}
            return message

        async def send(message: JsonObject) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            elif message["type"] == "http.response.body":
                answer.extend(message.get("body", b""))

        await self._app.dispatcher(scope, receive, send)
        return status, bytes(answer)
