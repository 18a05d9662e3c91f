"""`omniroute doctor cache`: which requests broke the prompt cache of their provider, and where."""

import msgspec

from omniroute.cli.command import Call


class _Break(msgspec.Struct, rename="camel"):
    request_id: str
    at: str
    model: str
    path: str
    cause: str
    before: str
    after: str
    lost_tokens: int
    cache_read_tokens: int


class _Breaks(msgspec.Struct, rename="camel"):
    looked: int
    conversations: int
    unreadable: int
    breaks: list[_Break]


def prompt_cache(call: Call) -> None:
    """Prints what was found, the dearest first."""
    found = call.administration().get("/api/cache/breaks?limit=500", _Breaks)
    if call.output.json:
        call.output.value(found)
        return
    if not found.looked:
        call.output.say(
            'no captured request to look at: keep bodies first: PATCH /api/settings/logging {"bodies": "all"}'
        )
        return
    call.output.table(
        ("request", "model", "what differs", "cause", "before", "after", "lost tokens"),
        [
            (one.request_id, one.model, one.path, one.cause, one.before, one.after, str(one.lost_tokens))
            for one in sorted(found.breaks, key=lambda one: -one.lost_tokens)
        ],
    )
    unread = f"; {found.unreadable} were cut and could not be compared" if found.unreadable else ""
    call.output.say(
        f"{len(found.breaks)} breaks in {found.conversations} conversations of {found.looked} requests{unread}"
    )
