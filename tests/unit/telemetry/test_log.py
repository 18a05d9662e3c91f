"""A log that cannot harm a request."""

import contextlib
import json
import os
from collections.abc import Iterator

import pytest

from omniroute.telemetry.log import StreamLog


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    yield reading, writing
    for descriptor in (reading, writing):
        with contextlib.suppress(OSError):
            os.close(descriptor)


def written(reading: int) -> str:
    return os.read(reading, 1_000_000).decode()


def test_a_line_has_time_level_event_and_fields(pipe: tuple[int, int]) -> None:
    log = StreamLog(descriptor=pipe[1], now=lambda: 1_700_000_000.25)
    log.info("request", status=200, model="a b", empty=None)
    log.close()
    assert written(pipe[0]) == "2023-11-14T22:13:20.250Z info    request status=200 model='a b'\n"


def test_json_lines_parse_and_are_redacted(pipe: tuple[int, int]) -> None:
    log = StreamLog(descriptor=pipe[1], style="json", now=lambda: 0.0)
    log.error("bug", detail="sk-proj-abcdefghijklmnop")
    log.close()
    line = json.loads(written(pipe[0]))
    assert (line["level"], line["event"]) == ("error", "bug")
    assert "abcdefgh" not in line["detail"]


def test_control_characters_cannot_forge_a_line(pipe: tuple[int, int]) -> None:
    log = StreamLog(descriptor=pipe[1], now=lambda: 0.0)
    log.info("request", model="x\n2030 info forged\x1b[31m")
    log.close()
    text = written(pipe[0])
    assert text.count("\n") == 1
    assert "\x1b" not in text


def test_lines_below_the_level_are_not_written(pipe: tuple[int, int]) -> None:
    log = StreamLog(descriptor=pipe[1], level="warning", now=lambda: 0.0)
    log.debug("no")
    log.info("no")
    log.warning("yes")
    log.close()
    assert written(pipe[0]).count("\n") == 1


def test_a_closed_stderr_is_survived_in_silence(pipe: tuple[int, int]) -> None:
    os.close(pipe[0])
    log = StreamLog(descriptor=pipe[1])
    log.error("nobody reads this")
    log.close()
    os.close(pipe[1])
    log = StreamLog(descriptor=pipe[1])
    log.error("nor this")
    log.close()
