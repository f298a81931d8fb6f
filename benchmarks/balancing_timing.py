"""Time steps in pairs, so that the other load on the machine cancels in their ratio."""

from __future__ import annotations

import math
import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from balancing_steps import Share

BLOCK_SECONDS = 0.1
"""Steps timed together take at least this long."""


@dataclass(frozen=True)
class Pair:
    """Two ways of taking a step.

    Args:
        steps: steps of the measured way.
        reference: step of the way to compare with.
    """

    steps: Sequence[Share]
    reference: Sequence[Share]


def step_ratios(
    pairs: dict[str, Pair], rounds: int, device: torch.device
) -> tuple[float, dict[str, list[float]]]:
    """Time pairs, each right after or before its reference, all in random order.

    Args:
        pairs: pairs by name.
        rounds: how often to time each.
        device: where the steps run.

    Returns:
        Seconds per step of the references and, by name, the ratio to its reference in each round.
    """
    wait = torch.cuda.synchronize if device.type == "cuda" else lambda: None
    for pair in pairs.values():
        # The very first step creates the optimizer state, and balancers may set up in theirs.
        for share in [*pair.reference, *pair.steps, *pair.reference, *pair.steps]:
            share.step()
    counts = {
        name: math.ceil(BLOCK_SECONDS / _seconds(pair.reference, 2, wait))
        for name, pair in pairs.items()
    }
    ratios: dict[str, list[float]] = {name: [] for name in pairs}
    references: list[float] = []
    for _round in range(rounds):
        for name in random.sample(list(pairs), len(pairs)):
            steps, reference = pairs[name].steps, pairs[name].reference
            # In random order within the pair, too.
            order = random.sample([(True, steps), (False, reference)], 2)
            times = {is_it: _seconds(each, counts[name], wait) for is_it, each in order}
            ratios[name].append(times[True] / times[False])
            references.append(times[False])
    return statistics.median(references), ratios


def _seconds(shares: Sequence[Share], steps: int, wait: Callable[[], None]) -> float:
    total = 0.0
    for share in shares:
        wait()
        began = time.perf_counter()
        for _step in range(steps):
            share.step()
        wait()
        total += share.part * (time.perf_counter() - began) / steps
    return total


def median_interval(values: Sequence[float]) -> tuple[float, float, float]:
    """The median, and its 95 % confidence interval from order statistics."""
    ordered, below, place = sorted(values), 0.0, -1
    while (below := below + math.comb(len(values), place + 1) / 2 ** len(values)) <= 0.025:
        place += 1
    place = max(place, 0)
    return statistics.median(ordered), ordered[place], ordered[-1 - place]
