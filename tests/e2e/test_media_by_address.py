"""Pictures by address over real sockets, for an upstream that takes bytes only."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import openai
import pytest

from tests.support.gateway import Gateway
from tests.support.pictures import png, png_base64
from tests.support.stage import Stage
from tests.support.upstream.server import ScriptedUpstream


class Pictures(ThreadingHTTPServer):
    """Serves one picture at `/cat.png`, and the way to it at `/moved`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[tuple[str, dict[str, str]]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Pictures

    def do_GET(self) -> None:
        self.server.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        if self.path.startswith("/moved"):
            self.send_response(302)
            self.send_header("location", "/cat.png")
            self.send_header("content-length", "0")
            self.end_headers()
            return
        body = png()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def pictures() -> Iterator[Pictures]:
    with Pictures() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def staged(home: Path, env: dict[str, str]) -> Iterator[Stage]:
    with ScriptedUpstream() as upstream, Gateway(home, env=env) as gateway:
        yield Stage(upstream, gateway, gateway.client_key("tests"))


def look(on: Stage, url: str) -> str:
    content = [{"type": "input_text", "text": "What is this?"}, {"type": "input_image", "image_url": url}]
    with openai.OpenAI(base_url=f"{on.url}/v1", api_key=on.key, max_retries=0) as client:
        return client.responses.create(
            model=on.model("gemini"), input=[{"role": "user", "content": content}]
        ).output_text


def test_a_picture_on_the_operators_own_network_is_fetched_where_that_is_allowed(tmp_path: Path) -> None:
    with pictures() as server, staged(tmp_path / "home", {"OMNIROUTE_MEDIA_PRIVATE": "1"}) as on:
        assert look(on, f"{server.url}/moved?token=s3cret")
        assert [path for path, _ in server.asked] == ["/moved?token=s3cret", "/cat.png"]
        assert not any(
            {"authorization", "cookie", "x-goog-api-key"} & headers.keys() for _, headers in server.asked
        )
        parts = on.upstream.generations[-1].json["contents"][0]["parts"]
        assert {"inlineData": {"mimeType": "image/png", "data": png_base64()}} in parts


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "169.254.169.254", "[::ffff:127.0.0.1]"])
def test_nobody_can_make_the_gateway_look_around_in_its_own_network(
    home: Stage, server: Pictures, host: str
) -> None:
    with pytest.raises(openai.BadRequestError) as raised:
        look(home, f"http://{host}:{server.server_port}/cat.png?token=s3cret")
    assert raised.value.code == "media_unreachable"
    assert "not a public one" in str(raised.value)
    assert "s3cret" not in str(raised.value)
    assert server.asked == []
    assert home.upstream.generations == []


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with staged(tmp_path_factory.mktemp("media"), {}) as on:
        yield on


@pytest.fixture(scope="module")
def server() -> Iterator[Pictures]:
    with pictures() as made:
        yield made
