"""Time ways of training that take turns with plain steps, in plain steps."""

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
    """Time steps in turns, and print a row for each.

    Args:
        title: title of the rows.
        steps: each takes one step if called; ``plain`` is the reference.
        rounds: number of turns of each, after one warm-up turn.
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
    # The first step after one of another kind is slower: caches hold what that one used.
    step()
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
    """Measure the cases chosen on the command line.

    Args:
        measure: called with a case's title, encoder, image shape and batch size, and the rounds.
        about: description of the program.
        rounds: default number of rounds.
    """
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--case", choices=CASES, action="append", help="default: all")
    given = parser.parse_args()
    warnings.filterwarnings("ignore")
    for name in given.case or CASES:
        title, make, shape, size = CASES[name]
        measure(title, make(), shape, size, given.rounds)
