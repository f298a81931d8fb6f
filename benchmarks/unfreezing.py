"""Measure the cost of a step with a frozen encoder, and the overhead of an unfreezing plan.

Within one run of ``fit``, four kinds of blocks of steps take turns: nothing frozen, a plan that has
unfrozen everything, the encoder frozen by hand, and the encoder frozen by a plan. Prints medians,
with quartiles, of the ratio of a frozen block to a plain one, and of a block with a plan to its two
neighbours without one. Switches happen between the blocks and are timed separately.

    python benchmarks/unfreezing.py [--blocks 200] [--case digits]
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable, Sequence
from functools import partial

import torch
from averaging import CASES, ratio
from lightning.pytorch import LightningModule, Trainer
from overhead import RandomImages

from multitask import MultiTask
from multitask.callbacks import Unfreezing
from multitask.encoders import Encoder
from multitask.tasks import Classification, Regression

BLOCK = 5
"""Steps in a block."""
KINDS = ("plain", "thawed", "plain again", "frozen by hand", "frozen", "frozen by hand again")
"""In the order of a round of blocks."""
NEVER = 10**9


class Alternating(Unfreezing):
    """Freezes the encoder in some of the blocks, and times all of them.

    Args:
        rounds: number of rounds to time.
    """

    def __init__(self, rounds: int) -> None:
        super().__init__(["encoder"], {"encoder": NEVER})
        self.rounds, self.step = rounds, 0
        self.times: dict[str, list[float]] = {kind: [] for kind in KINDS}
        self.switches: list[float] = []
        self.began = 0.0

    @property
    def kind(self) -> str:
        """The kind of the current block."""
        return KINDS[self.step // BLOCK % len(KINDS)]

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, *batch: object
    ) -> None:
        """Start a block."""
        if self.step % BLOCK == 0:
            begin = NEVER if self.kind.startswith("frozen") else 0
            self.plan.begins = {"encoder": begin}
            self._parameters = dict.fromkeys(self._parameters, begin)
            self._modules = dict.fromkeys(self._modules, begin)
            before = time.perf_counter()
            self._switch(trainer, pl_module)
            self.began = time.perf_counter()
            self.switches.append(self.began - before)
        if self.kind in ("thawed", "frozen"):
            super().on_train_batch_start(trainer, pl_module, *batch)

    def on_train_batch_end(self, trainer: Trainer, *_: object) -> None:
        """End a block."""
        kind = self.kind
        self.step += 1
        if self.step % BLOCK:
            return
        if trainer.strategy.root_device.type == "cuda":
            torch.cuda.synchronize()
        self.times[kind].append((time.perf_counter() - self.began) / BLOCK)
        trainer.should_stop = len(self.times[KINDS[-1]]) == self.rounds


def between(before: Sequence[float], after: Sequence[float]) -> list[float]:
    """The means of the times before and after, so that drift affects both equally."""
    return [(one + other) / 2 for one, other in zip(before, after, strict=True)]


def measure(name: str, encoder: Callable[[], Encoder], data: RandomImages, rounds: int) -> None:
    """Time one network and print its row."""
    data.setup()
    torch.manual_seed(0)
    model = MultiTask(
        encoder(),
        {"label": Classification(num_classes=10), "number": Regression()},
        optimizer=partial(torch.optim.AdamW, lr=1e-3),
    )
    plan = Alternating(rounds)
    trainer = Trainer(
        accelerator="auto",
        devices=1,
        max_epochs=-1,
        logger=False,
        callbacks=[plan],
        limit_val_batches=0,
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=False,
    )
    trainer.fit(model, data)
    plain, thawed, again, by_hand, frozen, by_hand_again = (plan.times[kind][1:] for kind in KINDS)
    print(
        f"{name:30} plain step {1000 * statistics.median(plain):7.2f} ms   "
        f"frozen / plain: {ratio(frozen, plain)}   "
        f"plan that has thawed / no plan: {ratio(thawed, between(plain, again))}   "
        f"frozen by a plan / by hand: {ratio(frozen, between(by_hand, by_hand_again))}   "
        f"a switch: {1000 * statistics.median(plan.switches):.2f} ms",
        flush=True,
    )


def main() -> None:
    """Measure the chosen cases."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--blocks", type=int, default=200, help="rounds of six blocks of 5 steps")
    parser.add_argument("--case", choices=CASES, action="append", help="default: all")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    for case in options.case or CASES:
        name, encoder, shape, batch_size = CASES[case]
        measure(name, encoder, RandomImages(shape, batch_size), options.blocks)


if __name__ == "__main__":
    main()
