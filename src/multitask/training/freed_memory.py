"""Keeps a CPU's memory between steps, instead of asking the system for it again in each."""

from __future__ import annotations

import ctypes
import os

LARGEST_BLOCK = 2**25
"""Bytes. Larger blocks are taken from the system and handed back one by one; glibc's own limit."""
MOST_KEPT = 2**29
"""Bytes of freed memory that are kept."""
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Numbers of the settings in glibc's ``malloc.h``."""


def keep_freed_memory() -> bool:
    """Have glibc keep what one step frees for the next one.

    By default it hands most of it back, and the system must clear each page again when it is
    touched: up to a fifth of the step of a small network. Does nothing if there is no glibc,
    or where the environment sets ``malloc`` itself.

    Returns:
        Whether it is kept.
    """
    if any(name.startswith("MALLOC_") or name == "GLIBC_TUNABLES" for name in os.environ):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(M_MMAP_THRESHOLD, LARGEST_BLOCK) and mallopt(M_TRIM_THRESHOLD, MOST_KEPT))
