"""A TCP hop that forwards both ways and keeps the client's bytes: what a client really sent, seen from outside."""

import socket
import threading
from typing import Self

from tests.support.upstream.wire import Request, RequestReader


class Hop:
    """Listens on loopback and forwards each connection to `port`. Use it as a context manager."""

    def __init__(self, port: int) -> None:
        self._target = ("127.0.0.1", port)
        self._lock = threading.Lock()
        self._requests: list[Request] = []
        self._sockets: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))

    def __enter__(self) -> Self:
        self._spawn(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            open_now = list(self._sockets)
        for one in open_now:
            _shut(one)
        for thread in self._threads:
            thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    @property
    def requests(self) -> list[Request]:
        """Every whole request so far, in the order in which they became whole."""
        with self._lock:
            return list(self._requests)

    def _spawn(self, run, *args: object) -> None:
        thread = threading.Thread(target=run, args=args, name="hop")
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._target)
            with self._lock:
                self._sockets |= {client, server}
            self._spawn(self._carry, client, server, RequestReader())
            self._spawn(self._carry, server, client, None)

    def _carry(self, source: socket.socket, sink: socket.socket, reader: RequestReader | None) -> None:
        """Bytes from `source` to `sink` until either ends. Each direction closes the socket that it reads."""
        try:
            while data := source.recv(65536):
                if reader is not None:
                    with self._lock:
                        self._requests += reader.feed(data)
                sink.sendall(data)
        except OSError:
            pass
        finally:
            _shut(sink)
            with self._lock:
                self._sockets.discard(source)
            source.close()


def _shut(one: socket.socket) -> None:
    try:
        one.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
