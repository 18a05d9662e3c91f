"""The `omniroute` command: the quick ways past Typer, and Typer for everything else."""

import os
import sys
from collections.abc import Sequence
from typing import Final

_ABOUT: Final = ("--help", "-h", "--version", "-V", "--install-completion", "--show-completion")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code. Without a command it is `serve`."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given in (["--version"], ["-V"]):
        from importlib.metadata import version

        print(f"omniroute {version('omniroute')}")
        return 0
    if not given or (given[0].startswith("-") and given[0].partition("=")[0] not in _ABOUT):
        given.insert(0, "serve")
    try:
        return _run(given)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader has left (`| head`); what is still buffered must not fail again on the way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _run(given: list[str]) -> int:
    if given[0] == "serve":
        from omniroute.cli.serve_flags import flags_of

        flags = flags_of(given[1:])
        if flags is not None:
            from omniroute.cli.serving import serve

            return serve(flags)
    from omniroute.cli.tree import run

    return run(given)
