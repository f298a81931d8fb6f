"""Ways to train that take turns with plain steps, and their times in plain steps."""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable, Mapping
from functools import partial

import torch

from multitask.encoders import ConvNet, Encoder, Timm

Shape = tuple[int, int, int]
CASES: dict[str, tuple[str, Callable[[], Encoder], Shape, int]] = {
    "digits": ("ConvNet 24x24, batch 64", ConvNet, (1, 24, 24), 64),
    "resnet18": ("timm resnet18 64x64, batch 32", partial(Timm, "resnet18"), (3, 64, 64), 32),
}


def print_ratios(title: str, steps: Mapping[str, Callable[[], object]], rounds: int) -> None:
    """Let steps take turns, and print a row for each.

    Args:
        title: of the rows.
        steps: each takes one step if it is called; ``plain`` is what others are compared with.
        rounds: how often each takes its turn, after one that is not counted.
    """
    ratios: dict[str, list[float]] = {name: [] for name in steps}
    before = _seconds(steps["plain"])
    for place in range(rounds + 1):
        for name, step in steps.items():
            took, after = _seconds(step), _seconds(steps["plain"])
            if place:
                ratios[name].append(2 * took / (before + after))
            before = after
    print(f"{title}: plain step {1000 * before:.1f} ms")
    for name, found in ratios.items():
        low, median, high = statistics.quantiles(found, n=4)
        print(f"  {name:16} {median:.2f} [{low:.2f}, {high:.2f}] plain steps", flush=True)


def _seconds(step: Callable[[], object]) -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    began = time.perf_counter()
    step()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - began


def measure_cases(
    measure: Callable[[str, Encoder, Shape, int, int], None], about: str, rounds: int
) -> None:
    """Measure the cases that the command line chooses.

    Args:
        measure: takes a case's title, encoder, shape of an image and batch size, and the rounds.
        about: what the program measures.
        rounds: by default.
    """
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--case", choices=CASES, action="append", help="default: all")
    given = parser.parse_args()
    warnings.filterwarnings("ignore")
    for name in given.case or CASES:
        title, make, shape, size = CASES[name]
        measure(title, make(), shape, size, given.rounds)
