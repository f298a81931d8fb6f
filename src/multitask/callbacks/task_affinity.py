"""Which task's training helps which: estimated in one run by lookahead steps."""

from __future__ import annotations

from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from multitask.callbacks.unfreezing import Unfreezing
from multitask.errors import InputError
from multitask.module import MultiTask
from multitask.training.look import Look


class TaskAffinity(Callback):
    """Log how much an encoder step for one task alone would lower another task's loss.

    Fifty et al., 2021 (arXiv 2109.04617), equation 1: ``affinity/<task>/<other>`` is the mean of
    ``1 - L_other(after) / L_other(before)`` over the estimates so far, after a plain gradient step
    of the encoder for ``task`` on the same batch. The denominator is the absolute value of
    ``L_other(before)``, which may be negative for a density. A positive value means that training
    ``task`` helps ``other``. An estimate needs a backward and a forward pass for each task, and
    changes nothing. While `Unfreezing` keeps the whole encoder frozen, no estimates are made. What
    a task ``teaches`` is ignored: for a task that only reads, the affinity shows whether it should
    teach.

    Args:
        every: number of batches from one estimate to the next.
        learning_rate: learning rate of the lookahead step; default: the optimizer's.

    Raises:
        InputError: if ``every`` is less than 1.
    """

    def __init__(self, every: int = 50, learning_rate: float | None = None) -> None:
        if every < 1:
            raise InputError(f"every is {every}; give a number of batches, at least 1")
        self.every, self.learning_rate = every, learning_rate
        self.batches = 0
        self._sums: Tensor | float = 0.0
        self._looks: Tensor | float = 0.0

    def state_dict(self) -> dict[str, Any]:
        """The sum of all estimates so far."""
        return {"batches": self.batches, "sums": self._sums, "looks": self._looks}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        self.batches = state_dict["batches"]
        self._sums, self._looks = state_dict["sums"], state_dict["looks"]

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Reject a strategy that allows no lookahead step, or an encoder that is never updated.

        Raises:
            InputError: with what to set.
        """
        if stage == "fit" and pl_module.device_mesh is not None:
            raise InputError("TaskAffinity needs whole parameters; use the ddp strategy")
        if stage == "fit":
            assert isinstance(pl_module, MultiTask)
            self.check(pl_module, trainer)

    def check(self, model: MultiTask, trainer: Trainer) -> None:
        """Reject an encoder of which no part learns during training.

        Args:
            model: the model.
            trainer: the Trainer, before it trains.

        Raises:
            InputError: with what to change.
        """
        encoder, callbacks = model.encoder, trainer.callbacks  # type: ignore[attr-defined]
        plans = [each for each in callbacks if isinstance(each, Unfreezing)]
        is_frozen = not any(each.requires_grad for each in encoder.parameters())
        if is_frozen or any(each.never_learns(encoder, model) for each in plans):
            raise InputError(
                "TaskAffinity tries steps of the encoder, which is frozen; remove TaskAffinity, "
                "or let a part of the encoder learn"
            )

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Estimate the affinities if due, and log them."""
        assert isinstance(pl_module, MultiTask)
        is_due = self.batches % self.every == 0
        self.batches += 1
        look = Look(pl_module, batch)
        if not is_due or not look.shared:
            return
        found = _affinities(look, self.learning_rate).cpu().double()
        known = found.isfinite()
        self._sums = self._sums + torch.where(known, found, 0)
        self._looks = self._looks + known.double()
        means = torch.as_tensor(self._sums) / torch.as_tensor(self._looks)
        tasks = list(pl_module.tasks)
        values = {
            f"affinity/{task}/{other}": float(means[i, j])
            for i, task in enumerate(tasks)
            for j, other in enumerate(tasks)
            if i != j and bool(means[i, j].isfinite())
        }
        for logger in trainer.loggers:
            row = {**values, "epoch": trainer.current_epoch}
            logger.log_metrics(row, step=trainer.global_step)


def _affinities(look: Look, learning_rate: float | None) -> Tensor:
    """Relative decrease of the losses, shape ``[task, other]``; NaN if unknown."""
    labelled = look.labelled(look.batch)
    found = torch.full((len(labelled), len(labelled)), torch.nan, device=labelled.device)
    known = labelled.nonzero().flatten().tolist()
    before, slopes = look.gradients(look.batch, torch.eye(len(labelled))[known])
    found = found.to(before)
    for place, slope in zip(known, slopes, strict=True):
        stepped = {
            name: each.detach() - (learning_rate or look.rates[name]) * slope[name]
            for name, each in look.shared.items()
        }
        after = look.losses(look.batch, stepped)
        found[place] = torch.where(labelled, (before - after) / before.abs(), torch.nan)
    return found
