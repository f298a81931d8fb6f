"""Random choices that only depend on the run's seed and the step, for any number of processes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def seeded(seed: int, step: int, device: torch.device | None = None) -> Iterator[None]:
    """Seed torch's random numbers, and restore their state afterwards.

    Args:
        seed: seed of the run.
        step: number of the step.
        device: a GPU on which random numbers will be drawn, in addition to the CPU.
    """
    generators = [torch.default_generator]
    if device is not None and device.type == "cuda":
        generators.append(torch.cuda.default_generators[device.index])
    before = [generator.get_state() for generator in generators]
    for generator in generators:
        generator.manual_seed(hash((seed, step)) % 2**63)
    try:
        yield
    finally:
        for generator, state in zip(generators, before, strict=True):
            generator.set_state(state)
