"""Splits a recorded server-sent event stream into its frames, strictly: a torn last frame is an error."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Frame:
    """One event. `event` is None without an event line; data lines are joined by a newline."""

    event: str | None
    data: str


def frames(raw: bytes) -> list[Frame]:
    """The frames in order; comments are allowed and left out."""
    text = raw.decode("utf-8").replace("\r\n", "\n")
    assert not text or text.endswith("\n\n"), f"the stream ends inside a frame: {text[-80:]!r}"
    found: list[Frame] = []
    for block in text.split("\n\n")[:-1]:
        event: str | None = None
        data: list[str] = []
        for line in block.split("\n"):
            name, colon, value = line.partition(":")
            value = value.removeprefix(" ")
            if line.startswith(":"):
                continue
            assert colon, f"not a field of an event: {line!r}"
            if name == "data":
                data.append(value)
            elif name == "event":
                assert event is None, f"two event lines in one frame: {block!r}"
                event = value
            else:
                assert name in ("id", "retry"), f"unknown field {name!r} in {block!r}"
        if data:
            found.append(Frame(event, "\n".join(data)))
        else:
            assert event is None, f"an event line without data: {block!r}"
    return found
