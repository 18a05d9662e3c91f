"""The other framing of a Gemini stream: one JSON array whose elements are sent one by one.

It is what `streamGenerateContent` gives without `alt=sse`. Providers are always asked for the other one.
"""


class ArrayWriter:
    """Writes payloads as the elements of one array."""

    def __init__(self) -> None:
        self._begun = False

    def write(self, payload: bytes) -> bytes:
        lead = b",\r\n" if self._begun else b"["
        self._begun = True
        return lead + payload

    def end(self) -> bytes:
        return b"]" if self._begun else b"[]"
