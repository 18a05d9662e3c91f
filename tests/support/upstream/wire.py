"""Reads HTTP/1.1 requests off a byte stream and keeps them exactly as they came."""

from dataclasses import dataclass

HEAD_LIMIT = 256 * 1024


class BadRequest(Exception):
    """The bytes are not an HTTP/1.1 request."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request. `headers` keep their order and letter case; `body` is what remains without chunk framing."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]

    def header(self, name: str) -> str | None:
        """The first value under this name, whatever its letter case."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


class RequestReader:
    """Feed it bytes in any pieces; it gives back every request that became whole."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Request]:
        self._buffer += data
        whole: list[Request] = []
        while (request := self._next()) is not None:
            whole.append(request)
        return whole

    def _next(self) -> Request | None:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > HEAD_LIMIT:
                raise BadRequest(f"a head of more than {HEAD_LIMIT} bytes")
            return None
        first, *lines = bytes(self._buffer[:end]).decode("latin-1").split("\r\n")
        try:
            method, target, version = first.split(" ")
        except ValueError:
            raise BadRequest(f"not a request line: {first!r}") from None
        if version != "HTTP/1.1":
            raise BadRequest(f"not HTTP/1.1: {first!r}")
        headers = tuple(_header(line) for line in lines)
        body, used = self._body(headers, end + 4)
        if body is None:
            return None
        del self._buffer[:used]
        return Request(method=method, target=target, headers=headers, body=body)

    def _body(self, headers: tuple[tuple[str, str], ...], start: int) -> tuple[bytes | None, int]:
        named = {name.lower(): value for name, value in headers}
        if named.get("transfer-encoding", "").lower() == "chunked":
            return self._chunked(start)
        end = start + int(named.get("content-length", "0"))
        return (bytes(self._buffer[start:end]), end) if len(self._buffer) >= end else (None, 0)

    def _chunked(self, at: int) -> tuple[bytes | None, int]:
        body = bytearray()
        while True:
            line = self._buffer.find(b"\r\n", at)
            if line < 0:
                return None, 0
            size = int(bytes(self._buffer[at:line]).partition(b";")[0], 16)
            at = line + 2 + size + 2
            if len(self._buffer) < at:
                return None, 0
            if size == 0:
                return bytes(body), at
            body += self._buffer[line + 2 : line + 2 + size]


def _header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon or name != name.strip():
        raise BadRequest(f"not a header: {line!r}")
    return name, value.strip()
