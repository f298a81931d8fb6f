"""Peak memory of one training step, in a process where it shows."""

from __future__ import annotations

import ctypes
import gc
import multiprocessing
import os
import re
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import torch
from balancing_steps import CASES, Training, shares


def step_memory(
    name: str, tasks: int, methods: Sequence[str], device: str, precision: str, threads: int
) -> dict[str, float]:
    """Measure the methods' peaks.

    Args:
        name: of the case.
        tasks: their number.
        methods: their names.
        device: where.
        precision: see `Training`.
        threads: of torch.

    Returns:
        By method, the bytes that its most expensive step takes at most. Empty where they cannot be
        measured.
    """
    warnings.filterwarnings("ignore")
    torch.set_num_threads(threads)
    training = Training(CASES[name], tasks, device, precision)
    if training.device.type == "cpu" and not Path("/proc/self/clear_refs").exists():
        return {}
    # So that the optimizer has its state.
    shares("plain", training, CASES[name])[0].step()
    peaks = {}
    for method in methods:
        training.optimizer.zero_grad()
        gc.collect()
        rest = _reset_peak(training.device)
        (most, *_) = shares(method, training, CASES[name])
        most.step()
        most.step()
        training.optimizer.zero_grad()
        gc.collect()
        # What a method keeps from step to step is its own.
        _reset_peak(training.device)
        most.step()
        peaks[method] = _peak(training.device) - rest
        del most
    return peaks


def _reset_peak(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
        return torch.cuda.memory_allocated()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    return _peak(device)


def _peak(device: torch.device) -> float:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated()
    (kilobytes,) = re.findall(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    return 1024.0 * int(kilobytes)


@contextmanager
def memory_process() -> Iterator[ProcessPoolExecutor]:
    """A process in which every freed tensor of 64 KiB or more is handed back at once."""
    settings = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}
    os.environ.update(settings)
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        pool.submit(os.getpid).result()
        for setting in settings:
            del os.environ[setting]
        yield pool
