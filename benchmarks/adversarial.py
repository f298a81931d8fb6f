"""What adversarial training adds to a step, as a ratio to the same step without.

All ways to train take turns with one model in one process; each is compared with the plain steps
right before and after it. Prints medians of those ratios with their quartiles, and of plain steps
against plain ones, which is what the machine alone does to a ratio. An attack of k steps and a
training step together should take at most k + 1 plain steps.

    python benchmarks/adversarial.py [--rounds 40] [--case digits]
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from multitask import MultiTask
from multitask.encoders import ConvNet, Encoder, Timm
from multitask.passes import AdversarialPass, Pass, PlainPass, TradesPass
from multitask.robustness import Attack
from multitask.tasks import Classification, Regression

Batch = dict[str, Tensor]
PASSES: dict[str, Callable[[], Pass]] = {
    "plain": PlainPass,
    "FGSM": lambda: AdversarialPass(Attack(0.05, steps=1)),
    "PGD-3": lambda: AdversarialPass(Attack(0.05, steps=3)),
    "PGD-7": lambda: AdversarialPass(Attack(0.05, steps=7)),
    "PGD-3, half": lambda: AdversarialPass(Attack(0.05, steps=3), share=0.5),
    "TRADES, 3 steps": lambda: TradesPass(Attack(0.05, steps=3)),
}
CASES: dict[str, tuple[str, Callable[[], Encoder], tuple[int, int, int], int]] = {
    "digits": ("ConvNet 24x24, batch 64", ConvNet, (1, 24, 24), 64),
    "resnet18": ("timm resnet18 64x64, batch 32", partial(Timm, "resnet18"), (3, 64, 64), 32),
}


def seconds(
    model: MultiTask, optimizer: torch.optim.Optimizer, training_pass: Pass, batch: Batch
) -> float:
    """Time one step."""
    if batch["image"].is_cuda:
        torch.cuda.synchronize()
    began = time.perf_counter()
    optimizer.zero_grad()
    outputs, trained_on = training_pass(model, batch)
    losses, totals = training_pass.losses(model, outputs, trained_on)
    model.balancer(losses, totals[1] > 0).backward()
    optimizer.step()
    if batch["image"].is_cuda:
        torch.cuda.synchronize()
    return time.perf_counter() - began


def measure(
    title: str, encoder: Encoder, shape: tuple[int, int, int], size: int, rounds: int
) -> None:
    """Time one network, and print a row for each way to train."""
    torch.manual_seed(0)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = MultiTask(encoder, {"label": Classification(10), "number": Regression()}).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    batch = {
        "image": torch.rand(size, *shape, device=device),
        "label": torch.randint(10, (size,), device=device),
        "number": torch.rand(size, device=device),
        "@place": torch.arange(size, device=device),
    }
    passes = {name: make() for name, make in PASSES.items()}
    ratios: dict[str, list[float]] = {name: [] for name in passes}
    plain = partial(seconds, model, optimizer, passes["plain"], batch)
    before = plain()
    for place in range(rounds + 1):
        for name, each in passes.items():
            took, after = seconds(model, optimizer, each, batch), plain()
            if place:
                ratios[name].append(2 * took / (before + after))
            before = after
    print(f"{title}: plain step {1000 * before:.1f} ms")
    for name, found in ratios.items():
        low, median, high = statistics.quantiles(found, n=4)
        print(f"  {name:16} {median:.2f} [{low:.2f}, {high:.2f}] plain steps", flush=True)


def main() -> None:
    """Measure the chosen cases."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--case", choices=CASES, action="append", help="default: all")
    given = parser.parse_args()
    warnings.filterwarnings("ignore")
    for name in given.case or CASES:
        title, make, shape, size = CASES[name]
        measure(title, make(), shape, size, given.rounds)


if __name__ == "__main__":
    main()
