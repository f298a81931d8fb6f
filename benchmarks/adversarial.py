"""Measure the overhead of adversarial training, as a ratio to the same step without it.

All ways of training take turns with one model in one process. Each is compared with the plain steps
right before and after it. Prints the medians and quartiles of these ratios, and those of plain
steps against plain steps, which show the noise of the machine. An attack of k steps and a training
step together should take at most k + 1 plain steps.

    python benchmarks/adversarial.py [--rounds 40] [--case digits]
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from beside_plain import measure_cases, print_ratios
from torch import Tensor

from multitask import MultiTask
from multitask.encoders import Encoder
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


def step(
    model: MultiTask, optimizer: torch.optim.Optimizer, training_pass: Pass, batch: Batch
) -> None:
    """Take one step."""
    optimizer.zero_grad()
    outputs, trained_on = training_pass(model, batch)
    losses, totals = training_pass.losses(model, outputs, trained_on)
    model.balancer(losses, totals[1] > 0).backward()
    optimizer.step()


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
    steps = {name: partial(step, model, optimizer, each, batch) for name, each in passes.items()}
    print_ratios(title, steps, rounds)


if __name__ == "__main__":
    measure_cases(measure, __doc__.splitlines()[0], rounds=40)
