"""One HTTP/1.1 reply as it arrives, without I/O: bytes in; status, headers and pieces of the body out."""

import httptools

from omniroute.errors import UpstreamError
from omniroute.upstream.headers import HEAD_LIMIT, header_dict
from omniroute.upstream.transport import Sink

_TOO_LONG = f"sent more than {HEAD_LIMIT} bytes of headers"


class Message:
    """Feed it what the socket brings, then tell it `eof`; both raise `UpstreamError` (`protocol` for bytes that
    are no reply, `closed` for a reply that ends early). Any split of the bytes gives the same result.

    `pieces` is the part of the body that nobody has taken yet, `size` its length. `reusable` says, once the
    message is `complete`, whether another request may follow on the connection. `sink` is for the connection: who
    takes pieces without waiting for them.
    """

    def __init__(self, method: str) -> None:
        # The parser holds this object's methods; dropping it at the end saves the garbage collector a cycle.
        self._parser: httptools.HttpResponseParser | None = httptools.HttpResponseParser(self)
        self._bodiless = method == "HEAD"
        self._names: list[bytes] = []
        self._values: list[bytes] = []
        self._idle_size = 0
        self._delimited = True
        self.status = 0
        self.heard = self.headed = self.complete = self.reusable = False
        self.pieces: list[bytes] = []
        self.size = 0
        self.sink: Sink | None = None

    def headers(self) -> dict[str, str]:
        return header_dict(self._names, self._values)

    def take(self) -> bytes:
        """All of the body that is here."""
        pieces, self.pieces, self.size = self.pieces, [], 0
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def give(self) -> bool:
        """Hands what is here to the sink, which is let go when it refuses to go on: then False."""
        if self.pieces and self.sink is not None and not self.sink(self.take()):
            self.sink = None
        return self.sink is not None

    def feed(self, data: bytes) -> None:
        parser = self._parser
        if parser is None:  # nobody asked for what follows a finished reply
            self.reusable = False
            return
        self.heard = True
        self._idle_size += len(data)
        failure: UpstreamError | None = None
        try:
            parser.feed_data(data)
        except httptools.HttpParserError as error:
            cause = error.__context__
            failure = cause if isinstance(cause, UpstreamError) else _broken("sent a reply that is not HTTP/1.1")
        except httptools.HttpParserUpgrade:
            failure = _broken("switched to another protocol")
        # Heads, chunk sizes with their extensions, and trailers: none of them may go on without end.
        if failure is None and self._idle_size > HEAD_LIMIT:
            failure = _broken(_TOO_LONG)
        if self.complete:
            self.reusable = self.reusable and failure is None
            self._parser = None
        elif failure is not None:
            self._parser = None
            raise failure

    def eof(self) -> None:
        """The peer sends no more."""
        if not self.complete:
            self._parser = None
            if not self.headed or self._delimited:
                raise self.cut()
            self.complete = True

    def cut(self) -> UpstreamError:
        """What a connection that is lost now means."""
        when = "cut the reply before its end" if self.headed else "closed the connection before it replied"
        return UpstreamError("closed", when)

    # What httptools calls while it is fed.

    def on_message_begin(self) -> None:
        if self.complete:
            self.reusable = False

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.headed:
            self._names.append(name)
            self._values.append(value)

    def on_headers_complete(self) -> None:
        parser = self._parser
        assert parser is not None
        status = parser.get_status_code()
        if self.complete:
            return
        if status < 200:  # an interim reply; the real one follows
            self._names.clear()
            self._values.clear()
            return
        # Where all bytes so far are no more than that, nothing has to be added up.
        if self._idle_size > HEAD_LIMIT:
            size = sum(map(len, self._names)) + sum(map(len, self._values)) + 4 * len(self._names)
            if size > HEAD_LIMIT:
                raise _broken(_TOO_LONG)
        self._idle_size = 0
        self.status = status
        self.headed = True
        self.reusable = parser.should_keep_alive()
        # llhttp never keeps a connection whose end delimits the body; else the fields have to be looked at.
        self._delimited = self.reusable or self._is_delimited()
        self.complete = self._bodiless

    def on_body(self, body: bytes) -> None:
        self._idle_size = 0
        if self.complete:
            self.reusable = False
        else:
            self.pieces.append(body)
            self.size += len(body)

    def on_message_complete(self) -> None:
        self.complete = self.headed

    def _is_delimited(self) -> bool:
        headers = self.headers()
        coding = headers.get("transfer-encoding")
        return "content-length" in headers if coding is None else coding.lower().rstrip().endswith("chunked")


def _broken(message: str) -> UpstreamError:
    return UpstreamError("protocol", message)
