"""A lock that admits one process at a time."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def exclusive(path: Path, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold a lock that the system releases when this process ends, however it ends.

    Args:
        path: the lock file, created if it does not exist. It is never removed, because then two
            processes could lock two files of the same name.
        waiting: called once if another process holds the lock.

    Raises:
        OSError: if the file cannot be created, or its file system does not support locks.
    """
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
