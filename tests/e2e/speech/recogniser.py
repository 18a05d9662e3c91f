"""A local transcription server in OpenAI's shape that really listens: pocketsphinx, and nothing but the standard
library around it. It prints its address and serves until it is ended."""

import io
import json
import sys
import wave
from email import policy
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, HTTPServer

from pocketsphinx import Decoder  # pyright: ignore[reportMissingImports]

RATE = 16_000


def heard(recording: bytes) -> tuple[str, float]:
    """The words of a WAV file of one channel and 16 bits, and its length in seconds."""
    with wave.open(io.BytesIO(recording)) as file:
        every = file.getframerate() // RATE
        samples = memoryview(file.readframes(file.getnframes())).cast("h")[::every].tobytes()
    decoder = Decoder(samprate=RATE, loglevel="ERROR")
    decoder.start_utt()
    decoder.process_raw(samples, full_utt=True)
    decoder.end_utt()
    found = decoder.hyp()
    return (found.hypstr if found else ""), len(samples) / 2 / RATE


class Transcriptions(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        head = f"content-type: {self.headers['content-type']}\r\n\r\n".encode()
        form = BytesParser(policy=policy.HTTP).parsebytes(head + body)
        parts = {part.get_param("name", header="content-disposition"): part for part in form.iter_parts()}
        text, duration = heard(parts["file"].get_payload(decode=True))
        answer = json.dumps({"text": text, "duration": duration}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:
        pass


if __name__ == "__main__":
    server = HTTPServer(("127.0.0.1", 0), Transcriptions)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    sys.exit(server.serve_forever())
