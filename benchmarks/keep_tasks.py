"""What keeping the tasks of an old run adds to a step, as a ratio to the same step without.

Plain steps and steps that keep two tasks take turns with one model in one process; each is
compared with the plain steps right before and after it. Prints medians of those ratios with their
quartiles, and of plain steps against plain ones, which is what the machine alone does to a ratio.
Keeping takes one forward pass of the old model, and should take at most 1.4 plain steps in all.

    python benchmarks/keep_tasks.py [--rounds 100] [--case digits]
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable
from copy import deepcopy
from functools import partial

import torch
from torch import Tensor

from multitask import MultiTask
from multitask.encoders import ConvNet, Encoder, Timm
from multitask.tasks import Classification, Regression
from multitask.training.kept_outputs import KeptOutputs, entries

KEPT = ("digit", "glyph")
CASES: dict[str, tuple[str, Callable[[], Encoder], tuple[int, int, int], int]] = {
    "digits": ("ConvNet 24x24, batch 64", ConvNet, (1, 24, 24), 64),
    "resnet18": ("timm resnet18 64x64, batch 32", partial(Timm, "resnet18"), (3, 64, 64), 32),
}


def seconds(
    model: MultiTask,
    optimizer: torch.optim.Optimizer,
    batch: dict[str, Tensor],
    old: MultiTask | None,
) -> float:
    """Time one step."""
    if batch["image"].is_cuda:
        torch.cuda.synchronize()
    began = time.perf_counter()
    if old is not None:
        with torch.no_grad():
            batch = batch | entries(old(batch["image"]), KEPT)
    optimizer.zero_grad()
    losses, totals = model.losses(model(batch["image"]), batch)
    model.balancer(losses, totals[1] > 0).backward()
    optimizer.step()
    if batch["image"].is_cuda:
        torch.cuda.synchronize()
    return time.perf_counter() - began


def measure(
    title: str, encoder: Encoder, shape: tuple[int, int, int], size: int, rounds: int
) -> None:
    """Time one network, and print a row for each kind of step."""
    torch.manual_seed(0)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    tasks = {"digit": Classification(10), "glyph": Regression(16), "angle": Regression()}
    model = MultiTask(encoder, tasks).to(device)
    model.task_losses.kept = [KeptOutputs(KEPT, 1.0, 2.0)]
    old = deepcopy(model).eval().requires_grad_(False)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    batch = {
        "image": torch.rand(size, *shape, device=device),
        "digit": torch.full((size,), -100, device=device),
        "glyph": torch.full((size, 16), torch.nan, device=device),
        "angle": torch.rand(size, device=device),
    }
    ways = {"plain": None, "keeping": old}
    ratios: dict[str, list[float]] = {name: [] for name in ways}
    plain = partial(seconds, model, optimizer, batch, None)
    before = plain()
    for place in range(rounds + 1):
        for name, each in ways.items():
            took, after = seconds(model, optimizer, batch, each), plain()
            if place:
                ratios[name].append(2 * took / (before + after))
            before = after
    print(f"{title}: plain step {1000 * before:.1f} ms")
    for name, found in ratios.items():
        low, median, high = statistics.quantiles(found, n=4)
        print(f"  {name:10} {median:.2f} [{low:.2f}, {high:.2f}] plain steps", flush=True)


def main() -> None:
    """Measure the chosen cases."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--case", choices=CASES, action="append", help="default: all")
    given = parser.parse_args()
    warnings.filterwarnings("ignore")
    for name in given.case or CASES:
        title, make, shape, size = CASES[name]
        measure(title, make(), shape, size, given.rounds)


if __name__ == "__main__":
    main()
