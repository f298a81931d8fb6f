"""Progress reports for long work on many files."""

from __future__ import annotations

import logging
import sys
import time

from multitask.pages.shown import shown

LOG = logging.getLogger("multitask")
SECONDS = 5.0
"""Seconds between two lines, and before the first."""


def tell(text: str) -> None:
    """Print a line to standard error, and log it; names in it cannot control the terminal."""
    text = shown(text)
    print(text, file=sys.stderr, flush=True)
    LOG.info(text)


class Progress:
    """Reports progress every few seconds; short work is not reported.

    Args:
        what: beginning of the line, such as ``image cache: decoded``.
        done: number of items that were done before.
        total: number of all items.
        items: what the items are.
    """

    def __init__(self, what: str, done: int, total: int, items: str = "images") -> None:
        self.what, self.first, self.done, self.total = what, done, done, total
        self.items = items
        self._start = self._told = time.monotonic()

    def step(self, items: int = 1) -> None:
        """Count finished items."""
        self.done += items
        now = time.monotonic()
        if now - self._told >= SECONDS:
            self._told = now
            rate = (self.done - self.first) / (now - self._start)
            left = (self.total - self.done) / rate
            tell(f"{self.what} {self.done} of {self.total} {self.items}, {left:.0f} s to go")
