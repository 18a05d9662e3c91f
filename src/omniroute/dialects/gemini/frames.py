"""Server-sent events as Google sends them: `data: ` and one line of JSON, ended by CRLF CRLF, and nothing else.

The google-genai SDK gives up a stream over a comment, an `event:` line or `[DONE]`.
"""


class SseWriter:
    def write(self, payload: bytes) -> bytes:
        return frame(payload)

    def end(self) -> bytes:
        return b""


def frame(payload: bytes) -> bytes:
    """A frame. The payload must be free of line ends, as compact JSON is."""
    return b"data: " + payload + b"\r\n\r\n"
