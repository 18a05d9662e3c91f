"""One server-sent event as bytes."""

import msgspec


def data(value: object) -> bytes:
    return b"data: " + msgspec.json.encode(value) + b"\n\n"


def event(value: dict[str, object]) -> bytes:
    """With the event line that Anthropic's clients insist on."""
    return b"event: " + str(value["type"]).encode() + b"\n" + data(value)
