"""What a provider, an account or a combo says of how long the phases of its attempts may take."""

from typing import Final, Literal, TypeAlias, get_args

import msgspec

from omniroute.ir.json import JsonObject

TimeoutName: TypeAlias = Literal[
    "connectMs",
    "writeMs",
    "firstByteMs",
    "streamFirstByteMs",
    "firstEventMs",
    "idleMs",
    "usefulIdleMs",
    "totalMs",
]
"""What the management API calls them, in milliseconds."""

TIMEOUT_NAMES: Final[tuple[TimeoutName, ...]] = get_args(TimeoutName)
MOST_MS: Final = 86_400_000


class Timeouts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Seconds; 0 means no limit, None leaves it to the layer below. What each is about is told by
    `pipeline.phases.Phases`."""

    connect_s: float | None = None
    write_s: float | None = None
    first_byte_s: float | None = None
    stream_first_byte_s: float | None = None
    first_event_s: float | None = None
    idle_s: float | None = None
    useful_idle_s: float | None = None
    total_s: float | None = None


def timeouts_of(said: JsonObject) -> Timeouts | None:
    """Milliseconds by the API's names; None when they say nothing. Raises ValueError for what is no such thing."""
    found: dict[str, float] = {}
    for name, value in said.items():
        if value is None:
            continue
        if name not in TIMEOUT_NAMES:
            raise ValueError(f"has no member {name[:40]!r}, only {', '.join(TIMEOUT_NAMES)}")
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST_MS:
            raise ValueError(f"holds whole milliseconds from 0 (no limit) to {MOST_MS}, not {name}: {value!r:.40}")
        found[_field(name)] = value / 1000
    return Timeouts(**found) if found else None


def milliseconds(timeouts: Timeouts) -> dict[TimeoutName, int]:
    """The same the other way round."""
    found: dict[TimeoutName, int] = {}
    for name in TIMEOUT_NAMES:
        value: float | None = getattr(timeouts, _field(name))
        if value is not None:
            found[name] = round(value * 1000)
    return found


def _field(name: str) -> str:
    words = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name.removesuffix("Ms"))
    return f"{words}_s"
