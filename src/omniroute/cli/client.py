"""The command line's HTTP client: small, blocking, one request per connection."""

import http.client
import socket
from collections.abc import Iterator
from contextlib import closing
from typing import Final, TypeVar
from urllib.parse import urlsplit

import msgspec

from omniroute.cli.problem import DENIED, LIMITED, TIMED_OUT, UNREACHABLE, Problem
from omniroute.ir.json import JsonObject

T = TypeVar("T")

_ANSWER_LIMIT: Final = 64 * 1024 * 1024


class Gateway:
    """A running gateway. `token` is sent as a bearer token, when there is one; timeouts are seconds per read.

    Methods raise Problem when there is no good answer, and msgspec's errors for one that is not as expected.
    """

    def __init__(self, url: str, token: str | None, *, timeout_s: float = 60.0) -> None:
        self.url = url.rstrip("/")
        self._token = token
        self._timeout_s = timeout_s

    def get(self, path: str, kind: type[T]) -> T:
        """The answer to a GET, decoded; members that `kind` does not name are left out."""
        return msgspec.json.decode(self.raw("GET", path) or b"{}", type=kind)

    def send(self, method: str, path: str, kind: type[T], body: JsonObject | None = None) -> T:
        """The answer to a request that changes something, decoded."""
        return msgspec.json.decode(self.raw(method, path, body) or b"{}", type=kind)

    def raw(self, method: str, path: str, body: JsonObject | None = None) -> bytes:
        """The body of a successful answer. Raises Problem for everything else."""
        with closing(self._connection()) as connection:
            return self._answer(connection, method, path, body).read(_ANSWER_LIMIT)

    def lines(self, method: str, path: str, body: JsonObject) -> Iterator[bytes]:
        """The lines of a streamed answer, without their ends, as they arrive."""
        with closing(self._connection()) as connection:
            answer = self._answer(connection, method, path, body)
            try:
                while line := answer.readline():
                    yield line.rstrip(b"\r\n")
            except TimeoutError:
                raise self._late() from None
            except (OSError, http.client.HTTPException) as error:
                raise Problem(
                    f"the answer broke off: {error}", hint="omniroute logs shows what happened"
                ) from None

    def _connection(self) -> http.client.HTTPConnection:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Problem(f"{self.url!r} is not an address", hint="--url takes one like http://127.0.0.1:20128")
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        return kind(parts.hostname, parts.port, timeout=self._timeout_s)

    def _answer(
        self, connection: http.client.HTTPConnection, method: str, path: str, body: JsonObject | None
    ) -> http.client.HTTPResponse:
        headers = {"Accept": "application/json"}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token}"
        if body is not None:
            headers["Content-Type"] = "application/json"
        prefix = urlsplit(self.url).path
        try:
            connection.request(method, prefix + path, None if body is None else msgspec.json.encode(body), headers)
            answer = connection.getresponse()
            if answer.status < 400:
                return answer
            raise refusal(answer.status, answer.read(_ANSWER_LIMIT), path)
        except TimeoutError:
            raise self._late() from None
        except (ConnectionError, socket.gaierror, OSError) as error:
            reason = error.strerror or str(error) or "the connection was closed"
            raise Problem(
                f"no gateway answers at {self.url}: {reason}",
                hint="start one with `omniroute serve`, or name it with --url",
                code=UNREACHABLE,
            ) from None
        except http.client.HTTPException as error:
            raise Problem(f"what answers at {self.url} is no gateway: {error!r}", code=UNREACHABLE) from None

    def _late(self) -> Problem:
        return Problem(f"{self.url} gave no answer within {self._timeout_s:g} s", code=TIMED_OUT)


class _Error(msgspec.Struct):
    message: str = ""
    code: str | int | None = None


class _Refusal(msgspec.Struct):
    error: _Error | str = ""


def refusal(status: int, body: bytes, path: str) -> Problem:
    """What an answer of 400 or more means for the command."""
    try:
        error = msgspec.json.decode(body, type=_Refusal).error
    except msgspec.MsgspecError:
        error = ""
    message = error if isinstance(error, str) else error.message
    cause = message or f"the gateway answered {status} to {path}"
    match status:
        case 401 | 403:
            return Problem(
                cause,
                hint="give a token with --token or OMNIROUTE_TOKEN, or the data dir with --data-dir",
                code=DENIED,
            )
        case 402 | 429:
            return Problem(cause, code=LIMITED)
        case 404 if not message:
            return Problem(cause, hint="is the gateway of the same version? `omniroute status` tells")
        case 504:
            return Problem(cause, code=TIMED_OUT)
        case _:
            return Problem(cause)
