"""One process at a time."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def exclusive(path: Path, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold a lock that the system releases when this process ends, in whichever way.

    Args:
        path: the lock's file, made where it is not there. It stays, for removing it would let two
            processes lock two files of one name.
        waiting: called once if another process holds the lock.

    Raises:
        OSError: if the file cannot be made, or its file system knows no locks.
    """
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
