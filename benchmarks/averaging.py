"""Measure the overhead of weight averaging, as a ratio to the same training step without it.

Within one run of ``fit``, blocks of steps with and without averaging take turns. Prints the median
and quartiles of the ratios of a block to its two neighbours, and the same for blocks without
averaging (the noise of the machine). It also prints the time to recompute the statistics of batch
normalisation, once per validation, in plain steps.

    python benchmarks/averaging.py [--blocks 200] [--case digits]
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from overhead import RandomImages

from multitask import MultiTask
from multitask.callbacks import WeightAverage
from multitask.encoders import ConvNet, Encoder, Timm
from multitask.tasks import Classification, Regression

BLOCK = 5
"""Steps in a block."""
KINDS = ("plain", "averaged", "plain again")
"""In the order of a round of blocks."""


class Alternating(WeightAverage):
    """Averages in one of three blocks, and times all of them.

    Args:
        rounds: number of rounds to time.
    """

    def __init__(self, rounds: int) -> None:
        super().__init__(decay=0.999, warm_up=False)
        self.rounds = rounds
        self.times: dict[str, list[float]] = {kind: [] for kind in KINDS}
        self.refreshing = 0.0
        self.began = 0.0

    @property
    def kind(self) -> str:
        """The kind of the current block."""
        return KINDS[(self._steps or 0) // BLOCK % len(KINDS)]

    def _follow(self, model: MultiTask) -> None:
        if self.kind == "averaged":
            # The steps are counted below.
            self._steps = (self._steps or 0) - 1
            super()._follow(model)

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """Start a block."""
        if (self._steps or 0) % BLOCK == 0:
            self.began = time.perf_counter()
        if self.kind == "averaged":
            super().on_train_batch_start(trainer, pl_module)

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """End a block; after the last one, time the recomputed statistics."""
        kind = self.kind
        if kind == "averaged":
            super().on_train_batch_end(trainer, pl_module)
        self._steps = (self._steps or 0) + 1
        if self._steps % BLOCK:
            return
        self.times[kind].append((time.perf_counter() - self.began) / BLOCK)
        if len(self.times[KINDS[-1]]) == self.rounds:
            began = time.perf_counter()
            self._show(trainer, pl_module)
            self._hide()
            self.refreshing = time.perf_counter() - began
            trainer.should_stop = True


def ratio(over: Sequence[float], under: Sequence[float]) -> str:
    """The median of paired ratios, and their quartiles."""
    low, median, high = statistics.quantiles(
        [one / other for one, other in zip(over, under, strict=True)], n=4
    )
    return f"{median:.3f} [{low:.3f}, {high:.3f}]"


def measure(name: str, encoder: Callable[[], Encoder], data: RandomImages, rounds: int) -> None:
    """Time one network and print its row."""
    data.setup()
    torch.manual_seed(0)
    model = MultiTask(
        encoder(),
        {"label": Classification(num_classes=10), "number": Regression()},
        optimizer=partial(torch.optim.AdamW, lr=1e-3),
    )
    average = Alternating(rounds)
    trainer = Trainer(
        accelerator="auto",
        devices=1,
        max_epochs=-1,
        logger=False,
        callbacks=[average],
        limit_val_batches=0,
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=False,
    )
    trainer.fit(model, data)
    plain, averaged, again = (average.times[kind][1:] for kind in KINDS)
    step = statistics.median(plain)
    # Before and after, so that drift, such as of the processor's clock, affects both.
    beside = [(one + other) / 2 for one, other in zip(plain, again, strict=True)]
    print(
        f"{name:30} plain step {1000 * step:7.2f} ms   "
        f"averaged / plain: {ratio(averaged, beside)}   plain / plain: {ratio(again, plain)}   "
        f"statistics: {average.refreshing / step:.1f} steps",
        flush=True,
    )


CASES: dict[str, tuple[str, Callable[[], Encoder], tuple[int, int, int], int]] = {
    "digits": ("ConvNet 24x24, batch 64", ConvNet, (1, 24, 24), 64),
    "resnet18": ("timm resnet18 64x64, batch 32", partial(Timm, "resnet18"), (3, 64, 64), 32),
}


def main() -> None:
    """Measure the chosen cases."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--blocks", type=int, default=200, help="rounds of three blocks of 5 steps")
    parser.add_argument("--case", choices=CASES, action="append", help="default: all")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    for case in options.case or CASES:
        name, encoder, shape, batch_size = CASES[case]
        measure(name, encoder, RandomImages(shape, batch_size), options.blocks)


if __name__ == "__main__":
    main()
