"""Work on many items at once, with the results in order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def usable_cores() -> int:
    """Cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def in_order(
    function: Callable[[Item], Result], items: Iterable[Item], ahead: int
) -> Iterator[Result]:
    """Apply a function by one thread for each core.

    Args:
        function: lets other threads run while it works, as Pillow, hashing and reading do.
        items: what to apply it to.
        ahead: results that are worked on, or wait to be taken, at most.

    Yields:
        The results, in the order of the items.
    """
    pool = ThreadPoolExecutor(usable_cores())
    results: deque[Future[Result]] = deque()
    try:
        for item in items:
            results.append(pool.submit(function, item))
            if len(results) >= ahead:
                yield results.popleft().result()
        while results:
            yield results.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
