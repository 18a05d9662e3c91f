"""Reads the flags of `omniroute serve` without Typer, whose import would be a fifth of the start-up time.

It knows the plain cases only. Whatever it does not understand (help, a typo, an abbreviation) goes to Typer, which
has the same flags and words the error.
"""

from collections.abc import Mapping, Sequence

from omniroute.config.names import NAMES


def flags_of(arguments: Sequence[str]) -> Mapping[str, str] | None:
    """Fields of `Settings` (and `config`) by the flags given; None when something is not understood."""
    valued = {"--config": "config"}
    switches: dict[str, tuple[str, str]] = {}
    for name in NAMES.values():
        if name.flag is None:
            continue
        on, slash, off = name.flag.partition("/")
        if slash:
            switches |= {on: (name.field, "true"), off: (name.field, "false")}
        else:
            valued[on] = name.field
    flags: dict[str, str] = {}
    rest = list(arguments)
    while rest:
        flag, equals, value = rest.pop(0).partition("=")
        if flag in switches and not equals:
            field, value = switches[flag]
            flags[field] = value
        elif flag in valued and (equals or (rest and not rest[0].startswith("-"))):
            flags[valued[flag]] = value if equals else rest.pop(0)
        else:
            return None
    return flags
