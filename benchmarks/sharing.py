"""Measure the time of a training step with each sharing scheme, in steps of hard sharing.

Steps take turns, each between two of hard sharing, for several numbers of tasks. Prints medians
with quartiles; `hard again` shows the noise. A scheme is given by its class path and settings.

    python benchmarks/sharing.py [--rounds 60] [--case digits] [--tasks 2 5 10]
    python benchmarks/sharing.py --scheme "mine=my.module.Scheme(width=32)"
"""

from __future__ import annotations

import argparse
import ast
import importlib
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from beside_plain import CASES, print_ratios
from torch import Tensor

from multitask import MultiTask
from multitask.balancing import Balancer, FixedWeights
from multitask.encoders import Encoder
from multitask.errors import InputError
from multitask.sharing import Sharing
from multitask.tasks import Classification, Regression

CLASSES = 10
NUMBERS_OF_TASKS = (2, 5, 10)
SCHEMES = {
    "hard again": "multitask.sharing.HardSharing()",
    "MMoE": "multitask.sharing.MMoE()",
    "CGC": "multitask.sharing.MMoE(experts=2, own=1)",
    "Cross-Stitch": "multitask.sharing.CrossStitch()",
    "LowRankTasks": "multitask.sharing.LowRankTasks(rank=2)",
}
"""By name, a scheme as it is written in Python."""


def scheme_of(text: str) -> Callable[..., Sharing]:
    """Find a scheme's class and bind its settings.

    Args:
        text: such as ``multitask.sharing.MMoE(experts=2)``; settings are plain values.

    Raises:
        ValueError: if the text has another form.
    """
    call = ast.parse(text, mode="eval").body
    if not isinstance(call, ast.Call) or call.args:
        raise ValueError(f"{text!r} is not a class with settings, such as a.module.Scheme(width=8)")
    module, _, name = ast.unparse(call.func).rpartition(".")
    settings = {str(each.arg): ast.literal_eval(each.value) for each in call.keywords}
    return partial(getattr(importlib.import_module(module), name), **settings)


class Steps:
    """Trains one model on one random batch; classifications and regressions alternate.

    Args:
        encoder: creates the encoder.
        images: images of the batch, on the device.
        tasks: number of tasks.
        sharing: creates the scheme; default: hard sharing.
        balancer: default: the sum of the losses.
    """

    def __init__(
        self,
        encoder: Callable[[], Encoder],
        images: Tensor,
        tasks: int,
        sharing: Callable[..., Sharing] | None = None,
        balancer: Balancer | None = None,
    ) -> None:
        torch.manual_seed(0)
        made: dict[str, Any] = {
            f"task_{place}": Regression() if place % 2 else Classification(CLASSES)
            for place in range(tasks)
        }
        self.model = MultiTask(encoder(), made, balancer or FixedWeights(), sharing=sharing)
        self.model.to(images.device).train()
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-6)
        numbers = torch.randn(len(images), device=images.device)
        labels = torch.arange(len(images), device=images.device) % CLASSES
        targets = {name: numbers if place % 2 else labels for place, name in enumerate(made)}
        self.batch = {"image": images, **targets}

    def __call__(self) -> None:
        """Take a step, in the same order as ``fit``."""
        model = self.model
        losses, totals = model.losses(model(*model.inputs_of(self.batch)), self.batch)
        loss = model.balancer(losses, totals[1] > 0)
        penalty = model.sharing.penalty()
        self.optimizer.zero_grad()
        (loss if penalty is None else loss + penalty).backward()
        model.balancer.after_backward()
        self.optimizer.step()


def steps_of(
    schemes: Mapping[str, str], encoder: Callable[[], Encoder], images: Tensor, tasks: int
) -> dict[str, Steps]:
    """A step of each scheme that supports the encoder, and ``plain``, that of hard sharing.

    Args:
        schemes: see `SCHEMES`.
        encoder: makes the encoder.
        images: of the batch.
        tasks: their number.
    """
    steps = {"plain": Steps(encoder, images, tasks)}
    for name, text in schemes.items():
        try:
            steps[name] = Steps(encoder, images, tasks, scheme_of(text))
        except InputError as error:
            print(f"  {name}: {error}")
    return steps


def measure(case: str, schemes: Mapping[str, str], numbers: Sequence[int], rounds: int) -> None:
    """Time the steps of a case and print their ratios.

    Args:
        case: name of one of `beside_plain.CASES`.
        schemes: see `SCHEMES`.
        numbers: numbers of tasks.
        rounds: number of turns of each scheme.
    """
    title, encoder, shape, size = CASES[case]
    images = torch.rand(size, *shape, device="cuda" if torch.cuda.is_available() else "cpu")
    for tasks in numbers:
        steps = steps_of(schemes, encoder, images, tasks)
        print_ratios(f"{title}, {tasks} tasks", steps, rounds)


def main() -> None:
    """Measure the cases chosen on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--case", choices=CASES, action="append", help="default: all")
    parser.add_argument("--tasks", type=int, nargs="+", default=list(NUMBERS_OF_TASKS))
    parser.add_argument(
        "--scheme", action="append", metavar="NAME=SCHEME", help="beside the others"
    )
    given = parser.parse_args()
    warnings.filterwarnings("ignore")
    more = dict(each.split("=", 1) for each in given.scheme or [])
    for case in given.case or CASES:
        measure(case, {**SCHEMES, **more}, given.tasks, given.rounds)


if __name__ == "__main__":
    main()
