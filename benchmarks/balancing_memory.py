"""Measure the peak memory of one training step, in a separate process."""

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
        name: name of the case.
        tasks: number of tasks.
        methods: names of the methods.
        device: device of the measurement.
        precision: see `Training`.
        threads: number of threads of torch.

    Returns:
        By method, the peak bytes of its most expensive step. Empty if they cannot be measured.
    """
    warnings.filterwarnings("ignore")
    torch.set_num_threads(threads)
    training = Training(CASES[name], tasks, device, precision)
    if training.device.type == "cpu" and not Path("/proc/self/clear_refs").exists():
        return {}
    # The first step creates the optimizer state.
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
        # Memory that a method keeps between steps counts for that method.
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
    """A process that returns every freed tensor of 64 KiB or more at once."""
    settings = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}
    os.environ.update(settings)
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        pool.submit(os.getpid).result()
        for setting in settings:
            del os.environ[setting]
        yield pool
