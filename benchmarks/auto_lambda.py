"""Measure the cost of learning task weights by look-ahead, as a ratio to a plain step.

Whole steps (the look-ahead, the step and the optimizer's step) take turns with plain ones, on
random images and five tasks. With `every` above 1, a turn consists of that many steps, one of which
looks ahead. Prints medians with quartiles.

    python benchmarks/auto_lambda.py [--rounds 21] [--case digits]
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import torch
from beside_plain import Shape, measure_cases, print_ratios

from multitask import MultiTask
from multitask.balancing import AutoLambda, Balancer, FixedWeights
from multitask.encoders import Encoder
from multitask.tasks import Classification, Regression
from multitask.training.freed_memory import keep_freed_memory
from multitask.training.look import Look

EVERY = (1, 5, 10)
TASKS = 5
MOST = 10
"""Plain steps in a turn; every interval divides it."""


class Ahead(Look):
    """Look-ahead of a model without a Trainer."""

    def __init__(self, model: MultiTask, batch: Any, held_out: Any, step: int, rate: float) -> None:
        super().__init__(model, batch)
        self.held_out, self.number = held_out, step
        self.rates = dict.fromkeys(self.shared, rate)

    @property
    def step(self) -> int:
        """The number of steps before this one."""
        return self.number

    def other_batch(self, split: str, tasks: tuple[str, ...] = ()) -> Any:
        """Return the same samples again."""
        return self.held_out


def steps_of(model: MultiTask, batch: Any, held_out: Any) -> Callable[[], None]:
    """Make the function that trains for a turn."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-6)
    done = SimpleNamespace(steps=0)

    def turn() -> None:
        for _ in range(MOST):
            model.balancer.before_step(Ahead(model, batch, held_out, done.steps, 1e-6))
            losses, totals = model.losses(model(*model.inputs_of(batch)), batch)
            optimizer.zero_grad()
            model.balancer(losses, totals[1] > 0).backward()
            optimizer.step()
            done.steps += 1

    return turn


def measure(title: str, encoder: Encoder, shape: Shape, size: int, rounds: int) -> None:
    """Time one network and print its rows."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu":
        # As in every training run.
        keep_freed_memory()

    def made(balancer: Balancer) -> MultiTask:
        names = [f"task_{place}" for place in range(TASKS)]
        tasks: Any = {
            name: Regression() if place % 2 else Classification(10)
            for place, name in enumerate(names)
        }
        return MultiTask(encoder, tasks, balancer).to(device)

    def random_batch() -> dict[str, torch.Tensor]:
        targets = {
            f"task_{place}": torch.randn(size) if place % 2 else torch.randint(10, (size,))
            for place in range(TASKS)
        }
        return {
            name: each.to(device)
            for name, each in {"image": torch.rand(size, *shape), **targets}.items()
        }

    batch, held_out = random_batch(), random_batch()
    balancers = {"plain": partial(FixedWeights)}
    balancers |= {f"every {n}": partial(AutoLambda, ["task_0"], every=n) for n in EVERY}  # type: ignore[dict-item]
    steps = {name: steps_of(made(make()), batch, held_out) for name, make in balancers.items()}
    print_ratios(f"{title}, {TASKS} tasks", steps, rounds)


if __name__ == "__main__":
    measure_cases(measure, str(__doc__).splitlines()[0], rounds=21)
