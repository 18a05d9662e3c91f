"""The one error of the command line: a line of cause, a line of what to do, and the exit code."""

from typing import Final

FAILED: Final = 1
USAGE: Final = 2
UNREACHABLE: Final = 3
DENIED: Final = 4
LIMITED: Final = 5
TIMED_OUT: Final = 124


class Problem(Exception):
    """Raised by any command, caught once around all of them. Neither line holds a secret."""

    def __init__(self, cause: str, *, hint: str = "", code: int = FAILED) -> None:
        super().__init__(cause)
        self.cause = cause
        self.hint = hint
        self.code = code
