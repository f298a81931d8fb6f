"""Measure the cost of a step of ``fit``, as a ratio to a raw torch loop with the same network.

Both train the same network on the same data with the same optimizer, interleaved in blocks of
steps in one process; ``fit`` has everything enabled: per-task metrics, logging every 50 steps, W&B
offline, the progress bar, gradient telemetry, and the end of an epoch every 50 steps. Prints the
ratio of the total times, and the median and quartiles of the ratios of paired blocks.

    python benchmarks/overhead.py [--blocks 30] [--case digits-512] [--telemetry 50]

With ``--telemetry 1``, gradients are recorded in every step. The extra time divided by 50 is the
cost of the default.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss

from multitask import MultiTask
from multitask.callbacks import GradientTelemetry, ProgressBar
from multitask.data import DataModule
from multitask.data.dataset import BatchDataset, InMemory
from multitask.encoders import ConvNet, Encoder, Timm
from multitask.runs.metrics_file import MetricsFile
from multitask.runs.settings import RunSettings
from multitask.runs.wandb_run import wandb_logger
from multitask.tasks import Classification, Regression

Batch = dict[str, Tensor]
EPOCH = 50
"""Steps in an epoch."""
BLOCK = 10
"""Steps in a block."""


class RandomImages(DataModule):
    """Random images with a class and a number.

    Args:
        shape: channels, height, width.
        batch_size: images per batch.
    """

    def __init__(self, shape: tuple[int, int, int], batch_size: int) -> None:
        super().__init__(batch_size=batch_size)
        self.shape = shape

    def load(self) -> dict[str, BatchDataset]:
        """The same random images for every split."""
        size = EPOCH * self.batch_size
        images = torch.rand(size, *self.shape)
        targets = {"label": torch.randint(10, (size,)), "number": torch.randn(size)}
        data = InMemory(images, targets)
        return {"train": data, "val": data, "test": data}


class Interleaver(Callback):
    """Times blocks of ``fit``'s steps, and a block of raw steps after each.

    Args:
        raw_step: one step of the raw loop.
        blocks: number of pairs of blocks to time.
    """

    def __init__(self, raw_step: Callable[[], None], blocks: int) -> None:
        self.raw_step, self.blocks = raw_step, blocks
        self.fit_times: list[float] = []
        self.raw_times: list[float] = []
        self.began = 0.0

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        """At a block's end, time the raw block and start the next one."""
        if trainer.global_step % BLOCK:
            return
        if self.began:
            self.fit_times.append((time.perf_counter() - self.began) / BLOCK)
        began = time.perf_counter()
        for _step in range(BLOCK):
            self.raw_step()
        if self.began:
            self.raw_times.append((time.perf_counter() - began) / BLOCK)
        trainer.should_stop = len(self.raw_times) >= self.blocks
        self.began = time.perf_counter()


def raw_loop(encoder: nn.Module, features: int, data: RandomImages) -> Callable[[], None]:
    """A plain torch training step over the same data, two heads and AdamW."""
    label_head, number_head = nn.Linear(features, 10), nn.Linear(features, 1)
    network = nn.ModuleList([encoder, label_head, number_head])
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
    batches = _forever(data)

    def step() -> None:
        batch = next(batches)
        representation = encoder(batch["image"])
        loss = cross_entropy(label_head(representation), batch["label"])
        loss = loss + mse_loss(number_head(representation).squeeze(1), batch["number"])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def _forever(data: RandomImages) -> Iterator[Batch]:
    split = data.splits["train"]
    while True:
        for indices in torch.randperm(len(split)).split(data.batch_size):
            yield split[indices]


def measure(
    name: str, encoder: Callable[[], Encoder], data: RandomImages, blocks: int, telemetry: int
) -> None:
    """Time one network and print its row."""
    data.setup()
    torch.manual_seed(0)
    raw_encoder = encoder()
    interleaver = Interleaver(raw_loop(raw_encoder, raw_encoder.out_features, data), blocks)
    model = MultiTask(
        encoder(),
        {"label": Classification(num_classes=10), "number": Regression()},
        optimizer=partial(torch.optim.AdamW, lr=1e-3),
    )
    with tempfile.TemporaryDirectory() as folder:
        wandb = wandb_logger(RunSettings(wandb="offline"), Path(folder), "benchmark")
        assert wandb is not None
        trainer = Trainer(
            accelerator="cpu",
            max_epochs=-1,
            logger=[MetricsFile(Path(folder) / "metrics.csv"), wandb],
            callbacks=[interleaver, ProgressBar(), *_watching(Path(folder), telemetry)],
            limit_val_batches=0,
            enable_checkpointing=False,
            enable_model_summary=False,
        )
        trainer.fit(model, data)
        wandb.experiment.finish()
    ratios = [
        fit / raw for fit, raw in zip(interleaver.fit_times, interleaver.raw_times, strict=True)
    ]
    low, median, high = statistics.quantiles(ratios, n=4)
    step = 1000 * statistics.median(interleaver.raw_times)
    total = sum(interleaver.fit_times) / sum(interleaver.raw_times)
    print(
        f"{name:30} raw step {step:7.2f} ms   fit / raw: total {total:.3f}, "
        f"median {median:.3f} [{low:.3f}, {high:.3f}]"
    )


def _watching(folder: Path, every: int) -> list[Callback]:
    return [GradientTelemetry(folder / "gradients.png", every)] if every else []


CASES: dict[str, tuple[str, Callable[[], Encoder], tuple[int, int, int], int]] = {
    "digits-512": ("ConvNet 24x24, batch 512", ConvNet, (1, 24, 24), 512),
    "resnet18": ("timm resnet18 64x64, batch 32", partial(Timm, "resnet18"), (3, 64, 64), 32),
}


def main() -> None:
    """Measure the chosen cases."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--blocks", type=int, default=30, help="pairs of blocks of 10 steps")
    parser.add_argument("--case", choices=CASES, action="append", help="default: all")
    parser.add_argument("--telemetry", type=int, default=50, help="every so many steps; 0 never")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    os.environ.setdefault("WANDB_SILENT", "true")
    for case in options.case or CASES:
        name, encoder, shape, batch_size = CASES[case]
        data = RandomImages(shape, batch_size)
        measure(name, encoder, data, options.blocks, options.telemetry)


if __name__ == "__main__":
    main()
