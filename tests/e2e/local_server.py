"""Servers that do real work, each in a Python environment of its own: a model, a recogniser of speech."""

import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


def environment(folder: Path) -> Path:
    """The environment with what `folder`/requirements.txt names, installed when it is not there yet."""
    prepare = Path(__file__).parent / "prepare"
    done = subprocess.run([prepare, folder], check=True, stdout=subprocess.PIPE, text=True)
    return Path(done.stdout.strip())


@contextmanager
def listening(python: Path, script: Path, *arguments: Path) -> Generator[str]:
    """`script` in the environment `python`, until the block ends. Yields the address that it prints."""
    command = [python / "bin" / "python", script, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        try:
            address = process.stdout.readline().strip()
            assert address.startswith("http://"), f"{script.name} did not start"
            yield address
        finally:
            process.terminate()
