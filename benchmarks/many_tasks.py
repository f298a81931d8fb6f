"""Measure the cost of 5, 20 and 50 tasks beyond the network: losses, metrics, telemetry.

Each number is a ratio within one run, or a size. The losses are those of regressions of one number,
forward and backward: the ratio of `TaskLosses` to computing each task separately. An epoch's end is
that of a validation: all metrics are computed and logged to ``metrics.csv``, as a ratio to the time
of training steps on a small network. The state and figures of the telemetry are those after 1,000
records.

    python benchmarks/many_tasks.py [--tasks 5 20 50]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer
from matplotlib.image import imread
from torch import Tensor

from multitask import MultiTask
from multitask.callbacks import GradientTelemetry
from multitask.data import DataModule
from multitask.data.dataset import BatchDataset, InMemory
from multitask.encoders import ConvNet
from multitask.runs.metrics_file import MetricsFile
from multitask.tasks import Regression, Task
from multitask.training.task_losses import TaskLosses

BATCH, STEPS, EPOCHS, RECORDS = 64, 20, 4, 1000


class RandomNumbers(DataModule):
    """Random images with unrelated numbers.

    Args:
        tasks: names of the numbers.
    """

    def __init__(self, tasks: list[str]) -> None:
        super().__init__(batch_size=BATCH)
        self.names_of_tasks = tasks

    def load(self) -> dict[str, BatchDataset]:
        """The same random images for every split."""
        size = BATCH * STEPS
        targets = {name: torch.randn(size) for name in self.names_of_tasks}
        data = InMemory(torch.rand(size, 1, 24, 24), targets)
        return {"train": data, "val": data, "test": data}


class Clock(Callback):
    """Times each training step, and the end of each validation."""

    def __init__(self) -> None:
        self.steps: list[float] = []
        self.ends: list[float] = []
        self.began = 0.0

    def on_train_batch_start(self, *_: Any) -> None:
        """Start."""
        self.began = time.perf_counter()

    def on_train_batch_end(self, *_: Any) -> None:
        """Stop."""
        self.steps.append(time.perf_counter() - self.began)

    def on_validation_epoch_end(self, *_: Any) -> None:
        """Start the clock; Lightning calls callbacks before the model."""
        self.began = time.perf_counter()

    def on_validation_end(self, *_: Any) -> None:
        """Stop."""
        self.ends.append(time.perf_counter() - self.began)


def regressions(count: int) -> dict[str, Task]:
    """Create a number of tasks of one kind."""
    return {f"number_{place}": Regression() for place in range(count)}


def median_time(compute: Callable[[], Tensor], outputs: list[Tensor]) -> float:
    """Seconds for a forward and a backward pass through losses."""
    times = []
    for _round in range(30):
        began = time.perf_counter()
        torch.autograd.grad(compute()[0].sum(), outputs)
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def losses(count: int) -> str:
    """Compare the losses computed together with those computed one by one."""
    tasks = regressions(count)
    outputs = {name: torch.randn(BATCH, 1, requires_grad=True) for name in tasks}
    targets = {name: torch.randn(BATCH) for name in tasks}
    together = TaskLosses(tasks)

    def one_by_one() -> Tensor:
        pairs = [torch.stack(task.loss(outputs[name], targets[name])) for name, task in alone]
        return torch.stack(pairs, 1)

    alone, leaves = list(tasks.items()), list(outputs.values())
    joint = median_time(lambda: together(outputs, targets), leaves)
    single = median_time(one_by_one, leaves)
    return f"{joint / single:.2f} ({1000 * joint:.2f} / {1000 * single:.2f} ms)"


def epoch_end(count: int) -> str:
    """Compare a validation's end with a training step."""
    tasks, clock = regressions(count), Clock()
    data = RandomNumbers(list(tasks))
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            accelerator="cpu",
            max_epochs=EPOCHS,
            logger=MetricsFile(Path(folder) / "metrics.csv"),
            callbacks=[clock],
            num_sanity_val_steps=0,
            enable_checkpointing=False,
            enable_model_summary=False,
            enable_progress_bar=False,
        )
        trainer.fit(MultiTask(ConvNet(), tasks), data)
    step, end = statistics.median(clock.steps), statistics.median(clock.ends)
    return f"{end / step:.1f} steps ({1000 * end:.0f} / {1000 * step:.1f} ms)"


def telemetry(count: int) -> str:
    """Sizes of the telemetry's state in a checkpoint, and of its figures."""
    model = MultiTask(ConvNet(channels=[2]), regressions(count))
    with tempfile.TemporaryDirectory() as folder:
        watch = GradientTelemetry(Path(folder) / "gradients.png")
        for at in range(RECORDS):
            gradients = torch.randn(count, 20, dtype=torch.float64)
            watch.records.add(at, gradients @ gradients.T, torch.ones(count))
        state, trainer = BytesIO(), SimpleNamespace(is_global_zero=True, loggers=[])
        torch.save(watch.state_dict(), state)
        watch.on_train_end(trainer, model)  # type: ignore[arg-type]
        pictures = [imread(path).shape for path in sorted(Path(folder).glob("*.png"))]
    sizes = " and ".join(f"{width} x {height}" for height, width, _ in pictures)
    return f"{len(state.getvalue()) / 2**20:.2f} MiB, pictures of {sizes} pixels"


def main() -> None:
    """Print a paragraph for each number of tasks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tasks", type=int, nargs="+", default=[5, 20, 50])
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    for count in options.tasks:
        print(f"{count} tasks")
        print(f"  losses, together / one by one: {losses(count)}")
        print(f"  a validation's end / a training step: {epoch_end(count)}")
        print(f"  telemetry after {RECORDS:,} records: {telemetry(count)}", flush=True)


if __name__ == "__main__":
    main()
