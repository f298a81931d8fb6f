"""Keeping a CPU's freed memory between steps, instead of returning it to the system."""

from __future__ import annotations

import ctypes
import os

LARGEST_BLOCK = 2**25
"""Size in bytes above which blocks are allocated and freed individually; glibc's own limit."""
MOST_KEPT = 2**29
"""Number of bytes of freed memory to keep."""
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Numbers of the settings in glibc's ``malloc.h``."""


def keep_freed_memory() -> bool:
    """Let glibc keep the memory that one step frees for the next one.

    By default it returns most of it to the system, which must clear each page again when it is
    accessed: up to a fifth of the step of a small network. This does nothing without glibc, or if
    the environment sets ``malloc`` itself.

    Returns:
        Whether memory is kept.
    """
    if any(name.startswith("MALLOC_") or name == "GLIBC_TUNABLES" for name in os.environ):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(M_MMAP_THRESHOLD, LARGEST_BLOCK) and mallopt(M_TRIM_THRESHOLD, MOST_KEPT))
