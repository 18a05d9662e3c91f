"""A plain HTTP client that shows an answer as it came over the wire: status, headers, raw body, torn or whole."""

import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import msgspec


@dataclass(frozen=True, kw_only=True)
class Answered:
    """`whole` is false when the connection broke inside the body. Header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes
    whole: bool = True

    @property
    def json(self) -> dict:
        return msgspec.json.decode(self.body)


class Answering:
    """An answer whose head has come and whose body is read as the test pleases."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self._response = response
        self._read = bytearray()
        self._whole = True
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}

    def piece(self) -> bytes:
        """The next bytes as soon as they come; empty at the end, torn or not."""
        try:
            piece = self._response.read1(65536)
        except (http.client.IncompleteRead, ConnectionError):
            self._whole = False
            return b""
        self._read += piece
        promised = self.headers.get("content-length")
        if not piece and promised is not None and len(self._read) < int(promised):
            self._whole = False
        return piece

    def until(self, mark: bytes) -> None:
        """Reads until `mark` has come; a body that ends without it is an error."""
        while mark not in self._read:
            assert self.piece(), f"the body ended without {mark!r}: {bytes(self._read[-300:])!r}"

    def rest(self) -> Answered:
        while self.piece():
            pass
        return Answered(status=self.status, headers=self.headers, body=bytes(self._read), whole=self._whole)


@contextmanager
def asking(
    url: str,
    path: str,
    body: object = None,
    *,
    method: str | None = None,
    headers: dict[str, str] | None = None,
    timeout_s: float = 30.0,
) -> Iterator[Answering]:
    """One request on a connection of its own, which is closed on leaving. `body` is bytes or a value for JSON."""
    sent = body if isinstance(body, bytes) or body is None else msgspec.json.encode(body)
    given = {"Content-Type": "application/json"} if sent is not None else {}
    connection = http.client.HTTPConnection(url.removeprefix("http://").rstrip("/"), timeout=timeout_s)
    try:
        connection.request(method or ("GET" if sent is None else "POST"), path, sent, given | (headers or {}))
        with connection.getresponse() as response:
            yield Answering(response)
    finally:
        connection.close()


def ask(
    url: str,
    path: str,
    body: object = None,
    *,
    method: str | None = None,
    headers: dict[str, str] | None = None,
    timeout_s: float = 30.0,
) -> Answered:
    with asking(url, path, body, method=method, headers=headers, timeout_s=timeout_s) as answer:
        return answer.rest()
