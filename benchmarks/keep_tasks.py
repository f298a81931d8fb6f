"""Measure the overhead of keeping the tasks of an old run, as a ratio to a step without it.

Plain steps and steps that keep two tasks take turns with one model in one process. Each is compared
with the plain steps right before and after it. Prints the medians and quartiles of these ratios,
and those of plain steps against plain steps, which show the noise of the machine. Keeping tasks
needs one forward pass of the old model; such a step should take at most 1.4 plain steps in all.

    python benchmarks/keep_tasks.py [--rounds 100] [--case digits]
"""

from __future__ import annotations

from copy import deepcopy
from functools import partial

import torch
from beside_plain import measure_cases, print_ratios
from torch import Tensor

from multitask import MultiTask
from multitask.encoders import Encoder
from multitask.tasks import Classification, Regression
from multitask.training.kept_outputs import KeptOutputs, entries

KEPT = ("digit", "glyph")


def step(
    model: MultiTask,
    optimizer: torch.optim.Optimizer,
    batch: dict[str, Tensor],
    old: MultiTask | None,
) -> None:
    """Take one step."""
    if old is not None:
        with torch.no_grad():
            batch = batch | entries(old(batch["image"]), KEPT)
    optimizer.zero_grad()
    losses, totals = model.losses(model(batch["image"]), batch)
    model.balancer(losses, totals[1] > 0).backward()
    optimizer.step()


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
    olds = {"plain": None, "keeping": old}
    steps = {name: partial(step, model, optimizer, batch, each) for name, each in olds.items()}
    print_ratios(title, steps, rounds)


if __name__ == "__main__":
    measure_cases(measure, __doc__.splitlines()[0], rounds=100)
