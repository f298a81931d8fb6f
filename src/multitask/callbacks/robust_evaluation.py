"""Metrics of all tasks under attack, and on corrupted images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor
from torch.distributed.fsdp import FSDPModule

from multitask.errors import InputError
from multitask.module import MultiTask
from multitask.robustness.attack import Attack
from multitask.robustness.changes import (
    CORRUPTED,
    Change,
    change_name,
    changed_images,
    check_changes,
    spread_places,
)
from multitask.robustness.corruptions import Choice, Corruption, chosen_corruptions
from multitask.robustness.pixel_bounds import PixelBounds
from multitask.training.epoch_log import log_reduced
from multitask.training.evaluation import Evaluation

Batch = dict[str, Tensor]
NAME = "RobustEvaluation"


class RobustEvaluation(Callback):
    """Log the metrics of a validation or test again, for attacked and corrupted images.

    Metrics under attack are logged after a validation and after a test, as
    ``<split>/robust/<norm>-<eps>/<task>/<metric>`` and ``<split>/robust/<norm>-<eps>/score``.
    Metrics on corrupted images are logged only after a test, as
    ``test/corrupted/<kind>-<severity>/<task>/<metric>``. Their means, in which each kind has the
    same weight, are logged as ``test/corrupted/<task>/<metric>``. The model is left unchanged.

    Args:
        attacks: attacks on the model.
        corruptions: all kinds at five severities, none, or some kinds with strengths of their own:
            see `multitask.robustness.corruptions.KINDS`.
        samples: number of samples of the split, evenly spaced; default: all.
        every: number of epochs from one validation under attack to the next.
        seed: seed of random starts and of noise.

    Raises:
        InputError: if there is nothing to do, or a number is invalid.
    """

    def __init__(
        self,
        attacks: Sequence[Attack] = (),
        corruptions: bool | dict[str, list[float] | None] = False,
        samples: int | None = None,
        every: int = 1,
        seed: int = 0,
    ) -> None:
        self.attacks = list(attacks)
        self.corruptions = chosen_corruptions(_as_choice(corruptions))
        if not self.attacks and not self.corruptions:
            raise InputError(f"{NAME} has neither attacks nor corruptions; give one of them")
        if samples is not None and samples < 1:
            raise InputError(f"{NAME}: samples is {samples}; give at least 1, or null for all")
        if every < 1:
            raise InputError(f"{NAME}: every is {every}; give at least 1")
        self.samples, self.every, self.seed = samples, every, seed
        self._bounds = PixelBounds.of([])
        self._chosen = torch.ones(0, dtype=torch.bool)
        self._running: list[tuple[Change, Evaluation]] = []

    @property
    def parts(self) -> list[str]:
        """The parts of metric names that may follow ``test``, such as ``robust/inf-0.02``."""
        changes: list[Change] = [*self.attacks, *self.corruptions]
        names = [change_name(each) for each in changes]
        return [*names, *([CORRUPTED] if self.corruptions else [])]

    def check(self, model: MultiTask, data: Any) -> None:
        """Reject a model or data that cannot be evaluated in this way.

        Args:
            model: the model.
            data: a `multitask.data.DataModule`.

        Raises:
            InputError: with a suggestion of what would be valid.
        """
        check_changes([*self.attacks, *self.corruptions], model, NAME)
        self._bounds = PixelBounds.of(data.transforms)

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Check the model and the data."""
        assert isinstance(pl_module, MultiTask)
        self.check(pl_module, trainer.datamodule)  # type: ignore[attr-defined]
        if any(isinstance(each, FSDPModule) for each in pl_module.modules()):
            raise InputError(f"{NAME} cannot attack a sharded model; use the ddp strategy")

    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Reset the metrics."""
        is_due = trainer.state.fn != "fit" or (trainer.current_epoch + 1) % self.every == 0
        self._start(trainer, pl_module, "val", self.attacks if is_due else [])

    def on_test_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Reset the metrics."""
        self._start(trainer, pl_module, "test", [*self.attacks, *self.corruptions])

    def on_validation_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Batch, *_: Any
    ) -> None:
        """Attack a batch, and add it to the metrics."""
        self._count_in(trainer, pl_module, batch)

    def on_test_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Batch, *_: Any
    ) -> None:
        """Attack and corrupt a batch, and add it to the metrics."""
        self._count_in(trainer, pl_module, batch)

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log the validation metrics."""
        self._log(pl_module)

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log the test metrics."""
        self._log(pl_module)

    def _start(
        self, trainer: Trainer, module: LightningModule, split: str, changes: Sequence[Change]
    ) -> None:
        assert isinstance(module, MultiTask)
        tasks, wanted = module.named_tasks, [] if trainer.sanity_checking else changes
        names = [f"{split}/{change_name(each)}" for each in wanted]
        made = [Evaluation(name, tasks).to(module.device) for name in names]
        self._running = list(zip(wanted, made, strict=True))
        size = len(trainer.datamodule.splits[split])  # type: ignore[attr-defined]
        self._chosen = spread_places(self.samples, size)

    def _count_in(self, trainer: Trainer, module: LightningModule, batch: Batch) -> None:
        assert isinstance(module, MultiTask)
        rows = self._chosen.to(module.device)[batch["index"]]
        if not self._running or not rows.any():
            return
        own = batch if rows.all() else {name: each[rows] for name, each in batch.items()}
        self._bounds.check(self._bounds.pixels(own["image"]))
        for change, evaluation in self._running:
            with trainer.precision_plugin.forward_context():
                images = changed_images(change, module, own, own["index"], self._bounds, self.seed)
                outputs = module(*module.inputs_of({**own, "image": images}))
                evaluation.update(outputs, own, module.task_losses(outputs, own))

    def _log(self, module: LightningModule) -> None:
        # Every process must join for each metric, even one that saw no selected sample.
        values: dict[str, Tensor] = {}
        for _, evaluation in self._running:
            values |= evaluation.compute()
        log_reduced(module, {**values, **_means(self.corruptions, values)})
        self._running = []


def _as_choice(given: bool | dict[str, list[float] | None]) -> Choice:
    return given if isinstance(given, bool) else dict(given)


def _means(corruptions: Sequence[Corruption], values: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Means over severities, then over kinds."""
    found: dict[str, dict[str, list[Tensor]]] = {}
    for each in corruptions:
        prefix = f"test/{change_name(each)}/"
        for name, value in values.items():
            if name.startswith(prefix):
                kinds = found.setdefault(name.removeprefix(prefix), {})
                kinds.setdefault(each.kind, []).append(value)
    return {
        f"test/{CORRUPTED}/{name}": torch.stack(
            [torch.stack(each).mean() for each in kinds.values()]
        ).mean()
        for name, kinds in found.items()
    }
