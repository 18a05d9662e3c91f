"""Where the value of a setting came from, and the one error of start-up configuration."""

from typing import Literal

import msgspec

LayerKind = Literal["implied", "flag", "environment", "file", "default"]


class Origin(msgspec.Struct, frozen=True):
    """The layer a value came from, and its name there: `--port`, `PORT`, `./omniroute.toml: server.port`."""

    kind: LayerKind
    name: str = ""

    def __str__(self) -> str:
        match self.kind:
            case "implied":
                return f"implied by {self.name}"
            case "flag":
                return f"the flag {self.name}"
            case "environment":
                return f"{self.name} in the environment"
            case "file":
                return self.name
            case "default":
                return "the default"


class Layer(msgspec.Struct, frozen=True):
    """One answer to what a setting's value is; `shown` never holds a secret."""

    origin: Origin
    shown: str


class SettingsError(Exception):
    """The settings cannot be used. The message is one line: what is wrong, where, what to do; never a secret."""


def suggestion(word: str, known: tuple[str, ...]) -> str:
    """`; did you mean 'port'?`, or nothing when no known word is near."""
    from difflib import get_close_matches  # only ever needed to word an error

    near = get_close_matches(word, known, n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else ""
