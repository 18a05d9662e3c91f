"""How upstreams go wrong in the golden exchanges, and what the client must be told."""

from dataclasses import dataclass
from typing import Final

from tests.support.upstream.answer import Answer, Say
from tests.support.upstream.script import Cut, Empty, EndEarly, ErrorEvent, Fault, Malformed, Refuse

LONG: Final = Answer(parts=(Say("one two three four five six seven eight nine", pieces=9),))
UNDERWAY: Final = {
    "openai_chat": 2,
    "openai_responses": 5,
    "anthropic": 4,
    "gemini": 1,
    "ollama": 1,
    "bedrock_converse": 2,
    "cohere": 3,
}
"""After so many events the first piece of text has been sent."""


OVERLOADED: Final = {
    "openai_chat": 502,
    "openai_responses": 502,
    "anthropic": 529,
    "gemini": 503,
    "ollama": 502,
    "bedrock_converse": 503,
    "cohere": 502,
}


@dataclass(frozen=True, kw_only=True)
class Refused:
    """The answer never begins: the client gets a status and its dialect's own error object."""

    name: str
    fault: Fault
    status: int | dict[str, int]
    """The same for all upstreams, or by what they speak: not all of them have a word for everything."""
    stream: bool | None = None
    """Only streams, only whole answers, or (None) both."""
    says: str = ""


REFUSED: Final = (
    *(
        Refused(
            name=f"status {status}", fault=Refuse(status=status, message="no, because"), status=status, says="no,"
        )
        for status in (400, 401, 402, 403, 404, 413, 422, 500, 502, 503, 504, 529)
    ),
    Refused(
        name="status 429",
        fault=Refuse(status=429, message="slow down", headers=(("Retry-After", "7"),)),
        status=429,
        says="slow down",
    ),
    Refused(name="an error page", fault=Refuse(status=502, body=b"<html>\n<h1>Bad gateway</h1>"), status=502),
    Refused(name="an error without a body", fault=Refuse(status=500, body=b""), status=500),
    Refused(name="overloaded in band", fault=ErrorEvent(0), status=OVERLOADED, says="overloaded by script"),
    Refused(
        name="a rate limit in band", fault=ErrorEvent(0, "slow down", "rate_limit"), status=429, says="slow down"
    ),
    Refused(name="no head", fault=Cut(None), status=502),
    Refused(name="a reset", fault=Cut(None, "reset"), status=502),
    Refused(name="cut at once", fault=Cut(0), status=502),
    Refused(name="nothing at all", fault=Empty("body"), status=502),
    Refused(name="ended at once", fault=EndEarly(0), status=502),
    Refused(name="a torn body", fault=Cut(1), status=502, stream=False),
    Refused(name="a malformed body", fault=Malformed(), status=502, stream=False),
)


def broken_off(upstream: str) -> dict[str, Fault]:
    """Streams that stop after some text: what was said stays said, and the end is an error."""
    after = UNDERWAY[upstream]
    return {
        "cut": Cut(after + 1),
        "reset": Cut(after + 2, "reset"),
        "no terminal event": EndEarly(after + 1),
        "overloaded": ErrorEvent(after, "overloaded by script"),
        "rate limited": ErrorEvent(after + 1, "slow down", "rate_limit"),
    }
