"""A disk on which no further journal segment can be made."""

from collections.abc import Iterator
from contextlib import contextmanager
from resource import RLIMIT_FSIZE, getrlimit, setrlimit

from omniroute.ledger.framing import MAX_FRAME_BYTES


@contextmanager
def full_disk() -> Iterator[None]:
    """The kernel refuses to make files of the size of the smallest segment, as it does when no space is left."""
    before = getrlimit(RLIMIT_FSIZE)
    setrlimit(RLIMIT_FSIZE, (MAX_FRAME_BYTES // 2, before[1]))
    try:
        yield
    finally:
        setrlimit(RLIMIT_FSIZE, before)
