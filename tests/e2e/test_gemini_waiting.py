"""Google's SDKs, over real sockets, before a stream that was waited for: they pass over its signs of life."""

import asyncio
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgspec
import pytest
from google import genai

from omniroute.dialects.base import Context
from omniroute.dialects.gemini.dialect import Gemini
from omniroute.ir.fold import unfold
from omniroute.ir.parts import Text
from omniroute.ir.result import Finish, GenerateResponse
from omniroute.pipeline import patience

NODE = Path(__file__).parent / "node"
SIGN = patience.SIGNS["gemini"]
SCRIPT = """
import { GoogleGenAI } from "@google/genai";
const ai = new GoogleGenAI({ apiKey: "k", httpOptions: { baseUrl: process.argv[1] } });
const chat = ai.chats.create({ model: "m" });
const texts = [];
for await (const chunk of await chat.sendMessageStream({ message: "hi" })) texts.push(chunk.text);
console.log(JSON.stringify({ texts, history: chat.getHistory(true).length }));
"""


def stream() -> bytes:
    context = Context(request_id="r", token="t", created=1, model="m")
    encoder = Gemini().stream_encoder(context)
    response = GenerateResponse(id="1", model="m", parts=(Text(text="hello"),), finish=Finish(reason="stop"))
    return b"".join(encoder.send(event) for event in unfold(response)) + encoder.close()


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        for piece in (SIGN, SIGN, SIGN + stream()):
            self.wfile.write(piece)
            self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def serving() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving() as made:
        yield made


def test_the_python_sdk_passes_over_them(url: str) -> None:
    client = genai.Client(api_key="k", http_options={"base_url": url})
    try:
        chunks = client.models.generate_content_stream(model="m", contents="hi")
        assert "".join(chunk.text or "" for chunk in chunks) == "hello"
    finally:
        client.close()


@pytest.mark.filterwarnings("ignore:Inheritance class .* from ClientSession:DeprecationWarning")
def test_the_python_sdk_passes_over_them_asynchronously(url: str) -> None:
    async def told() -> str:
        client = genai.Client(api_key="k", http_options={"base_url": url})
        try:
            chunks = await client.aio.models.generate_content_stream(model="m", contents="hi")
            return "".join([chunk.text or "" async for chunk in chunks])
        finally:
            await client.aio.aclose()
            client.close()

    assert asyncio.run(told()) == "hello"


def test_the_node_sdk_passes_over_them_and_keeps_its_history(url: str) -> None:
    subprocess.run([NODE / "install"], check=True)
    ran = subprocess.run(
        ["node", "--input-type=module", "-e", SCRIPT, url], cwd=NODE, check=True, capture_output=True, timeout=60
    )
    told = msgspec.json.decode(ran.stdout)
    assert "".join(text or "" for text in told["texts"]) == "hello"
    assert told["history"] > 1
