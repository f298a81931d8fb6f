"""Memory that a step frees is there for the next one."""

from __future__ import annotations

import resource

import pytest
import torch

from multitask.training.freed_memory import LARGEST_BLOCK, keep_freed_memory

PAGE = 4096


def pages_taken_from_the_system(size: int) -> int:
    """How many pages four tensors of this many bytes touch for the first time."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    tensors = [torch.ones(size, dtype=torch.uint8) for _ in range(4)]
    del tensors
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def test_freed_memory_is_used_again() -> None:
    if not keep_freed_memory():
        pytest.skip("memory is allocated by something else than glibc as it comes")
    size = LARGEST_BLOCK * 3 // 4
    # Until what other tests left in between is filled, it may take some more.
    fewest = min(pages_taken_from_the_system(size) for _ in range(5))
    # Without, all four are taken anew each time.
    assert fewest < size / PAGE


def test_settings_of_the_environment_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "65536")
    assert not keep_freed_memory()
