"""Parallel processing of many items, with the results in order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
TOGETHER = 8
"""Number of items that a thread gets at once, because each handover takes some 50 microseconds."""


def usable_cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def in_order(
    function: Callable[[Item], Result], items: Iterable[Item], ahead: int
) -> Generator[Result]:
    """Apply a function with one thread per core.

    Args:
        function: a function that releases the GIL, as Pillow, hashing and reading do.
        items: the items to apply it to.
        ahead: most results in progress or waiting to be consumed, rounded up to `TOGETHER`.

    Yields:
        The results, in the order of the items.
    """
    pool = ThreadPoolExecutor(usable_cores())
    results: deque[Future[list[Result]]] = deque()
    left = iter(items)
    try:
        while group := list(islice(left, TOGETHER)):
            results.append(pool.submit(_applied, function, group))
            if len(results) * TOGETHER >= ahead:
                yield from results.popleft().result()
        while results:
            yield from results.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _applied(function: Callable[[Item], Result], items: list[Item]) -> list[Result]:
    return [function(item) for item in items]
