"""Measure how well gradient methods resolve the conflict of three tasks, by the level they use.

Trains on the overlaid digits, whose offset dominates the two classes in the plain sum: ConvNet,
AdamW with a cosine schedule to 0, 310 steps of 64 images, the setting of
configs/experiment/overlaid_digits.yaml. The accuracies and the offset's root mean square error, in
percent of its standard deviation, are those of the last weights on the test images. A range is the
95 % t-interval over the seeds.

    python benchmarks/conflict.py [--seeds 5] [--methods PCGrad UPGrad]
"""

from __future__ import annotations

import argparse
import logging
import math
import multiprocessing
import statistics
import sys
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
import torchjd.aggregation
from lightning.pytorch import Trainer, seed_everything
from scipy.stats import t as student
from torch.optim import AdamW
from torch.optim.lr_scheduler import CosineAnnealingLR

from multitask import MultiTask
from multitask.balancing import Balancer, FixedWeights, GradientBalancer
from multitask.balancing.level import LevelName
from multitask.data import OverlaidDigits
from multitask.encoders import ConvNet
from multitask.tasks import Classification, Regression, Task

CLASSES = ("left", "right")
NUMBER = "offset"
TASKS = (*CLASSES, NUMBER)
EPOCHS = 10
METHODS = ("PCGrad", "UPGrad", "MGDA", "IMTLG")
CONFLICT_METHODS = ("PCGrad", "UPGrad")
"""Those whose levels are compared seed by seed."""
LEVELS: dict[str, tuple[LevelName, int]] = {
    "representation": ("representation", 1),
    "shared every 1": ("shared", 1),
    "shared every 10": ("shared", 10),
}
PAIRS = (("shared every 10", "shared every 1"), ("shared every 10", "representation"))


@dataclass(frozen=True)
class Case:
    """One way of training.

    Args:
        name: name in the table.
        tasks: tasks to learn.
        weight: factor on the regression's loss.
        method: an aggregator of torchjd, by name; default: the sum of the losses.
        place: level at which the method works, a key of ``LEVELS``.
    """

    name: str
    tasks: tuple[str, ...] = TASKS
    weight: float = 1.0
    method: str | None = None
    place: str = "representation"

    def balancer(self) -> Balancer:
        """Make a new balancer."""
        if self.method is None:
            return FixedWeights()
        level, every = LEVELS[self.place]
        return GradientBalancer(getattr(torchjd.aggregation, self.method)(), level, every=every)

    def task(self, name: str) -> Task:
        """Make a new task; the regression uses its raw unit."""
        if name in CLASSES:
            return Classification(num_classes=10)
        return Regression(unit="%", scale="none", weight=self.weight)


def cases(methods: Sequence[str]) -> list[Case]:
    """All ways of training: a network per task, fixed weights, and every method at every level."""
    singles = [Case(f"single {task}", tasks=(task,)) for task in TASKS]
    fixed = [Case("plain sum"), Case("weights 1, 1, .05", weight=0.05)]
    balanced = [
        Case(_name(method, place), method=method, place=place)
        for method in methods
        for place in LEVELS
    ]
    return [*singles, *fixed, *balanced]


def train(case: Case, seed: int) -> dict[str, float]:
    """Train and test one network.

    Returns:
        By task, the accuracy in percent, or the error in percent of a standard deviation.
    """
    seed_everything(seed, verbose=False)
    data = OverlaidDigits(tasks=case.tasks, seed=seed)
    data.setup()
    model = MultiTask(
        ConvNet(),
        {name: case.task(name) for name in case.tasks},
        balancer=case.balancer(),
        optimizer=partial(AdamW, lr=5e-3, weight_decay=1e-4),
        scheduler=partial(CosineAnnealingLR, T_max=EPOCHS * len(data.train_dataloader())),
    )
    trainer = _silent_trainer()
    trainer.fit(model, data)
    (metrics,) = trainer.test(model, data, verbose=False)
    return {name: _score(name, metrics) for name in case.tasks}


def train_all(chosen: Sequence[Case], seeds: int) -> dict[str, list[dict[str, float]]]:
    """Train every case with every seed, two at a time; return the scores by case, in seed order."""
    jobs = [(case, seed) for seed in range(seeds) for case in chosen]
    found: dict[str, list[dict[str, float]]] = {case.name: [] for case in chosen}
    with multiprocessing.get_context("spawn").Pool(2, initializer=_be_quiet) as pool:
        running = [pool.apply_async(train, job) for job in jobs]
        for number, ((case, _), score) in enumerate(zip(jobs, running, strict=True), start=1):
            found[case.name].append(score.get())
            print(f"\r{number} of {len(jobs)} nets", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return found


def print_scores(found: dict[str, list[dict[str, float]]]) -> None:
    """Print the mean and interval of every case."""
    _print_row("", ["left %", "right %", "offset error % of SD"])
    for name, scores in found.items():
        _print_row(name, [_range(score.get(task) for score in scores) for task in TASKS])


def print_differences(found: dict[str, list[dict[str, float]]], methods: Iterable[str]) -> None:
    """Print the mean and interval of the differences between levels, paired by seed."""
    _print_row("\npaired differences", ["left", "right", "offset error"])
    for method in methods:
        for one, other in PAIRS:
            pairs = list(zip(found[_name(method, one)], found[_name(method, other)], strict=True))
            row = [_range((a[task] - b[task] for a, b in pairs), sign="+") for task in TASKS]
            _print_row(f"{method}: {one} - {other}", row)


def _name(method: str, place: str) -> str:
    return f"{method}, {place}"


def _score(name: str, metrics: Mapping[str, float]) -> float:
    if name in CLASSES:
        return 100 * metrics[f"test/{name}/accuracy"]
    return 100 * math.sqrt(1 - metrics[f"test/{name}/r2"])


def _range(values: Iterable[float | None], sign: str = "") -> str:
    known = [value for value in values if value is not None]
    if not known:
        return "-"
    spread = statistics.stdev(known) / math.sqrt(len(known))
    half = float(student.ppf(0.975, len(known) - 1)) * spread
    return f"{statistics.mean(known):{sign}.1f} +- {half:.1f}"


def _print_row(name: str, columns: Iterable[str]) -> None:
    print(f"{name:48}", *(f"{column:>20}" for column in columns))


def _silent_trainer() -> Trainer:
    return Trainer(
        accelerator="cpu",
        max_epochs=EPOCHS,
        logger=False,
        limit_val_batches=0,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


def _be_quiet() -> None:
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)


def main() -> None:
    """Train the chosen cases and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5, help="how many, at least 2")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    options = parser.parse_args()
    if options.seeds < 2:
        parser.error("an interval takes at least 2 seeds")
    found = train_all(cases(options.methods), options.seeds)
    print_scores(found)
    print_differences(found, [each for each in CONFLICT_METHODS if each in options.methods])


if __name__ == "__main__":
    main()
